"""Plays files at the speed of life: a clock paces them, a speaker (or the browser) lets people hear them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from model.errors import AudioFileError, SettingError
from stream.clock import Clock
from stream.devices import SoundSystem
from stream.inlet import Sink
from stream.records import SourceState, SourceStatus, TrackInfo
from stream.sources.decoder import Decoder, open_audio
from stream.sources.source import Source
from stream.speaker import SpeakerOutput

LATE_SECONDS = 1.0
"""If playback falls this far behind (a suspended laptop), it goes on from where it is instead of rushing after."""


@dataclass(frozen=True)
class _Place:
    """Where to go next."""

    track: int
    seconds: float


class FileSource(Source):
    """A list of sound files, one after the other.

    Parameters
    ----------
    files : what to play; every one is opened once at the start, so that a bad one is found before the talk begins.
    titles : what the tracks are called, where that is not to be read from the files.
    speaker : "auto" (the default output, if there is one), "none" (the browser may play it), or a device's name.
    first_track, start_seconds : where to begin.
    loop : begin again after the last track.
    """

    def __init__(
        self,
        files: Sequence[Path],
        *,
        titles: Sequence[str] | None = None,
        clock: Clock,
        sound: SoundSystem,
        speaker: str = "auto",
        first_track: int = 0,
        loop: bool = False,
        start_seconds: float = 0.0,
        block_seconds: float = 0.02,
    ) -> None:
        if not files:
            raise AudioFileError("no file was named", next_step="Name at least one sound file")
        self._tracks = [_describe(path) for path in files]
        if titles is not None:
            self._tracks = [replace(track, title=title) for track, title in zip(self._tracks, titles, strict=True)]
        duration = self._tracks[first_track].duration_seconds
        if start_seconds < 0 or (duration is not None and start_seconds >= duration):
            raise SettingError(
                f"start {start_seconds:g} s lies outside {self._tracks[first_track].path}",
                rule=f"it is {duration:.1f} s long" if duration is not None else "it starts at 0",
                next_step="Start within it",
            )
        self._clock = clock
        self._block_seconds = block_seconds
        self._loop = loop
        self._next: _Place | None = _Place(first_track, start_seconds)
        self._speaker = SpeakerOutput(sound, speaker)
        self._track = first_track
        self._position = start_seconds
        self._state = SourceState.STARTING
        self._detail = ""
        self._paused = threading.Event()
        self._wake = threading.Event()
        self._stopped = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, inlet: Sink) -> None:
        self._thread = threading.Thread(target=self._run, args=(inlet,), name="file-playback", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)

    def pause(self) -> None:
        self._paused.set()
        self._wake.set()

    def resume(self) -> None:
        with self._lock:
            self._detail = ""
            if self._state is SourceState.ENDED:
                self._next = _Place(0, 0.0)
        self._paused.clear()
        self._wake.set()

    def seek(self, seconds: float, *, track: int | None = None) -> None:
        if track is not None and not 0 <= track < len(self._tracks):
            raise SettingError(f"there is no track number {track + 1}", next_step="Choose a track of the list")
        with self._lock:
            if track is None:
                track = self._next.track if self._next else self._track
            duration = self._tracks[track].duration_seconds
            limit = max(0.0, duration - 0.05) if duration is not None else seconds
            self._next = _Place(track, min(max(0.0, seconds), limit))
            self._detail = ""
        self._wake.set()

    def skip(self, tracks: int) -> None:
        with self._lock:
            track = (self._next.track if self._next else self._track) + tracks
            if self._loop or self._state is SourceState.ENDED:
                track %= len(self._tracks)
            self._next = _Place(min(max(0, track), len(self._tracks) - 1), 0.0)
            self._detail = ""
        self._wake.set()

    def status(self) -> SourceStatus:
        with self._lock:
            place = self._next or _Place(self._track, self._position)
            return SourceStatus(
                kind="file",
                title=self._tracks[place.track].title,
                state=self._state,
                detail=self._detail or self._speaker.problem,
                tracks=tuple(self._tracks),
                track=place.track,
                position_seconds=place.seconds,
                can_pause=True,
                can_seek=True,
                speaker=self._speaker.name,
            )

    # ---- the thread ----------------------------------------------------------------------------------------------

    def _run(self, inlet: Sink) -> None:
        try:
            while not self._stopped:
                with self._lock:
                    place, self._next = self._next, None
                    if place is not None:
                        self._track, self._position = place.track, place.seconds
                if place is None:
                    self._rest(SourceState.ENDED, inlet)
                else:
                    self._play(place, inlet)
        except Exception as error:
            self._detail = f"playing stopped: {type(error).__name__}: {error}"
            self._state = SourceState.FAILED
        finally:
            self._speaker.close()

    def _play(self, place: _Place, inlet: Sink) -> None:
        """Play one track from a place, until it ends or somebody wants to be elsewhere."""
        try:
            decoder = open_audio(Path(self._tracks[place.track].path))
        except AudioFileError as error:
            self._give_up(str(error), place.track)
            return
        try:
            decoder.seek(place.seconds)
            self._speaker.prepare(decoder.sample_rate, decoder.channels)
            inlet.begin(decoder.sample_rate, track=place.track, position_seconds=place.seconds)
            self._pump(decoder, inlet)
        except AudioFileError as error:  # damaged from here on; what came before has been heard
            inlet.finish()
            self._give_up(str(error), place.track)
        finally:
            decoder.close()

    def _pump(self, decoder: Decoder, inlet: Sink) -> None:
        frames = max(1, round(self._block_seconds * decoder.sample_rate))
        begun, played = self._clock.now(), 0
        while not self._stopped and self._next is None:
            if self._paused.is_set():
                self._speaker.silence()
                self._rest(SourceState.PAUSED, inlet)
                begun = self._clock.now() - played / decoder.sample_rate
                continue
            block = decoder.read(frames)
            if not len(block):
                inlet.finish()
                self._go_on_after(self._track)
                return
            self._state = SourceState.RUNNING
            played += len(block)
            # A block is pushed when its last sample has been heard: that is when a microphone would have it.
            due = begun + played / decoder.sample_rate
            self._speaker.write(block)
            if not self._wait_until(due):
                return
            now = self._clock.now()
            if now - due > LATE_SECONDS:
                begun += now - due
            inlet.push(block, now)
            with self._lock:
                if self._next is None:
                    self._position += len(block) / decoder.sample_rate

    def _wait_until(self, due: float) -> bool:
        """Wait for the clock; False when the thread is wanted elsewhere. A pause does not cut a block in two."""
        while (left := due - self._clock.now()) > 0:
            self._clock.wait(self._wake, left)
            if self._wake.is_set():
                self._wake.clear()
                if self._stopped or self._next is not None:
                    return False
        return True

    def _rest(self, state: SourceState, inlet: Sink) -> None:
        """Do nothing until somebody wants something."""
        self._state = state
        inlet.quiet()
        while not self._stopped and self._next is None and (state is SourceState.ENDED or self._paused.is_set()):
            self._clock.wait(self._wake, 0.5)
            self._wake.clear()

    def _go_on_after(self, track: int) -> None:
        with self._lock:
            if self._next is not None:
                return
            if track + 1 < len(self._tracks):
                self._next = _Place(track + 1, 0.0)
            elif self._loop:
                self._next = _Place(0, 0.0)

    def _give_up(self, reason: str, track: int) -> None:
        self._detail = reason
        if self._loop and len(self._tracks) == 1:
            return  # a damaged file is not tried over and over
        self._go_on_after(track)


def _describe(path: Path) -> TrackInfo:
    decoder = open_audio(path)
    try:
        return TrackInfo(decoder.title, str(path), decoder.duration_seconds)
    finally:
        decoder.close()
