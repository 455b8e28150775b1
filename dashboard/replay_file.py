"""The replay file: one JSON document. What comes from a stranger is looked at closely before the page shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from dashboard.replay_values import (
    a_colour,
    a_flag,
    a_list,
    a_number,
    a_text,
    a_whole_number,
    an_object,
    in_base64,
    plain,
    refuse,
    shown,
    wrong,
)
from dashboard.stretches import NO_LABEL
from model.errors import DataError
from stream.records import Verdict

FORMAT = "genrescope replay"
VERSION = 1

MOST_BYTES = 300_000_000
MOST_VALUES = 12_000_000
"""Small values take much more memory than text: `[],` is three bytes in a file and seventy in the program."""
MOST_LABELS = 2000
MOST_PREDICTIONS = 100_000
MOST_COLUMNS = 500_000
MOST_ENTRIES = 20_000
"""Of segments, sentences, shares and tracks."""
LONGEST_SECONDS = 1e8
SOUND_TYPES = ("audio/mpeg", "audio/ogg", "audio/wav", "audio/flac", "audio/mp4", "audio/webm")

_VERDICTS = frozenset(verdict.value for verdict in Verdict)


def write_replay(document: Mapping[str, Any]) -> bytes:
    """The file for a document that `dashboard.exports.replay` has made."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def read_replay(data: bytes) -> dict[str, Any]:
    """The document in a replay file (see `dashboard.exports.replay` for what is in it), ready to be shown.

    Every part is of the right kind and size, lengths fit each other, and numbers are finite and in range. Parts that
    are not known are left out. Raises DataError that says what is wrong.
    """
    if len(data) > MOST_BYTES:
        refuse(f"the file has {len(data) / 1e6:.0f} MB", f"a replay has {MOST_BYTES / 1e6:.0f} MB at most")
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        refuse("the file has too many values", f"a replay has {MOST_VALUES} at most")
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        refuse("the file cannot be read", "a replay is one JSON document in UTF-8")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        refuse("the file is no replay", f'its format is "{FORMAT}"')
    version = document.get("version")
    if type(version) is not int or version != VERSION:
        raise DataError(
            f"the replay has version {shown(version)}",
            rule=f"this genrescope reads version {VERSION}",
            next_step="Update genrescope, or choose another file",
        )
    return {"format": FORMAT, "version": VERSION} | {name: check(document, name) for name, check in _PARTS.items()}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


# ---- parts ---------------------------------------------------------------------------------------------------------


def _check_bundle(document: dict[str, Any], name: str) -> dict[str, Any]:
    bundle = an_object(document.get(name), name)
    labels = [a_text(label, "label") for label in a_list(bundle.get("labels"), "list of labels", MOST_LABELS)]
    if not labels or len(set(labels)) < len(labels):
        wrong("list of labels", labels, "there is at least one, and none twice")
    for other in ("names", "colours"):
        if len(a_list(bundle.get(other), f"list of {other}", MOST_LABELS)) != len(labels):
            wrong(f"list of {other}", bundle[other], "there is one for each label")
    for label_name in bundle["names"]:
        a_text(label_name, "label's name")
    for colour in bundle["colours"]:
        a_colour(colour)
    a_flag(bundle.get("exclusive"), "bundle's kind")
    for frequency in a_list(bundle.get("bands_hz"), "list of bands", MOST_LABELS):
        a_number(frequency, "band's frequency", 0.0, 1e6)
    for time in ("column_seconds", "hop_seconds", "window_seconds"):
        a_number(bundle.get(time), time, 1e-3, 3600.0)
    return plain(bundle, "bundle")


def _check_predictions(document: dict[str, Any], name: str) -> list[Any]:
    labels = len(document["bundle"]["labels"])
    rows = a_list(document.get(name), "list of predictions", MOST_PREDICTIONS)
    before = (-1, 0.0)
    for row in rows:
        if not isinstance(row, list) or not 8 <= len(row) <= 16:
            wrong("prediction", row, "it is a row of at least eight values")
        number, time, track, position, verdict, probabilities, skipped, restart, *more = row
        a_whole_number(number, "prediction's number", before[0] + 1)
        a_number(time, "prediction's time", before[1], LONGEST_SECONDS)
        a_whole_number(track, "prediction's track")
        a_number(position, "prediction's place in the track", 0.0, LONGEST_SECONDS)
        if not isinstance(verdict, str) or verdict not in _VERDICTS:
            wrong("verdict", verdict, f"it is one of {', '.join(sorted(_VERDICTS))}")
        if not isinstance(probabilities, list) or len(probabilities) != labels:
            wrong("list of probabilities", probabilities, f"there is one for each of {labels} labels")
        if not all(type(value) in (int, float) and 0.0 <= value <= 1.0 for value in probabilities):
            wrong("list of probabilities", probabilities, "they lie between 0 and 1")
        a_whole_number(skipped, "number of skipped windows")
        a_flag(restart, "prediction's restart")
        if more and more[0] is not None:
            for value in a_list(more[0], "place on the map", 3):
                a_number(value, "place on the map", -1e6, 1e6)
        plain(more, "prediction")
        before = (number, time)
    return rows


def _check_columns(document: dict[str, Any], name: str) -> dict[str, Any]:
    columns = an_object(document.get(name), "picture")
    times = a_list(columns.get("times"), "list of times", MOST_COLUMNS)
    before = 0.0
    for time in times:
        before = a_number(time, "column's time", before, LONGEST_SECONDS)
    return {
        "first": a_whole_number(columns.get("first"), "first column's number"),
        "times": times,
        "bands": _bands(columns.get("bands"), len(times), document),
    }


