"""A session taken away: what is in the files is what was heard, and a stranger's file can do no harm."""

from __future__ import annotations

import base64
import copy
import csv
import io
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import replay_file
from dashboard.chronicle import Chronicle
from dashboard.exports import SessionFacts, read_replay, replay, to_csv, to_json, write_replay
from dashboard.feed import prediction_row
from dashboard.recording import KeptSound
from dashboard.titles import TITLES_KEPT, Titles
from model.errors import DataError
from stream.records import TrackInfo
from tests.dashboard.heard import BANDS, HOP, LABELS, Listening


def facts(listening: Listening, *titles: str) -> SessionFacts:
    return SessionFacts(
        model="genres",
        model_title="Ten genres",
        version="0.4",
        settings=listening.settings,
        started_at=datetime(2025, 3, 1, 20, 15, tzinfo=timezone(timedelta(hours=1))),
        source="A playlist",
        kind="file",
        tracks=tuple(TrackInfo(title, f"/secret/{number}.ogg", 200.0) for number, title in enumerate(titles)),
    )


def told(listening: Listening) -> Chronicle:
    chronicle = Chronicle(listening.results.labels, exclusive=True, hop_seconds=HOP)
    chronicle.update(listening.results)
    return chronicle


BUNDLE = {
    "labels": list(LABELS),
    "names": ["blues", "hip-hop", "jazz", "rock"],
    "colours": ["#5858b8", "#e8e870", "#d0b810", "#88b8e8"],
    "exclusive": True,
    "title": "Ten genres",
    "bands_hz": [100.0, 200.0, 400.0, 800.0],
    "column_seconds": 0.096,
    "hop_seconds": HOP,
    "window_seconds": 3.0,
    "thresholds": {"unsure_below": 0.4},
    "map": {"points": [[0.0, 1.0], [0.5, 0.5]], "labels": [0, 1]},
}


def recorded(listening: Listening | None = None, **options: Any) -> dict[str, Any]:
    if listening is None:
        listening = Listening().draw(60).hear("jazz", 12).restart(track=1, position=30.0).hear("silence", 7)
        listening.hear("not sure", 6).hear("hiphop", 9).draw(5)
    about = facts(listening, "So What", "Tux Rap")
    return replay(told(listening), listening.results, about, bundle=BUNDLE, row=prediction_row, **options)


# ---- CSV and JSON --------------------------------------------------------------------------------------------------


def rows_of(listening: Listening, *titles: str) -> list[list[str]]:
    text = "".join(to_csv(told(listening), facts(listening, *titles)))
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_a_spreadsheet_has_a_row_for_every_moment() -> None:
    heading, *rows = rows_of(
        Listening().hear("jazz", 10).restart(track=1, position=50.0).hear("silence", 5).hear("not sure", 2), "A", "B"
    )
    assert heading == ["stream_time", "seconds", "track", "title", "position_seconds", "verdict", "label", *LABELS]
    assert rows[0] == ["3.000", "3.000", "0", "A", "3.000", "sure", "jazz", "0.1000", "0.1000", "0.7000", "0.1000"]
    assert rows[1][:2] == ["3.500", "0.500"]
    assert rows[15] == ["13.000", "3.000", "1", "B", "53.000", "silence", "", *["0.0000"] * 4]
    assert rows[-1][5:8] == ["not sure", "", "0.3000"]
    assert len(rows) == 15 + 5 + 4


def test_a_station_s_titles_stand_where_they_were_played() -> None:
    titles = Titles()
    for stream_time, title in (
        (0.0, "Radio"),
        (4.2, "Radio · One"),
        (5.0, "Radio · One"),
        (6.1, ""),
        (7.9, "Radio · Two"),
    ):
        titles.note(stream_time, title)
    listening = Listening().hear("jazz", 12)
    about = replace(facts(listening), source="Radio · Two", titles=titles.all())
    _, *rows = csv.reader(io.StringIO("".join(to_csv(told(listening), about)), newline=""))
    assert [row[3] for row in rows if row[0] in ("4.000", "4.500", "7.500", "8.000")] == [
        "Radio",
        "Radio · One",
        "Radio · One",
        "Radio · Two",
    ]
    assert to_json(told(listening), about)["titles"] == [
        {"stream_time": 0.0, "title": "Radio"},
        {"stream_time": 4.2, "title": "Radio · One"},
        {"stream_time": 7.9, "title": "Radio · Two"},
    ]


def test_before_the_first_title_the_source_has_its_own() -> None:
    listening = Listening().hear("jazz", 2)
    about = replace(facts(listening), titles=((9.0, "Later"),))
    assert about.title(0, 3.0) == "A playlist"


