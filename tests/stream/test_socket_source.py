"""Sound from a socket as a source: frames are counted, gaps are lost and said, silence of the line is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import SettingError
from stream.inlet import Inlet
from stream.records import SourceState
from stream.sources.socket import BROWSER, BURST_SECONDS, PROGRAM, Attachment, Sender, SocketSource
from tests.stream.fakes import ManualClock

RATE = 8000
SOUND = np.random.default_rng(1).uniform(-0.5, 0.5, (12 * RATE, 2)).astype(np.float32)


class Line:
    """A source that listens, with the clock in hand. The inlet is at the browser's rate: what comes in stands there."""

    def __init__(self, sender: Sender = BROWSER) -> None:
        self.clock = ManualClock()
        self.source = SocketSource(sender, clock=self.clock)
        self.inlet = Inlet(RATE, 60.0)
        self.source.start(self.inlet)

    def attach(self, capture: str = "one") -> Attachment:
        return self.source.attach(float(RATE), 2, capture=capture)

    def send(self, attachment: Attachment, start: float, stop: float, *, step: float = 0.1) -> None:
        """Sound from `start` to `stop` seconds of the capture, block by block, as time passes."""
        for begin in np.arange(start, stop - 1e-9, step):
            first, end = round(begin * RATE), round(min(begin + step, stop) * RATE)
            self.clock.time += (end - first) / RATE
            attachment.push(SOUND[first:end], first)

    def heard(self) -> np.ndarray:
        return self.inlet.ring.read(0, self.inlet.ring.capacity)[0]

    @property
    def lost(self) -> float:
        return self.inlet.status().lost_seconds

    def state(self) -> SourceState:
        return self.source.status().state


@pytest.fixture
def line() -> Line:
    return Line()


def test_what_the_browser_sends_stands_in_the_ring(line: Line) -> None:
    line.send(line.attach(), 0.0, 2.0)
    status = line.source.status()
    assert (status.kind, status.state, status.detail) == ("browser microphone", SourceState.RUNNING, "")
    reference = Inlet(RATE, 60.0)
    reference.begin(RATE)
    reference.push(SOUND[: 2 * RATE], 0.0)
    np.testing.assert_array_equal(line.heard(), reference.ring.read(0, 2 * RATE)[0])
    assert line.lost == 0.0


def test_frames_that_were_left_out_are_counted_and_said_for_five_seconds(line: Line) -> None:
    attachment = line.attach()
    line.send(attachment, 0.0, 1.0)
    line.send(attachment, 2.2, 3.0)
    assert line.lost == pytest.approx(1.2)
    assert line.source.status().detail == "the network is slow: 1.2 s of sound were left out"
    line.send(attachment, 3.0, 8.0)
    assert line.source.status().detail == ""
    assert len(line.inlet.restarts) == 1, "a short gap is no new beginning"


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 1500)), max_size=30))
@settings(max_examples=50, deadline=None)
def test_whatever_comes_twice_or_never_the_frames_add_up(blocks: list[tuple[int, int]]) -> None:
    line = Line()
    attachment = line.attach()
    attachment.push(SOUND[:1], 0)
    end = 1
    for first, length in blocks:
        line.clock.time += length / RATE
        attachment.push(SOUND[first : first + length], first)
        end = max(end, first + length)
    assert len(line.heard()) + round(line.lost * RATE) == end


def test_a_connection_that_comes_back_goes_on_counting(line: Line) -> None:
    first = line.attach()
    line.send(first, 0.0, 1.0)
    first.detach()
    assert line.state() is SourceState.RECONNECTING
    line.clock.time += 1.5
    line.send(line.attach(), 2.5, 3.5)
    assert line.lost == pytest.approx(1.5)
    assert line.source.status().detail == "the connection was interrupted: 1.5 s of sound were left out"
    assert len(line.inlet.restarts) == 1


def test_after_a_gap_longer_than_a_window_a_new_stretch_begins(line: Line) -> None:
    attachment = line.attach()
    line.send(attachment, 0.0, 1.0)
    line.send(attachment, 5.0, 6.0)
    assert line.lost == pytest.approx(4.0)
    assert [restart.sample for restart in line.inlet.restarts] == [0, RATE]


def test_a_leap_of_more_than_a_minute_is_not_called_lost(line: Line) -> None:
    attachment = line.attach()
    attachment.push(SOUND[:800], 0)
    attachment.push(SOUND[:800], 2**63)
    assert line.lost == 0.0
    assert len(line.inlet.restarts) == 2
    assert len(line.heard()) == 1600