def _check_overview(document: dict[str, Any], name: str) -> dict[str, Any]:
    overview = an_object(document.get(name), name)
    count = a_whole_number(overview.get("count"), "overview's length", most=MOST_COLUMNS)
    return {
        "first": a_number(overview.get("first"), "overview's beginning", -3600.0, LONGEST_SECONDS),
        "step": a_number(overview.get("step"), "overview's step", 1e-3, LONGEST_SECONDS),
        "count": count,
        "bands": _bands(overview.get("bands"), count, document),
    }


def _check_segments(document: dict[str, Any], name: str) -> list[Any]:
    labels = len(document["bundle"]["labels"])
    rows = a_list(document.get(name), "list of segments", MOST_ENTRIES)
    before = 0.0
    for row in rows:
        if not isinstance(row, list) or len(row) != 5:
            wrong("segment", row, "it is a row of five values")
        start, end, label, track, position = row
        a_number(start, "segment's beginning", before, LONGEST_SECONDS)
        before = a_number(end, "segment's end", start, LONGEST_SECONDS)
        a_whole_number(label, "segment's label", min(NO_LABEL.values()), labels - 1)
        a_whole_number(track, "segment's track")
        a_number(position, "segment's place in the track", 0.0, LONGEST_SECONDS)
    return rows


def _check_sentences(document: dict[str, Any], name: str) -> list[Any]:
    rows = a_list(document.get(name), "list of sentences", MOST_ENTRIES)
    before = 0.0
    for row in rows:
        if not isinstance(row, list) or len(row) != 2:
            wrong("sentence", row, "it is a row of a time and a text")
        before = a_number(row[0], "sentence's time", before, LONGEST_SECONDS)
        a_text(row[1], "sentence")
    return rows


def _check_summary(document: dict[str, Any], name: str) -> dict[str, Any]:
    summary = an_object(document.get(name), name)
    for time in ("seconds", "music_seconds", "silence_seconds", "not_sure_seconds"):
        a_number(summary.get(time), f"summary's {time}", 0.0, LONGEST_SECONDS)
    # Replays of versions that did not ask whether there is music have none of it.
    a_number(summary.get("no_music_seconds", 0.0), "summary's no_music_seconds", 0.0, LONGEST_SECONDS)
    if summary.get("changes_per_minute") is not None:
        a_number(summary["changes_per_minute"], "number of changes", 0.0, 1e6)
    for share in a_list(summary.get("shares"), "list of shares", MOST_ENTRIES):
        a_text(an_object(share, "share").get("name"), "share's name")
        a_number(share.get("seconds"), "share's time", 0.0, LONGEST_SECONDS)
        a_number(share.get("share"), "share", 0.0, 1.001)
        a_colour(share.get("colour"), needed=False)
    for segment in a_list(summary.get("segments"), "summary's list of segments", MOST_ENTRIES):
        a_text(an_object(segment, "segment").get("name"), "segment's name")
        a_number(segment.get("start_seconds"), "segment's beginning", 0.0, LONGEST_SECONDS)
        a_number(segment.get("end_seconds"), "segment's end", 0.0, LONGEST_SECONDS)
        a_colour(segment.get("colour"), needed=False)
    return plain(summary, "summary")


def _check_tracks(document: dict[str, Any], name: str) -> list[Any]:
    tracks = a_list(document.get(name), "list of tracks", MOST_ENTRIES)
    for track in tracks:
        a_text(an_object(track, "track").get("title"), "track's title")
        if track.get("seconds") is not None:
            a_number(track["seconds"], "track's length", 0.0, LONGEST_SECONDS)
    return plain(tracks, "list of tracks")


def _check_sound(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    if document.get(name) is None:
        return None
    sound = an_object(document[name], name)
    if sound.get("type") not in SOUND_TYPES:
        wrong("kind of sound", sound.get("type"), f"it is one of {', '.join(SOUND_TYPES)}")
    if not in_base64(sound.get("data"), "sound"):
        wrong("sound", "", "it is not empty")
    return {
        "type": sound["type"],
        "starts_at": a_number(sound.get("starts_at"), "sound's beginning", -3600.0, LONGEST_SECONDS),
        "data": sound["data"],
    }


def _check_text(document: dict[str, Any], name: str) -> str:
    return a_text(document.get(name), name)


def _check_started_at(document: dict[str, Any], name: str) -> str:
    try:
        datetime.fromisoformat(a_text(document.get(name), name))
    except ValueError:
        wrong("beginning", document[name], "it is a date and a time (ISO 8601)")
    return str(document[name])


def _check_settings(document: dict[str, Any], name: str) -> dict[str, Any]:
    return plain(an_object(document.get(name), name), name)


def _bands(value: Any, columns: int, document: dict[str, Any]) -> str:
    expected = columns * len(document["bundle"]["bands_hz"])
    if len(in_base64(value, "picture")) != expected:
        wrong("picture", value, f"it has a byte for each of its bands and columns, {expected}")
    return str(value)


_PARTS = {
    "genrescope": _check_text,
    "model": _check_text,
    "model_title": _check_text,
    "settings": _check_settings,
    "started_at": _check_started_at,
    "source": _check_text,
    "kind": _check_text,
    "tracks": _check_tracks,
    "bundle": _check_bundle,
    "predictions": _check_predictions,
    "columns": _check_columns,
    "overview": _check_overview,
    "segments": _check_segments,
    "sentences": _check_sentences,
    "summary": _check_summary,
    "sound": _check_sound,
}
"""In this order: the later ones may rely on the bundle having been looked at."""
