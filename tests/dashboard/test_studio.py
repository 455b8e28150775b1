"""The studio puts stream and model together: which source plays, with which bundle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dashboard.guests import LEFT_PAGE_SECONDS, OWN_STAGES, SILENT_PAGE_SECONDS
from dashboard.pushed_source import PushedSource
from dashboard.samples import MIX
from dashboard.stage import Stage
from dashboard.studio import Studio
from model.errors import BundleError, SettingError
from model.library import Library
from stream.devices import SoundSystem
from stream.engine import Engine
from stream.settings import StreamSettings
from stream.sources.socket import SocketSource
from tests.sounds import write_tone
from tests.stream.fakes import LoudnessClassifier, ManualClock


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
        engine=Engine(ManualClock()),
    )
    yield studio
    studio.stop()


def test_files_and_samples_can_be_chosen_and_without_portaudio_no_sound_card(studio: Studio) -> None:
    groups = {choice.group for choice in studio.choices()}
    assert groups == {"Your files", "Samples"}
    assert [choice.title for choice in studio.choices()][:3] == ["long", "short", "Demo mix"]
    assert sum(choice.group == "Samples" for choice in studio.choices()) > 10


def test_where_to_begin_holds_for_the_first_file_only(studio: Studio) -> None:
    studio.listen_to("file:0")
    assert studio.main.session is not None
    assert studio.main.session.source.status().position_seconds >= 60.0
    studio.listen_to("file:1")
    assert studio.main.session.source.status().position_seconds < 5.0


def test_another_source_is_a_new_session_and_none_is_none(studio: Studio) -> None:
    studio.listen_to("sample:mix")
    number = studio.main.number
    assert studio.main.audio_path(0) == MIX
    assert studio.main.audio_path(1) is None
    studio.listen_to("")
    assert studio.main.session is None
    assert studio.main.number > number
    assert studio.main.audio_path(0) is None


@pytest.mark.parametrize("key", ["file:9", "file:../../etc/passwd", "sample:nothing", "/etc/passwd", "url:x"])
def test_a_choice_that_is_not_in_the_list_is_refused_and_what_plays_goes_on(studio: Studio, key: str) -> None:
    studio.listen_to("file:0")
    playing = studio.main.session
    with pytest.raises(SettingError):
        studio.listen_to(key)
    assert studio.main.session is playing


def test_an_unknown_model_is_refused_and_the_old_one_stays(studio: Studio) -> None:
    with pytest.raises(BundleError, match="polka"):
        studio.use_model("polka")
    assert studio.main.model == "genres"
    studio.use_model("tags")
    assert studio.main.model == "tags"


def test_pages_of_their_own_listen_to_two_sources_at_once(studio: Studio) -> None:
    studio.listen_to("file:0")
    own = studio.open_stage()
    studio.listen_to("sample:mix", own)
    assert studio.main.source_key == "file:0" and own.source_key == "sample:mix"
    assert studio.main.session is not own.session
    assert studio.stage(own.identifier) is own
    assert len(studio.engine.sessions()) == 2


def test_a_page_that_has_said_good_bye_loses_its_session_unless_it_is_loaded_again(studio: Studio) -> None:
    clock = studio.engine.clock
    assert isinstance(clock, ManualClock)
    own, reloaded = studio.open_stage(), studio.open_stage()
    studio.listen_to("sample:mix", own)
    studio.leave(own.identifier)
    studio.leave(reloaded.identifier)
    clock.time += 2.0
    studio.stage(reloaded.identifier)
    clock.time += LEFT_PAGE_SECONDS - 1.0
    studio.keep()
    assert studio.stages() == [studio.main, reloaded]
    assert studio.engine.sessions() == []
    with pytest.raises(SettingError, match="has ended"):
        studio.stage(own.identifier)


def test_a_page_that_asks_no_more_loses_its_session_after_a_while(studio: Studio) -> None:
    clock = studio.engine.clock
    assert isinstance(clock, ManualClock)
    own = studio.open_stage()
    studio.listen_to("sample:mix", own)
    clock.time += SILENT_PAGE_SECONDS - 1.0
    studio.keep()
    assert own in studio.stages()
    clock.time += 2.0
    studio.keep()
    assert studio.stages() == [studio.main]


def test_a_closed_tab_ends_its_microphone_within_ten_seconds(studio: Studio) -> None:
    clock = studio.engine.clock
    assert isinstance(clock, ManualClock)
    own = studio.open_stage()
    studio.listen_to("microphone", own)
    source = own.source
    assert isinstance(source, SocketSource)
    attachment = source.attach(48000, 1)
    clock.time += 60.0  # a hidden tab asks seldom; its sound says that it is there
    studio.keep()
    assert own in studio.stages()
    attachment.detach()
    studio.stage(own.identifier)
    clock.time += 9.9
    studio.keep()
    assert studio.stages() == [studio.main]


def test_the_main_session_has_no_browser_microphone(studio: Studio) -> None:
    with pytest.raises(SettingError, match="microphone"):
        studio.listen_to("microphone")


def test_there_is_room_for_a_dozen_sessions_of_pages_own(studio: Studio) -> None:
    for _ in range(OWN_STAGES):
        studio.open_stage()
    with pytest.raises(SettingError, match="Close one"):
        studio.open_stage()


def test_two_models_listen_to_the_same_sound(studio: Studio) -> None:
    studio.listen_to("file:0")
    studio.use_second_model("tags", studio.main)
    first, second = studio.main.session, studio.main.second
    assert first is not None and second is not None
    assert second.classifier.name == "tags"
    assert second.source.status() == first.source.status()
    studio.use_second_model("", studio.main)
    assert studio.main.second is None
    assert studio.engine.sessions() == [first]
    studio.use_second_model("tags", studio.main)
    studio.listen_to("file:1")
    assert studio.main.second is not None and studio.main.second is not second


def test_a_model_with_another_sample_rate_takes_over_at_the_same_moment() -> None:
    clock = ManualClock()
    engine = Engine(clock)
    stage = Stage("main", engine, LoudnessClassifier(), StreamSettings())
    source = PushedSource(1000)
    stage.listen("pushed", source)
    before = stage.session
    assert before is not None
    source.inlet.push(np.full((5000, 1), 0.5, np.float32), clock.now())
    other = LoudnessClassifier()
    other.sample_rate = 2000
    stage.use(other)
    after = stage.session
    assert after is not None and after is not before
    assert engine.sessions() == [after]
    assert after.inlet.sample_rate == 2000
    joined_at = after.stream_time
    assert joined_at == pytest.approx(before.stream_time)
    source.inlet.push(np.full((1000, 1), 0.5, np.float32), clock.now())
    source.inlet.finish()  # what the resampler holds back comes too
    assert after.stream_time == pytest.approx(joined_at + 1.0, abs=0.01)


def test_settings_are_checked_and_reach_the_session(studio: Studio) -> None:
    studio.listen_to("file:0")
    studio.change_settings({"smoothing_seconds": 3, "sure_from": 0.7, "silence_closes_dbfs": -40}, studio.main)
    settings = studio.main.settings
    assert (settings.smoothing_seconds, settings.sure_from) == (3.0, 0.7)
    assert settings.silence_opens_dbfs > settings.silence_closes_dbfs == -40.0
    studio.engine.step()
    assert studio.main.session is not None and studio.main.session.settings == settings
    for wrong in (
        {"hop_seconds": 0.0},
        {"hop_seconds": "1"},
        {"buffer_seconds": 9},
        {"sure_from": True},
        {"sure_from": 2},
    ):
        with pytest.raises(SettingError):
            studio.change_settings(wrong, studio.main)
    assert studio.main.settings == settings
