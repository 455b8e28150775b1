"""The sound of a session is kept on the session's own time line, and its loss is nobody else's."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dashboard.recording import RING_SECONDS, SAMPLE_RATE, SoundRecorder
from stream.inlet import Inlet
from tests.stream.fakes import ManualClock


class StandingClock:
    """The recorder's own thread writes once and then waits until it is stopped: the test calls `take`."""

    def now(self) -> float:
        return 0.0

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait()


class Memory:
    """A writer that keeps what it gets. error : raised by the next write."""

    def __init__(self) -> None:
        self.pieces: list[np.ndarray] = []
        self.error: Exception | None = None
        self.closed = 0

    def open(self, path: Path) -> Memory:
        return self

    def write(self, samples: np.ndarray) -> None:
        if self.error is not None:
            raise self.error
        self.pieces.append(samples)

    def flush(self) -> None:
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed += 1

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate(self.pieces) if self.pieces else np.empty(0, np.float32)


def recorder(**options: object) -> SoundRecorder:
    return SoundRecorder(**{"clock": StandingClock(), **options})  # type: ignore[arg-type]


def noise_with_clicks(seconds: float, rate: int, clicks: list[float], seed: int = 0) -> np.ndarray:
    """float32 [n, 2]: soft noise, with a short loud burst at each of these times."""
    samples = 0.01 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    burst = 0.8 * np.hanning(round(0.01 * rate)) * np.sin(np.arange(round(0.01 * rate)) * 2 * np.pi * 2000 / rate)
    for click in clicks:
        at = round(click * rate)
        samples[at : at + len(burst)] += burst
    return np.repeat(samples.astype(np.float32)[:, None], 2, axis=1)


def play(into: SoundRecorder, sound: np.ndarray, rate: int, block: int, *others: Inlet) -> None:
    """One stretch, in blocks, written now and then."""
    for inlet in (into.inlet, *others):
        inlet.begin(rate)
    for number, start in enumerate(range(0, len(sound), block)):
        for inlet in (into.inlet, *others):
            inlet.push(sound[start : start + block], 0.0)
        if number % 9 == 0:
            into.take()


def loud_times(path: Path, rough: list[float]) -> list[float]:
    """Where in the file the bursts near these times are: the place where they correlate best with the burst itself."""
    sound, rate = soundfile.read(path, dtype="float32")
    burst = noise_with_clicks(0.01, rate, [0.0])[:, 0]
    found = []
    for click in rough:
        start = max(0, round((click - 0.25) * rate))
        part = sound[start : start + round(0.5 * rate)]
        found.append((start + int(np.argmax(np.abs(np.correlate(part, burst, "valid"))))) / rate)
    return found


@pytest.mark.parametrize("block", [441, 1024, 30_000])
def test_a_sound_stands_in_the_file_at_its_stream_time(block: int) -> None:
    kept = recorder()
    play(kept, noise_with_clicks(8, 44100, [1.0, 4.5, 7.7]), 44100, block)
    path = kept.stop()
    assert path is not None and path == kept.path and kept.problem == ""
    assert kept.seconds == pytest.approx(8.0, abs=0.001)
    assert soundfile.info(path).duration == pytest.approx(8.0, abs=0.05)
    assert (soundfile.info(path).samplerate, soundfile.info(path).channels) == (SAMPLE_RATE, 1)
    np.testing.assert_allclose(loud_times(path, [1.0, 4.5, 7.7]), [1.0, 4.5, 7.7], atol=0.02)
    assert path.stat().st_size / 8.0 == pytest.approx(12_000, rel=0.05)
    kept.discard()


def test_seeks_and_other_rates_leave_it_on_the_sessions_time_line() -> None:
    kept, session = recorder(), Inlet(16000, 60.0)
    for number, rate in enumerate([48000, 22050, 44100, 8000, 96000]):
        play(kept, noise_with_clicks(2.3, rate, [1.0], seed=number), rate, 1000, session)
    kept.inlet.finish()
    session.finish()
    path = kept.stop()
    assert path is not None
    assert kept.seconds == pytest.approx(session.status().stream_time, abs=0.001) == pytest.approx(11.5, abs=0.001)
    assert soundfile.info(path).duration == pytest.approx(11.5, abs=0.05)
    expected = [1.0 + 2.3 * number for number in range(5)]
    np.testing.assert_allclose(loud_times(path, expected), expected, atol=0.02)
    kept.discard()


def test_its_own_thread_writes_what_comes_in() -> None:
    memory = Memory()
    kept = SoundRecorder(clock=ManualClock(), open_writer=memory.open)
    play(kept, noise_with_clicks(1, 44100, []), 44100, 44100)
    end = time.monotonic() + 20.0
    while kept.seconds < 1.0 and time.monotonic() < end:
        time.sleep(0.01)
    assert kept.seconds == 1.0
    kept.discard()


