"""The machine's sound devices, found by name. The only module that talks to PortAudio's device list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.errors import DeviceError
from model.standard_error import quiet_standard_error

INSTALL_PORTAUDIO = "Install it: apt install libportaudio2 (Debian, Ubuntu), dnf install portaudio (Fedora)"
LOOPBACK_WORDS = (
    "monitor",
    "loopback",
    "stereo mix",
    "what u hear",
    "blackhole",
    "soundflower",
    "vb-audio",
    "cable output",
)


@dataclass(frozen=True)
class Device:
    """A sound device as PortAudio sees it at this moment. Remember it by name: indices change."""

    index: int
    name: str
    driver: str
    """Host API: ALSA, PulseAudio, Core Audio, WASAPI ..."""
    inputs: int
    """Channels it records; 0 if it does not."""
    outputs: int
    """Channels it plays; 0 if it does not."""
    sample_rate: float
    """Its default rate, Hz."""
    default_input: bool
    default_output: bool

    @property
    def loopback(self) -> bool:
        """It records what the computer plays (a monitor or loop-back device), going by its name."""
        return self.inputs > 0 and any(word in self.name.lower() for word in LOOPBACK_WORDS)

    @property
    def title(self) -> str:
        marks = [mark for mark, holds in (("default", self.default_input), ("loopback", self.loopback)) if holds]
        return f"{self.name} ({', '.join(marks)})" if marks else self.name


Callback = Callable[[np.ndarray, int, Any, Any], None]
"""PortAudio's: block, frames, times, status. It must not wait for anything."""


class OpenStream:
    """A running input or output."""

    def __init__(self, stream: Any, closed: Callable[[], None]) -> None:
        self._stream = stream
        self._closed = closed

    @property
    def active(self) -> bool:
        """False as soon as PortAudio has given the stream up: a killed sound server shows nowhere else."""
        return bool(self._stream.active)

    def close(self) -> None:
        """Stop at once, and free the device."""
        try:
            self._stream.abort(ignore_errors=True)
            self._stream.close(ignore_errors=True)
        finally:
            self._closed()


class SoundSystem:
    """Late access to sounddevice: imported when first needed, absent without harm.

    One per process. It knows how many streams are open, because refreshing PortAudio's device list closes them all.

    importer : returns the sounddevice module; tests hand in one that fails.
    """

    def __init__(self, importer: Callable[[], Any] | None = None) -> None:
        self._importer = importer or _import_sounddevice
        self._module: Any = None
        self._missing: str | None = None
        self._streams = 0
        self._lock = threading.RLock()

    @property
    def missing(self) -> str | None:
        """Why there is no sound system, in one line with what to do; None if there is one."""
        self._load()
        return self._missing

    @property
    def api(self) -> Any:
        """The sounddevice module; DeviceError where PortAudio is missing."""
        if self.missing is not None:
            raise DeviceError("PortAudio is missing", rule="sound cards need it", next_step=INSTALL_PORTAUDIO)
        return self._module

    def devices(self) -> list[Device]:
        """Every device, in PortAudio's order."""
        api = self.api
        with self._lock:
            drivers = api.query_hostapis()
            default_input, default_output = api.default.device
            return [
                Device(
                    index=index,
                    name=str(entry["name"]),
                    driver=str(drivers[entry["hostapi"]]["name"]),
                    inputs=int(entry["max_input_channels"]),
                    outputs=int(entry["max_output_channels"]),
                    sample_rate=float(entry["default_samplerate"]),
                    default_input=index == default_input,
                    default_output=index == default_output,
                )
                for index, entry in enumerate(api.query_devices())
            ]

    def inputs(self) -> list[Device]:
        """Devices one can listen to."""
        return [device for device in self.devices() if device.inputs]

    def outputs(self) -> list[Device]:
        """Devices one can play to."""
        return [device for device in self.devices() if device.outputs]

    def find_input(self, name: str | None) -> Device:
        """The input with this name (or a part of it, if only one has it); None is the default. DeviceError if none."""
        return self._find(self.inputs(), name, "input", lambda device: device.default_input)

    def find_output(self, name: str | None) -> Device:
        """The output with this name, as `find_input`."""
        return self._find(self.outputs(), name, "output", lambda device: device.default_output)

    def refresh(self) -> None:
        """Read the device list anew, unless a stream is open: PortAudio would close it."""
        with self._lock:
            if self._module is not None and self._streams == 0:
                with quiet_standard_error():
                    self._module._terminate()
                    self._module._initialize()

    def open_input(self, device: Device, *, rate: float, channels: int, callback: Callback) -> OpenStream:
        """Start to record from a device in blocks, float32 [n, channels]. DeviceError where that is impossible."""
        return self._open("InputStream", device, rate, channels, callback)

    def open_output(self, device: Device, *, rate: float, channels: int, callback: Callback) -> OpenStream:
        """Start to play to a device; the callback fills blocks, float32 [n, channels]. DeviceError, as above."""
        return self._open("OutputStream", device, rate, channels, callback)

    def _open(self, kind: str, device: Device, rate: float, channels: int, callback: Callback) -> OpenStream:
        with self._lock:
            try:
                with quiet_standard_error():
                    stream = getattr(self.api, kind)(
                        samplerate=rate,
                        device=device.index,
                        channels=channels,
                        dtype="float32",
                        latency="low",
                        callback=callback,
                    )
                    stream.start()
            except DeviceError:
                raise
            except Exception as error:  # PortAudioError, ValueError: whatever it is, the device cannot be used
                raise DeviceError(
                    f"{device.name!r} cannot be opened ({error})",
                    next_step="Close other programs that use it, or choose another; `genrescope devices` lists them",
                ) from None
            self._streams += 1
        return OpenStream(stream, self._closed)

    def _closed(self) -> None:
        with self._lock:
            self._streams -= 1

    def _load(self) -> None:
        with self._lock:
            if self._module is None and self._missing is None:
                try:
                    self._module = self._importer()
                except (OSError, ImportError) as error:
                    self._missing = f"no sound card can be used ({error}). {INSTALL_PORTAUDIO}"

    @staticmethod
    def _find(devices: list[Device], name: str | None, kind: str, is_default: Callable[[Device], bool]) -> Device:
        there_are = ", ".join(repr(device.name) for device in devices) or "none"
        if name is None:
            chosen = [device for device in devices if is_default(device)] or devices
        else:
            wanted = name.casefold()
            chosen = [device for device in devices if device.name.casefold() == wanted]
            chosen = chosen or [device for device in devices if wanted in device.name.casefold()]
            if len({device.name for device in chosen}) > 1:
                raise DeviceError(
                    f"{len(chosen)} {kind} devices match {name!r}",
                    rule="the name must fit one",
                    next_step=f"There are: {there_are}",
                )
        if not chosen:
            what = f"there is no {kind} device" + ("" if name is None else f" {name!r}")
            raise DeviceError(what, next_step=f"There are: {there_are}. `genrescope devices` lists them")
        return chosen[0]


def _import_sounddevice() -> Any:
    # ALSA and JACK print pages while PortAudio looks for devices; none of it helps anybody.
    with quiet_standard_error():
        import sounddevice

    return sounddevice