def test_titles_are_not_kept_without_bound() -> None:
    titles = Titles()
    for number in range(TITLES_KEPT + 5):
        titles.note(float(number), f"Song {number}")
    assert len(titles.all()) == TITLES_KEPT and titles.all()[-1][1] == f"Song {TITLES_KEPT + 4}"


def test_lines_end_as_the_standard_says_and_pieces_are_small() -> None:
    listening = Listening().hear("jazz", 1000)
    pieces = list(to_csv(told(listening), facts(listening, "A")))
    assert len(pieces) > 3 and all(piece.endswith("\r\n") for piece in pieces[:-1])
    assert "".join(pieces).count("\r\n") == 1 + len(listening.results.predictions_since(0))


@pytest.mark.parametrize("title", ['A, "quoted"\r\nsong', "Ærlig", "x" * 500])
def test_any_title_comes_back_from_a_spreadsheet_as_it_was(title: str) -> None:
    assert {row[3] for row in rows_of(Listening().hear("jazz", 5), title)[1:]} == {title}


@pytest.mark.parametrize("title", ["=1+1", "+49", "-2", "@SUM(A1)", "\tx", '=HYPERLINK("http://x","y")'])
def test_no_title_becomes_a_formula(title: str) -> None:
    assert {row[3] for row in rows_of(Listening().hear("jazz", 5), title)[1:]} == {f"'{title}"}
    assert rows_of(Listening((title, "rock")).hear({"rock": 0.9}, 5), "A")[0][7:] == [f"'{title}", "rock"]


def test_without_tracks_the_title_is_the_sources() -> None:
    assert rows_of(Listening().hear("jazz", 5))[1][3] == "A playlist"


def test_nothing_heard_makes_a_heading_only() -> None:
    assert len(rows_of(Listening())) == 1


def test_a_program_gets_everything_that_was_heard_and_how() -> None:
    listening = Listening(smoothing_seconds=2.0).hear("jazz", 12).hear("silence", 8)
    document = to_json(told(listening), facts(listening, "So What"))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["genrescope"] == "0.4" and document["model"] == "genres"
    assert document["started_at"] == "2025-03-01T20:15:00+01:00"
    assert document["settings"]["smoothing_seconds"] == 2.0
    assert document["tracks"] == [{"title": "So What", "seconds": 200.0}]
    assert [segment["label"] for segment in document["segments"]] == ["jazz", "silence"]
    assert document["summary"]["silence_seconds"] == 8.0
    assert len(document["moments"]) == 35
    assert document["moments"][0] == {
        "stream_time": 3.0,
        "seconds": 3.0,
        "track": 0,
        "position_seconds": 3.0,
        "verdict": "sure",
        "label": "jazz",
        "probabilities": [0.1, 0.1, 0.7, 0.1],
    }
    assert document["moments"][-1]["label"] is None


def test_where_the_files_lie_is_told_to_nobody() -> None:
    listening = Listening().hear("jazz", 12)
    chronicle, about = told(listening), facts(listening, "So What")
    texts = "".join(to_csv(chronicle, about)), json.dumps(to_json(chronicle, about)), json.dumps(recorded())
    assert not any("secret" in text for text in texts)


# ---- replay --------------------------------------------------------------------------------------------------------


def test_a_replay_comes_back_from_its_file_as_it_was() -> None:
    document = recorded(sound=KeptSound(b"\xff\xfbmusic", 0.5))
    assert read_replay(write_replay(document)) == document


def test_a_replay_has_what_the_page_was_shown() -> None:
    listening = Listening().draw(60).hear("jazz", 12).hear("hiphop", 20).draw(40)
    document = recorded(listening)
    assert document["bundle"] == BUNDLE
    assert document["predictions"] == [
        prediction_row(prediction) for prediction in listening.results.predictions_since(0)
    ]
    times, bands = listening.results.columns(0, 100)
    assert document["columns"]["first"] == 0 and document["columns"]["times"] == times.round(3).tolist()
    assert base64.b64decode(document["columns"]["bands"]) == bands.tobytes()
    assert document["segments"] == [[0.0, 10.5, 2, 0, 0.0], [10.5, 32.0, 1, 0, 10.5]]
    assert [sentence for _, sentence in document["sentences"]] == ["jazz", "hip-hop"]
    assert document["sentences"][0][0] == 3.0
    assert document["summary"] == told(listening).summary()
    assert document["sound"] is None


