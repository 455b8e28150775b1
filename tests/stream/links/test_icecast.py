"""A real Icecast on this machine: it is heard, its titles are shown, and it comes back when it was gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stream.clock import SystemClock
from stream.inlet import Inlet
from stream.links.policy import LinkPolicy
from stream.links.web import Web
from stream.records import SourceState
from stream.sources.link import LinkSource
from tests.sounds import ffmpeg, write_tone
from tests.stream.links.icecast import Icecast
from tests.stream.test_file_source import wait_for

RATE = 16000


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ten seconds of a tone as a station would send it."""
    folder = tmp_path_factory.mktemp("tones")
    source = write_tone(folder / "tone.wav", 10.0, 48000)
    title = ("-metadata", "artist=The Oggs", "-metadata", "title=First")
    ffmpeg("-i", source, "-b:a", "256k", folder / "tone.mp3")
    ffmpeg("-i", source, *title, "-b:a", "256k", "-c:a", "libopus", folder / "tone.opus")
    ffmpeg("-i", source, *title, "-q:a", "8", "-c:a", "libvorbis", folder / "tone.ogg")
    return folder


class Listener:
    """A link source on real time."""

    def __init__(self, url: str) -> None:
        self.inlet = Inlet(RATE, 60.0)
        self.web = Web(LinkPolicy(allow_private=True))
        self.source = LinkSource(url, self.web, clock=SystemClock())
        self.source.start(self.inlet)

    @property
    def seconds(self) -> float:
        return self.inlet.status().stream_time

    @property
    def state(self) -> SourceState:
        return self.source.status().state

    @property
    def title(self) -> str:
        return self.source.status().title

    def hear(self, seconds: float) -> np.ndarray:
        """Wait until so much more has come; returns the last of it."""
        until = self.seconds + seconds
        wait_for(lambda: self.seconds >= until, f"{seconds} s of sound")
        return self.inlet.ring.read(self.inlet.ring.written - round(seconds * RATE), self.inlet.ring.capacity)[0]


@pytest.fixture
def listen() -> Iterator[type[Listener]]:
    listeners: list[Listener] = []

    class Kept(Listener):
        def __init__(self, url: str) -> None:
            super().__init__(url)
            listeners.append(self)

    yield Kept
    for listener in listeners:
        listener.source.stop()


def assert_tone(sound: np.ndarray) -> None:
    """It is the 440 Hz that are sent, and not something that only came the same way."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(spectrum) * RATE / len(sound) == pytest.approx(440.0, abs=4.0)
    assert np.abs(sound).max() > 0.05


def test_a_station_is_heard_and_its_titles_are_shown_as_they_change(
    icecast: Icecast, tones: Path, listen: type[Listener]
) -> None:
    icecast.send(tones / "tone.mp3", "radio.mp3", name="Radio Küche")
    listener = listen(icecast.url("radio.mp3"))
    assert_tone(listener.hear(1.0))
    status = listener.source.status()
    assert (status.kind, status.state, status.station) == ("link", SourceState.RUNNING, "Radio Küche")
    assert status.title == "Radio Küche", "until it says what it plays"
    icecast.announce("radio.mp3", "Die Ärzte - Don't; Stop'n'Go")
    wait_for(lambda: listener.title == "Die Ärzte - Don't; Stop'n'Go", "the title")
    icecast.announce("radio.mp3", "Next")
    wait_for(lambda: listener.title == "Next", "the next title")
    assert len(listener.inlet.restarts) == 1, "a title is no new beginning"
    assert listener.inlet.status().lost_seconds == 0.0


@pytest.mark.parametrize("name", ["tone.ogg", "tone.opus"])
def test_ogg_stations_have_their_titles_in_the_stream(
    icecast: Icecast, tones: Path, listen: type[Listener], name: str
) -> None:
    icecast.send(tones / name, name, name="Ogg FM")
    listener = listen(icecast.url(name))
    assert_tone(listener.hear(1.0))
    status = listener.source.status()
    assert (status.title, status.station) == ("The Oggs · First", "Ogg FM")


def test_a_station_whose_program_dies_is_waited_for(icecast: Icecast, tones: Path, listen: type[Listener]) -> None:
    program = icecast.send(tones / "tone.mp3", "radio.mp3", name="Radio")
    listener = listen(icecast.url("radio.mp3"))
    listener.hear(0.5)
    program.stop()
    wait_for(lambda: listener.state is SourceState.RECONNECTING, "the loss of the station")
    assert "tried again after" in listener.source.status().detail
    icecast.send(tones / "tone.mp3", "radio.mp3", name="Radio, again")
    assert_tone(listener.hear(1.0))
    status = listener.source.status()
    assert (status.state, status.detail, status.station) == (SourceState.RUNNING, "", "Radio, again")
    assert len(listener.inlet.restarts) == 2, "what comes after the gap is a new stretch"


def test_a_server_that_dies_is_waited_for(icecast: Icecast, tones: Path, listen: type[Listener]) -> None:
    program = icecast.send(tones / "tone.mp3", "radio.mp3", name="Radio")
    listener = listen(icecast.url("radio.mp3"))
    listener.hear(0.5)
    icecast.stop()
    program.stop()
    wait_for(lambda: listener.state is SourceState.RECONNECTING, "the loss of the server")
    wait_for(lambda: "no server" in listener.source.status().detail, "a first try in vain")
    icecast.start()
    icecast.send(tones / "tone.mp3", "radio.mp3", name="Radio")
    assert_tone(listener.hear(1.0))
    assert listener.state is SourceState.RUNNING


def test_a_station_that_is_not_there_is_not_waited_for(icecast: Icecast, listen: type[Listener]) -> None:
    listener = listen(icecast.url("nobody.mp3"))
    wait_for(lambda: listener.state is SourceState.FAILED, "the refusal")
    assert "404" in listener.source.status().detail


def test_sound_arrives_at_the_speed_of_life_whatever_is_sent_at_once(
    icecast: Icecast, tones: Path, listen: type[Listener]
) -> None:
    icecast.send(tones / "tone.mp3", "radio.mp3", name="Radio")
    listener = listen(icecast.url("radio.mp3"))
    listener.hear(1.0)
    marks = list(listener.inlet.marks)
    took, heard = marks[-1].captured_at - marks[0].captured_at, marks[-1].position_seconds - marks[0].position_seconds
    assert heard > 0.5
    assert took > heard - 0.05, "Icecast sent half a second at once, which is handed on in its time"
    assert listener.source._reception is not None
    assert listener.source._reception.buffer.queued_seconds > 0.05, "and which is a reserve meanwhile"