def test_a_microphone_that_is_opened_anew_begins_anew(line: Line) -> None:
    line.send(line.attach("one"), 0.0, 2.0)
    line.send(line.attach("two"), 0.0, 1.0)
    assert line.lost == 0.0
    assert len(line.heard()) == 3 * RATE
    assert [restart.sample for restart in line.inlet.restarts] == [0, 2 * RATE]


def test_the_first_of_two_connections_is_ignored_once_there_is_a_second(line: Line) -> None:
    first = line.attach()
    second = line.attach()
    line.send(second, 0.0, 1.0)
    line.send(first, 1.0, 2.0)
    first.detach()
    assert not first.active
    assert second.active
    assert len(line.heard()) == RATE
    assert line.source.detached_seconds == 0.0


def test_every_state_is_named_in_its_turn(line: Line) -> None:
    assert line.source.status().detail == "waiting for the browser's microphone"
    assert line.state() is SourceState.STARTING
    attachment = line.attach()
    assert line.state() is SourceState.STARTING
    line.send(attachment, 0.0, 1.0)
    assert line.state() is SourceState.RUNNING
    line.clock.time += 2.1
    assert line.state() is SourceState.NO_SOUND
    assert "delivers nothing" in line.source.status().detail
    line.send(attachment, 1.0, 2.0)
    assert line.state() is SourceState.RUNNING
    attachment.detach()
    attachment.detach()
    assert line.state() is SourceState.RECONNECTING
    line.attach()
    line.clock.time += 2.1
    assert line.state() is SourceState.NO_SOUND


def test_the_level_falls_when_no_more_frames_come(line: Line) -> None:
    attachment = line.attach()
    line.send(attachment, 0.0, 1.0)
    assert line.inlet.status().level.rms_dbfs > -30.0
    line.clock.time += 2.1
    line.source.status()
    assert line.inlet.status().level.rms_dbfs == -120.0
    line.send(attachment, 1.0, 2.0)
    assert line.inlet.status().level.rms_dbfs > -30.0
    attachment.detach()
    assert line.inlet.status().level.rms_dbfs == -120.0


def test_it_is_known_for_how_long_nobody_has_been_there(line: Line) -> None:
    line.clock.time += 3.0
    assert line.source.detached_seconds == pytest.approx(3.0)
    attachment = line.attach()
    line.clock.time += 3.0
    assert line.source.detached_seconds == 0.0
    attachment.detach()
    line.clock.time += 4.0
    assert line.source.detached_seconds == pytest.approx(4.0)


def test_a_burst_after_a_stall_is_all_taken_and_known_to_be_old(line: Line) -> None:
    attachment = line.attach()
    line.send(attachment, 0.0, 1.0)
    line.clock.time += 2.0
    arrived = line.clock.now()
    for first in range(RATE, 3 * RATE, 800):
        attachment.push(SOUND[first : first + 800], first)
    assert line.lost == 0.0
    assert len(line.heard()) == 3 * RATE
    oldest = line.inlet.marks[10]
    assert oldest.captured_at == pytest.approx(arrived - 1.9, abs=0.01)
    assert line.inlet.marks[-1].captured_at == pytest.approx(arrived, abs=0.01)


def test_a_slow_clock_of_the_microphone_is_not_taken_for_delay(line: Line) -> None:
    attachment = line.attach()
    for second in range(3600):
        line.clock.time += 1.0 + 1e-4
        attachment.push(np.zeros((RATE, 2), dtype=np.float32), second * RATE)
    assert line.inlet.marks[-1].captured_at == pytest.approx(line.clock.now(), abs=0.01)


def test_a_browser_gone_wild_cannot_flood_the_ring(line: Line) -> None:
    attachment = line.attach()
    block = np.zeros((RATE, 2), dtype=np.float32)
    for second in range(1000):
        attachment.push(block, second * RATE)
    assert len(line.heard()) == BURST_SECONDS * RATE
    assert "more sound than time passes" in line.source.status().detail
    line.clock.time += 2.0
    attachment.push(block, 1000 * RATE)
    assert len(line.heard()) == (BURST_SECONDS + 1) * RATE


def test_after_the_end_nothing_is_taken_any_more(line: Line) -> None:
    attachment = line.attach()
    line.send(attachment, 0.0, 1.0)
    line.source.stop()
    line.source.stop()
    assert not attachment.active
    line.send(attachment, 1.0, 2.0)
    assert len(line.heard()) == RATE
    with pytest.raises(SettingError, match="nobody listens"):
        line.attach()