def test_it_stops_at_its_limit_and_says_so() -> None:
    memory = Memory()
    kept = recorder(limit_seconds=3.0, open_writer=memory.open)
    play(kept, noise_with_clicks(5, 44100, []), 44100, 4000)
    kept.take()
    assert kept.full and kept.seconds == 3.0 and len(memory.sound) == 3 * SAMPLE_RATE
    assert kept.problem == "The recording stopped after 0.05 minutes, its limit."
    assert memory.closed == 1 and kept.path is not None
    kept.stop()
    assert memory.closed == 1
    kept.discard()


def test_what_could_not_be_written_in_time_is_silence_and_the_rest_stands_where_it_belongs() -> None:
    memory = Memory()
    kept = recorder(open_writer=memory.open)
    seconds = RING_SECONDS + 7.0
    sound = noise_with_clicks(seconds, 44100, [RING_SECONDS + 5.0])
    kept.inlet.begin(44100)
    for start in range(0, len(sound), 4410):
        kept.inlet.push(sound[start : start + 4410], 0.0)
    kept.stop()
    assert len(memory.sound) == len(sound)
    assert np.abs(memory.sound).argmax() / SAMPLE_RATE == pytest.approx(RING_SECONDS + 5.0, abs=0.02)
    assert not memory.sound[: round(6.9 * SAMPLE_RATE)].any() and memory.sound[round(7.1 * SAMPLE_RATE) :].any()
    kept.discard()


def test_a_full_disk_ends_the_recording_and_nothing_else() -> None:
    memory = Memory()
    kept = recorder(open_writer=memory.open)
    play(kept, noise_with_clicks(2, 44100, []), 44100, 4410)
    kept.take()
    memory.error = OSError(errno.ENOSPC, "No space left on device")
    play(kept, noise_with_clicks(2, 44100, []), 44100, 4410)
    assert "No space left on device" in kept.problem and kept.problem.startswith("The recording has ended early")
    assert kept.seconds == 2.0 and memory.closed == 1
    # What was written before is still there, and the source goes on as if nothing had happened.
    assert kept.path is not None and kept.inlet.status().stream_time == 4.0
    kept.take()
    kept.discard()


def test_a_file_that_cannot_be_opened_is_said_so() -> None:
    def refuse(path: Path) -> Memory:
        raise soundfile.LibsndfileError(2)

    kept = recorder(open_writer=refuse)
    play(kept, noise_with_clicks(1, 44100, []), 44100, 4410)
    assert kept.problem != "" and kept.seconds == 0.0 and kept.stop() is None
    kept.discard()


def test_a_file_that_cannot_be_completed_is_said_so() -> None:
    class Unclosable(Memory):
        def close(self) -> None:
            raise OSError("gone")

    kept = recorder(open_writer=Unclosable().open)
    play(kept, noise_with_clicks(1, 44100, []), 44100, 4410)
    kept.stop()
    assert "could not be completed: gone" in kept.problem
    kept.discard()


def test_nothing_heard_leaves_no_file_and_discarding_deletes_it() -> None:
    empty = recorder()
    assert empty.stop() is None and empty.path is None
    empty.discard()
    kept = recorder()
    play(kept, noise_with_clicks(1, 44100, []), 44100, 4410)
    assert kept.path is None, "it is not complete yet"
    path = kept.stop()
    assert path is not None and path.is_file()
    kept.discard()
    kept.discard()
    assert not path.parent.exists() and kept.path is None


def test_nothing_piles_up_over_many_seeks() -> None:
    kept = recorder(open_writer=Memory().open)
    for _ in range(200):
        play(kept, noise_with_clicks(0.05, 44100, []), 44100, 2205)
    kept.take()
    assert len(kept.inlet.restarts) == 0
    kept.discard()


def test_what_has_been_recorded_so_far_can_be_taken_along_while_it_goes_on(tmp_path: Path) -> None:
    kept = recorder(starts_at=100.0)
    assert kept.sound() is None
    play(kept, noise_with_clicks(6, 44100, [2.0, 4.0]), 44100, 4410)
    early = kept.sound()
    play(kept, noise_with_clicks(3, 44100, [1.0]), 44100, 4410)
    kept.stop()
    late = kept.sound()
    for sound, clicks in ((early, [102.0, 104.0]), (late, [102.0, 104.0, 107.0])):
        assert sound is not None
        path = tmp_path / "sound.mp3"
        path.write_bytes(sound.data)
        found = loud_times(path, [click - sound.starts_at for click in clicks])
        np.testing.assert_allclose([sound.starts_at + at for at in found], clicks, atol=0.02)
    assert late is not None and late.starts_at == 100.0
    kept.discard()
    assert kept.sound() is None


def test_a_disk_that_is_full_when_the_sound_is_asked_for_is_no_disaster() -> None:
    memory = Memory()
    kept = recorder(open_writer=memory.open)
    play(kept, noise_with_clicks(1, 44100, []), 44100, 4410)
    kept.take()
    memory.error = OSError(errno.ENOSPC, "No space left on device")
    assert kept.sound() is None and "No space left" in kept.problem
    kept.discard()
