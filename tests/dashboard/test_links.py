"""Links on the shelf: what is refused before anybody asks the network, what a link is called, and how it is opened."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.commands import carry_out
from dashboard.feed import Cursor, news
from dashboard.links import LONGEST_LINK, LONGEST_TITLE, checked_link, link_key, link_title
from dashboard.shelf import with_playing_link
from dashboard.studio import Studio
from model.errors import LinkError
from model.library import Library
from stream.engine import Engine
from stream.links.policy import LinkPolicy
from stream.links.web import Web
from stream.records import SourceState, SourceStatus
from stream.settings import StreamSettings
from stream.sources.link import LinkSource
from tests.dashboard.fakes import FakeStudio
from tests.dashboard.test_studio import no_sound_system
from tests.stream.fakes import ManualClock

RADIO = "https://ice.example.org/jazz"


def status(title: str, station: str = "") -> SourceStatus:
    return SourceStatus(kind="link", title=title, station=station, state=SourceState.RUNNING)


@pytest.mark.parametrize(
    "address", [RADIO, f" {RADIO}\n", "HTTP://example.org:8000/;stream.mp3", "https://радио.example/a?b=c&d=%20#e"]
)
def test_an_address_is_taken_without_what_surrounds_it(address: str) -> None:
    assert checked_link(address) == address.strip()
    assert link_key(address) == f"link:{address.strip()}"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "there is no address"),
        ("   ", "there is no address"),
        ("song.mp3", "one begins with https:// or http://"),
        ("file:///etc/passwd", "one begins with https:// or http://"),
        ("javascript:alert(1)", "one begins with https:// or http://"),
        ("link:https://example.org/", "one begins with https:// or http://"),
        ("https://", "names no server"),
        ("https://me:secret@example.org/", "user name or password"),
        ("https://example.org/a\nb", "line breaks"),
        ("https://example.org:99999/", "no link"),
        ("https://example.org/" + "x" * LONGEST_LINK, f"at most {LONGEST_LINK}"),
    ],
)
def test_what_can_be_no_link_is_refused_in_words_without_asking_the_network(address: str, words: str) -> None:
    with pytest.raises(LinkError, match=words) as refusal:
        checked_link(address)
    assert "secret" not in str(refusal.value), "passwords are not shown"


def test_a_link_is_called_by_its_station_and_what_it_plays() -> None:
    assert link_title(status("Artist - Title", "Radio")) == "Radio · Artist - Title"
    assert link_title(status("Radio", "Radio")) == "Radio"
    assert link_title(status("", "Radio")) == "Radio"
    assert link_title(status("song.mp3")) == "song.mp3"
    assert len(link_title(status("x" * 9999))) == LONGEST_TITLE


def test_only_the_link_that_plays_is_in_the_list_of_choices() -> None:
    studio = FakeStudio()
    assert with_playing_link(studio.choices(), studio.main) == studio.choices()
    studio.listen_to(f"link:{RADIO}")
    first, *others = with_playing_link(studio.choices(), studio.main)
    assert (first.key, first.title, first.group) == (f"link:{RADIO}", "Link: ice.example.org/jazz", "Link")
    assert others == studio.choices()


def test_the_feed_tells_station_and_title_within_bounds() -> None:
    studio = FakeStudio()
    studio.listen_to(f"link:{RADIO}")
    assert studio.main.source is not None
    studio.main.source.title = studio.main.source.station = "x" * 9999
    source = news(studio, studio.main, Cursor(), "run")["source"]  # type: ignore[arg-type]
    assert len(source["title"]) == len(source["station"]) == LONGEST_TITLE
    assert not source["can_seek"] and not source["can_pause"] and source["speaker"] is None


@pytest.fixture
def real_studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """Its engine is not running, and whoever looks a name up is told that there is none."""

    def resolve(*_: object, **__: object) -> list:
        raise OSError("no network in this test")

    monkeypatch.setattr(Studio, "web", lambda _: Web(LinkPolicy(), resolve=resolve))
    studio = Studio(
        Library(),
        StreamSettings(),
        model="genres",
        device="cpu",
        speaker="none",
        sound=no_sound_system(),
        engine=Engine(ManualClock()),
    )
    yield studio
    studio.stop()


def test_a_link_is_opened_and_goes_by_its_address(real_studio: Studio) -> None:
    real_studio.listen_to(link_key(RADIO))
    assert isinstance(real_studio.main.source, LinkSource)
    assert real_studio.main.source_key == f"link:{RADIO}"
    assert real_studio.main.audio_path(0) is None, "the browser gets no file of it"


def test_a_refused_address_leaves_what_plays_alone(real_studio: Studio) -> None:
    real_studio.listen_to("sample:mix")
    playing = real_studio.main.session
    assert "begins with https://" in carry_out(real_studio, "main", "source", {"key": "link:file:///etc/passwd"})
    assert real_studio.main.session is playing and real_studio.main.source_key == "sample:mix"


def test_nothing_that_links_need_is_loaded_with_the_page() -> None:
    # Where IPython is installed, as it is for the tests of the guide, Dash itself brings urllib3.
    program = (
        "import sys; sys.modules['IPython'] = None; import dashboard.app, dashboard.studio; "
        "print([name for name in ('stream.sources.link', 'urllib3', 'yt_dlp', 'm3u8') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert found.stdout.strip() == "[]"