def test_a_replay_of_a_long_session_has_its_beginning_too() -> None:
    listening = Listening(history_predictions=100, history_columns=50)
    chronicle = Chronicle(LABELS, exclusive=True, hop_seconds=HOP)
    for _ in range(10):
        listening.hear("jazz", 20).draw(30)
        chronicle.update(listening.results)
    about = facts(listening, "So What")
    document = read_replay(write_replay(replay(chronicle, listening.results, about, bundle=BUNDLE, row=prediction_row)))
    rows = document["predictions"]
    assert [entry[0] for entry in rows] == list(range(395))
    assert [entry[1] for entry in rows] == [3.0 + HOP * number for number in range(395)]
    assert document["columns"]["first"] == 250 and len(document["columns"]["times"]) == 50
    assert document["overview"]["count"] == 300


def test_the_sound_stands_in_the_replay_with_its_place_in_time() -> None:
    sound = recorded(sound=KeptSound(b"\x00\xff music", 12.25))["sound"]
    assert (sound["type"], sound["starts_at"]) == ("audio/mpeg", 12.25)
    assert base64.b64decode(sound["data"]) == b"\x00\xff music"


def test_a_summary_with_colours_is_taken_as_it_is() -> None:
    listening = Listening().hear("jazz", 12)
    summary = told(listening).summary()
    for entry in (*summary["shares"], *summary["segments"]):
        entry["colour"] = "#d0b810"
    document = replay(
        told(listening), listening.results, facts(listening), bundle=BUNDLE, row=prediction_row, summary=summary
    )
    assert read_replay(write_replay(document))["summary"] == summary


def test_a_session_of_nothing_can_be_replayed() -> None:
    document = recorded(Listening())
    assert read_replay(write_replay(document)) == document


def test_what_is_not_known_is_left_out() -> None:
    document = recorded() | {"script": "alert(1)"}
    assert "script" not in read_replay(write_replay(document))


# ---- strangers' files ----------------------------------------------------------------------------------------------

GOOD = write_replay(recorded(sound=KeptSound(b"music", 0.0)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF\x00\x00WAVE",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[1e999]",
        b"null",
        b'"genrescope replay"',
        b'{"format": "another"}',
        GOOD.decode().encode("utf-16"),
        GOOD[: len(GOOD) // 2],
        GOOD + b"}",
        GOOD.replace(b"0.096", b"NaN"),
        GOOD.replace(b"0.096", b"1e999"),
        GOOD.replace(b"0.096", b"9" * 5000),
        GOOD.replace(b'"version":1', b'"version":2'),
        GOOD.replace(b'"version":1', b'"version":true'),
        GOOD.replace(b"So What", b"\\ud800"),
    ],
)
def test_what_is_no_replay_is_refused_with_what_to_do(data: bytes) -> None:
    with pytest.raises(DataError) as refusal:
        read_replay(data)
    assert refusal.value.rule and refusal.value.next_step and len(str(refusal.value)) < 400
    str(refusal.value).encode()


def test_a_file_that_is_too_large_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_file, "MOST_BYTES", len(GOOD) - 1)
    with pytest.raises(DataError, match="MB at most"):
        read_replay(GOOD)


def test_a_small_file_that_would_fill_the_memory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_file, "MOST_VALUES", 50_000)
    with pytest.raises(DataError, match="too many values"):
        read_replay(b'{"format":"genrescope replay","version":1,"more":[' + b"[]," * 50_000 + b"[]]}")


def test_speech_comes_through_a_replay_and_replays_from_before_it_was_told_can_be_read() -> None:
    document = recorded(Listening().draw(60).hear("jazz", 12).hear("no music", 9).hear("hiphop", 9))
    again = read_replay(write_replay(document))
    assert again["segments"][1][2] == -3 and again["summary"]["no_music_seconds"] == 9.0
    assert "no music" in {row[4] for row in again["predictions"]}
    del document["summary"]["no_music_seconds"]
    assert read_replay(write_replay(document))["summary"]["silence_seconds"] == 0.0


