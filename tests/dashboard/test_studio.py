"""The studio puts stream and model together: which source plays, with which bundle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.samples import MIX
from dashboard.studio import Studio
from model.errors import BundleError, SettingError
from model.library import Library
from stream.devices import SoundSystem
from stream.settings import StreamSettings
from tests.sounds import write_tone


def no_sound_system() -> SoundSystem:
    def fail() -> None:
        raise OSError("PortAudio library not found")

    return SoundSystem(fail)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """Two files, no sound card; the engine is not running, so nothing is loaded."""
    files = [write_tone(tmp_path / "long.wav", 90.0, 8000), write_tone(tmp_path / "short.wav", 5.0, 8000)]
    studio = Studio(
        Library(),
        StreamSettings(),
        model="genres",
        device="cpu",
        files=files,
        speaker="none",
        start_seconds=60.0,
        sound=no_sound_system(),
    )
    yield studio
    studio.stop()


def test_files_and_samples_can_be_chosen_and_without_portaudio_no_sound_card(studio: Studio) -> None:
    groups = {choice.group for choice in studio.sources()}
    assert groups == {"Your files", "Samples"}
    assert [choice.title for choice in studio.sources()][:3] == ["long", "short", "Demo mix"]
    assert sum(choice.group == "Samples" for choice in studio.sources()) > 10


def test_where_to_begin_holds_for_the_first_file_only(studio: Studio) -> None:
    studio.listen_to("file:0")
    assert studio.session is not None
    assert studio.session.source.status().position_seconds >= 60.0
    studio.listen_to("file:1")
    assert studio.session.source.status().position_seconds < 5.0


def test_another_source_is_a_new_session_and_none_is_none(studio: Studio) -> None:
    studio.listen_to("sample:mix")
    number = studio.session_number
    assert studio.audio_path(0) == MIX
    assert studio.audio_path(1) is None
    studio.listen_to("")
    assert studio.session is None
    assert studio.session_number > number
    assert studio.audio_path(0) is None


@pytest.mark.parametrize("key", ["file:9", "file:../../etc/passwd", "sample:nothing", "/etc/passwd", "url:x"])
def test_a_choice_that_is_not_in_the_list_is_refused_and_what_plays_goes_on(studio: Studio, key: str) -> None:
    studio.listen_to("file:0")
    playing = studio.session
    with pytest.raises(SettingError):
        studio.listen_to(key)
    assert studio.session is playing


def test_an_unknown_model_is_refused_and_the_old_one_stays(studio: Studio) -> None:
    with pytest.raises(BundleError, match="polka"):
        studio.use_model("polka")
    assert studio.model == "genres"
    studio.use_model("tags")
    assert studio.model == "tags"
