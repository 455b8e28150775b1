"""Listens to a sound card: the callback only copies, a thread does the rest and brings a lost device back."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from model.errors import DeviceError
from stream.clock import Clock
from stream.devices import Device, SoundSystem
from stream.inlet import Sink
from stream.records import SourceState, SourceStatus
from stream.ring_buffer import RingBuffer
from stream.sources.source import Source
from stream.watchdog import Watchdog

POLL_SECONDS = 0.01
RING_SECONDS = 10.0
REAL_CHANNELS = 8
"""Devices with more inputs than this are virtual (ALSA's "default" offers 32) and copy a stereo pair to all of them."""
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""How long to wait before a lost device is tried again, the first time, the second, ...; then always the last."""


class Capture:
    """An open input stream, and the ring its callback copies into.

    DeviceError where the device cannot be opened.
    """

    def __init__(self, sound: SoundSystem, device: Device, clock: Clock) -> None:
        self._clock = clock
        self.rate = device.sample_rate
        self.channels = device.inputs if device.inputs <= REAL_CHANNELS else 2
        self.ring = RingBuffer(round(RING_SECONDS * self.rate), channels=self.channels)
        self.captured_at = clock.now()
        self.flagged = 0
        """Times PortAudio itself said that something was lost."""
        self._stream = sound.open_input(device, rate=self.rate, channels=self.channels, callback=self._callback)

    @property
    def active(self) -> bool:
        """False once the device is lost."""
        return self._stream.active

    def close(self) -> None:
        self._stream.close()

    def _callback(self, block: np.ndarray, _frames: int, _time: Any, status: Any) -> None:
        # Runs in PortAudio's thread, which must not be kept waiting: copy (the buffer is used again), note, return.
        self.ring.write(block)
        self.captured_at = self._clock.now()
        if status:
            self.flagged += 1


class SoundCardSource(Source):
    """A microphone, a line input, a loop-back.

    name : a device's name or an unmistakable part of it; None is the default input. It is looked up by name again
        whenever the device has to be reopened: PortAudio's indices change.
    """

    def __init__(self, sound: SoundSystem, name: str | None, clock: Clock) -> None:
        self._sound = sound
        self._clock = clock
        self._name = sound.find_input(name).name
        self._state = SourceState.STARTING
        self._detail = ""
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._capture: Capture | None = None

    def start(self, inlet: Sink) -> None:
        # The first time is tried here, so that a busy device is an error at once and not a spinning page.
        self._capture = Capture(self._sound, self._sound.find_input(self._name), self._clock)
        self._thread = threading.Thread(target=self._run, args=(inlet,), name="sound-card", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def status(self) -> SourceStatus:
        return SourceStatus(kind="sound card", title=self._name, state=self._state, detail=self._detail)

    # ---- the thread ----------------------------------------------------------------------------------------------

    def _run(self, inlet: Sink) -> None:
        tries = 0
        while not self._stopped.is_set():
            if self._capture is not None:
                if self._listen(self._capture, inlet):
                    tries = 0
                self._capture.close()
                self._capture = None
                continue
            self._state = SourceState.RECONNECTING
            self._clock.wait(self._stopped, BACK_OFF_SECONDS[min(tries, len(BACK_OFF_SECONDS) - 1)])
            tries += 1
            self._reopen()

    def _listen(self, capture: Capture, inlet: Sink) -> bool:
        """Pass on what is captured until the device is lost or listening is over. True if any sound arrived."""
        inlet.begin(capture.rate)
        opened_at = self._clock.now()
        watchdog = Watchdog(capture.rate, opened_at)
        read = 0
        while not self._stopped.is_set():
            captured_at = capture.captured_at
            block, first = capture.ring.read(read, capture.ring.capacity)
            if first > read:
                inlet.lost((first - read) / capture.rate)
            read = first + len(block)
            now = self._clock.now()
            if lost := watchdog.saw(len(block), now):
                inlet.lost(lost)
            if len(block):
                self._state, self._detail = SourceState.RUNNING, ""
                inlet.push(block, captured_at)
            elif watchdog.stalled(now) or not capture.active:
                inlet.quiet()
                inlet.finish()
                self._state = SourceState.NO_SOUND
                self._detail = f"{self._name} delivers no sound; it is being opened again"
                break
            self._clock.wait(self._stopped, POLL_SECONDS)
        return read > 0

    def _reopen(self) -> None:
        try:
            self._sound.refresh()
            self._capture = Capture(self._sound, self._sound.find_input(self._name), self._clock)
        except DeviceError as error:
            self._detail = f"{self._name} is gone; it is tried again every few seconds ({error.what})"
