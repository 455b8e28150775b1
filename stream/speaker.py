"""Plays what a file source plays, through the sound card, without ever holding it up."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.errors import DeviceError
from stream.devices import Device, SoundSystem
from stream.ring_buffer import RingBuffer

RING_SECONDS = 2.0
LEAD_SECONDS = 0.12
"""Sound held ready, so that a late block is not heard as a gap."""
DRIFT_SECONDS = 0.25
"""The card's clock and ours drift apart by some milliseconds an hour. Beyond this the speaker jumps back in step."""


class SpeakerOutput:
    """The speaker of a file source: chosen by name once, opened anew where a track has another rate, or absent.

    choice : "auto" (the default output, if there is one), "none", or a device's name (DeviceError if unknown).
    """

    def __init__(self, sound: SoundSystem, choice: str) -> None:
        self._sound = sound
        self._device = self._choose(choice)
        self._speaker: Speaker | None = None
        self.problem = ""
        """Why there is no sound although a speaker was chosen; one sentence."""

    @property
    def name(self) -> str | None:
        """The device's name; None where nothing is played here, and the browser may."""
        return self._device.name if self._device is not None else None

    def prepare(self, rate: int, channels: int) -> None:
        """A track of this rate and number of channels begins, or playback goes on at another place."""
        if self._device is None:
            return
        wanted = (rate, min(channels, self._device.outputs))
        if self._speaker is not None and (self._speaker.rate, self._speaker.channels) == wanted:
            self._speaker.silence()
            return
        self.close()
        try:
            self._speaker = Speaker(self._sound, self._device, rate, channels)
        except DeviceError as error:
            # The show goes on without the speaker; the browser can play it.
            self.problem = str(error)
            self._device = None

    def write(self, block: np.ndarray) -> None:
        """The next block, float32 [n, channels]; never waits."""
        if self._speaker is not None:
            self._speaker.write(block)

    def silence(self) -> None:
        """Forget what has not been played yet: after a pause or a seek nobody wants to hear it."""
        if self._speaker is not None:
            self._speaker.silence()

    def close(self) -> None:
        if self._speaker is not None:
            self._speaker.close()
            self._speaker = None

    def _choose(self, choice: str) -> Device | None:
        if choice == "none" or (choice == "auto" and self._sound.missing is not None):
            return None
        try:
            return self._sound.find_output(None if choice == "auto" else choice)
        except DeviceError:
            if choice == "auto":
                return None
            raise


class Speaker:
    """An open output device at one rate. `write` from the source's thread; PortAudio's callback takes from a ring.

    Raises DeviceError where the device cannot be opened.
    """

    def __init__(self, sound: SoundSystem, device: Device, rate: int, channels: int) -> None:
        self.name = device.name
        self.rate = rate
        self.channels = min(channels, device.outputs)
        self._ring = RingBuffer(round(RING_SECONDS * rate), channels=self.channels)
        self._lead = round(LEAD_SECONDS * rate)
        self._drift = round(DRIFT_SECONDS * rate)
        self._played = 0
        self._waiting = True
        self._stream = sound.open_output(device, rate=rate, channels=self.channels, callback=self._callback)

    def write(self, block: np.ndarray) -> None:
        """The next block, float32 [n, channels of the file]; mixed down where the device has fewer channels."""
        if block.shape[1] != self.channels:
            block = np.repeat(block.mean(axis=1, keepdims=True), self.channels, axis=1)
        self._ring.write(block)

    def silence(self) -> None:
        """Forget what has not been played yet."""
        self._played = self._ring.written
        self._waiting = True

    def close(self) -> None:
        self._stream.close()

    def _callback(self, output: np.ndarray, frames: int, _time: Any, _status: Any) -> None:
        held = self._ring.written - self._played
        if self._waiting and held < self._lead:
            output.fill(0.0)
            return
        self._waiting = False
        if held > self._lead + self._drift:
            self._played = self._ring.written - self._lead
        samples, first = self._ring.read(self._played, frames)
        output[: len(samples)] = samples
        output[len(samples) :] = 0.0
        self._played = first + len(samples)
        if len(samples) < frames:
            self._waiting = True