def at(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with this value at this place; `delete` takes it out."""
    document = copy.deepcopy(document)
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if value is delete:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


delete = object()

LIES: list[tuple[tuple[Any, ...], Any, str]] = [
    (("predictions", 0, 1), -1.0, "prediction's time"),
    (("predictions", 1, 1), 0.0, "prediction's time"),
    (("predictions", 1, 0), 0, "prediction's number"),
    (("predictions", 0, 2), 0.5, "track"),
    (("predictions", 0, 4), "loud", "verdict"),
    (("predictions", 0, 4), [], "verdict"),
    (("predictions", 0, 5), [0.5] * 3, "one for each of 4 labels"),
    (("predictions", 0, 5), [0.5, 0.5, 0.5, 1.5], "between 0 and 1"),
    (("predictions", 0, 5), [0.5, 0.5, 0.5, True], "between 0 and 1"),
    (("predictions", 0, 7), 1, "restart"),
    (("predictions", 0, 8), ["x", 0], "place on the map"),
    (("predictions", 0), [0, 1.0], "at least eight"),
    (("predictions",), {}, "list of predictions"),
    (("predictions",), delete, "missing"),
    (("columns", "bands"), "", "a byte for each"),
    (("columns", "bands"), "?!", "base64"),
    (("columns", "bands"), "äöü", "base64"),
    (("columns", "times", 0), 1e30, "column's time"),
    (("columns", "times"), [0.1], "a byte for each"),
    (("columns", "first"), -3, "first column"),
    (("overview", "count"), 10**9, "overview's length"),
    (("overview", "step"), 0, "overview's step"),
    (("segments", 0, 2), 4, "segment's label"),
    (("segments", 0, 2), -4, "segment's label"),
    (("summary", "no_music_seconds"), -1.0, "no_music_seconds"),
    (("segments", 0, 1), -1.0, "segment's end"),
    (("segments", 0), "jazz", "segment"),
    (("sentences", 0, 1), "x" * 5000, "at most 2000 characters"),
    (("summary", "shares", 0, "share"), 7, "share"),
    (("summary", "shares", 0, "colour"), "url(http://evil)", "colour"),
    (("summary", "seconds"), "long", "seconds"),
    (("summary", "deep"), [[[[[[[[[[]]]]]]]]]], "nested"),
    (("bundle", "labels", 0), "rock", "none twice"),
    (("bundle", "labels"), [], "at least one"),
    (("bundle", "colours", 0), "red; background: url(x)", "colour"),
    (("bundle", "colours"), ["#000000"], "one for each label"),
    (("bundle", "bands_hz"), [100.0], "a byte for each"),
    (("bundle", "hop_seconds"), 0, "hop_seconds"),
    (("bundle", "exclusive"), "yes", "true or false"),
    (("bundle", "map", "points", 0, 0), 2**60, "finite"),
    (("sound", "type"), "text/html", "kind of sound"),
    (("sound", "type"), ["audio/mpeg"], "kind of sound"),
    (("sound", "data"), "", "not empty"),
    (("sound", "starts_at"), None, "sound's beginning"),
    (("tracks", 0, "title"), 5, "track's title"),
    (("started_at",), "yesterday", "ISO 8601"),
    (("settings",), [], "settings"),
    (("model",), None, "model"),
]


@pytest.mark.parametrize(("path", "value", "why"), LIES)
def test_a_replay_that_does_not_fit_together_is_refused_and_told_why(
    path: tuple[Any, ...], value: Any, why: str
) -> None:
    with pytest.raises(DataError, match=why):
        read_replay(write_replay(at(json.loads(GOOD), path, value)))


def taken_or_refused(data: bytes) -> None:
    """What is taken is a replay, and stays one; everything else is a DataError."""
    try:
        document = read_replay(data)
    except DataError as refusal:
        str(refusal).encode()
        return
    assert read_replay(write_replay(document)) == document


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DataError):
        read_replay(data)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_flipped_bytes_never_do_harm(changes: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD)
    for place, byte in changes:
        data[place] = byte
    taken_or_refused(bytes(data))


@given(st.integers(0, len(GOOD) - 1), st.integers(0, len(GOOD) - 1))
@settings(max_examples=60, deadline=None)
def test_missing_bytes_never_do_harm(first: int, second: int) -> None:
    taken_or_refused(GOOD[: min(first, second)] + GOOD[max(first, second) :])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, entry in inside for place in ((*path, key), *places(entry, (*path, key)))]


PLACES = sorted({str(place): place for place in places(json.loads(GOOD))}.items())
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "#ff0000", "AAAA", 0, -1, 1e300, 2**70, "<script>"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([place for _, place in PLACES]), anything | st.just(delete))
@settings(max_examples=300, deadline=None)
def test_any_value_in_any_place_never_does_harm(path: tuple[Any, ...], value: Any) -> None:
    taken_or_refused(json.dumps(at(json.loads(GOOD), path, value)).encode())


def test_the_picture_in_the_file_has_the_bands_the_page_expects() -> None:
    document = read_replay(GOOD)
    pictures = np.frombuffer(base64.b64decode(document["columns"]["bands"]), np.uint8).reshape(-1, BANDS)
    assert len(pictures) == len(document["columns"]["times"]) == 65