@pytest.mark.parametrize("rate", [0.0, -48000.0, 2999.0, 400_000.0, float("nan"), float("inf")])
def test_impossible_rates_are_refused(line: Line, rate: float) -> None:
    with pytest.raises(SettingError, match="3000 to 384000 Hz"):
        line.source.attach(rate, 1)


@pytest.mark.parametrize("channels", [0, -1, 9])
def test_impossible_channels_are_refused(line: Line, channels: int) -> None:
    with pytest.raises(SettingError, match="1 to 8 channels"):
        line.source.attach(48000.0, channels)


@pytest.mark.parametrize("shape", [(RATE + 1, 2), (100, 1), (100,)])
def test_blocks_of_another_shape_are_refused(line: Line, shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match="at most a second"):
        line.attach().push(np.zeros(shape, dtype=np.float32), 0)


def test_a_negative_count_is_refused(line: Line) -> None:
    with pytest.raises(SettingError, match="counted from 0"):
        line.attach().push(SOUND[:10], -1)


def test_what_is_no_number_does_not_get_further_than_the_inlet(line: Line) -> None:
    block = SOUND[:800].copy()
    block[::2] = np.nan
    line.attach().push(block, 0)
    assert np.isfinite(line.heard()).all()
    assert line.inlet.status().invalid_samples == 800


def test_it_can_be_neither_paused_nor_wound(line: Line) -> None:
    with pytest.raises(SettingError, match="browser microphone cannot be paused"):
        line.source.pause()


# ---- a program -----------------------------------------------------------------------------------------------------


def test_blocks_without_a_count_follow_each_other() -> None:
    line = Line(PROGRAM)
    attachment = line.source.attach(float(RATE), 2)
    for first in range(0, RATE, 800):
        line.clock.time += 0.1
        attachment.push(SOUND[first : first + 800])
    reference = Inlet(RATE, 60.0)
    reference.begin(RATE)
    reference.push(SOUND[:RATE], 0.0)
    np.testing.assert_array_equal(line.heard(), reference.ring.read(0, RATE)[0])
    assert line.lost == 0.0


def test_the_words_are_those_of_who_sends() -> None:
    line = Line(PROGRAM)
    assert (line.source.status().kind, line.source.status().title) == ("program", "Sound sent by a program")
    assert "waiting for the program" in line.source.status().detail
    attachment = line.source.attach(float(RATE), 2)
    line.clock.time += 2.1
    assert line.source.status().detail == "the program is connected, but sends nothing"
    attachment.detach()
    assert line.source.status().detail == "the connection to the program is lost; it may connect again"
    with pytest.raises(SettingError, match="a program cannot be paused"):
        line.source.pause()
    line.source.stop()
    with pytest.raises(SettingError, match="nobody listens to the program's sound"):
        line.source.attach(float(RATE), 2)


def test_sound_that_has_ended_is_handed_over_to_the_last_sample() -> None:
    line = Line(PROGRAM)
    attachment = line.source.attach(44100.0, 1)
    attachment.push(np.full((44100, 1), 0.25, np.float32))
    assert len(line.heard()) < RATE, "the resampler holds some back"
    attachment.finish()
    attachment.finish()
    assert len(line.heard()) == RATE
    assert not attachment.active
    assert line.state() is SourceState.ENDED
    line.clock.time += 5.0
    assert line.state() is SourceState.ENDED
    assert line.source.detached_seconds == pytest.approx(5.0)


def test_after_the_end_a_program_may_begin_anew() -> None:
    line = Line(PROGRAM)
    for _ in range(2):
        attachment = line.source.attach(float(RATE), 2)
        attachment.push(SOUND[:RATE])
        assert line.state() is SourceState.RUNNING
        attachment.finish()
    assert [restart.sample for restart in line.inlet.restarts] == [0, RATE]


def test_the_end_of_a_connection_that_was_replaced_is_none() -> None:
    line = Line(PROGRAM)
    first, second = (line.source.attach(float(RATE), 2) for _ in range(2))
    first.finish()
    assert second.active
    assert line.state() is SourceState.STARTING


def test_a_paced_connection_may_send_faster_than_time_passes() -> None:
    line = Line(PROGRAM)
    attachment = line.source.attach(float(RATE), 2, paced=True)
    for first in range(0, 12 * RATE, RATE):
        attachment.push(SOUND[first : first + RATE])
    attachment.push(SOUND[:RATE])
    assert line.lost == 0.0
    assert len(line.heard()) == 13 * RATE > BURST_SECONDS * RATE
    assert {mark.captured_at for mark in line.inlet.marks} == {line.clock.now()}
