"""A session to take away: CSV for a spreadsheet, JSON for a program, and a replay for the page."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from dashboard.chronicle import Chronicle
from dashboard.moments import Moments
from dashboard.recording import MP3_TYPE, KeptSound
from dashboard.replay_file import FORMAT, VERSION, read_replay, write_replay
from dashboard.titles import title_at
from stream.records import Prediction, TrackInfo, Verdict
from stream.results import Results
from stream.settings import StreamSettings

__all__ = ["SessionFacts", "read_replay", "replay", "to_csv", "to_json", "write_replay"]

ROWS_AT_ONCE = 500
SENTENCES = 3600
"""A replay has a sentence for so many moments at most; those that do not change are stored once."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a text that begins so for a formula."""


@dataclass(frozen=True)
class SessionFacts:
    """What an export says about a session besides what was heard.

    model, model_title : name and title of the bundle; version : of genrescope.
    started_at : wall clock, with its time zone, at stream time 0.
    source, kind : the source's title and kind ("file", "sound card"); tracks : those of a file source.
    """

    model: str
    model_title: str
    version: str
    settings: StreamSettings
    started_at: datetime
    source: str
    kind: str
    tracks: tuple[TrackInfo, ...] = ()

    titles: tuple[tuple[float, str], ...] = ()
    """Of a source without tracks: stream times, and the title that began there."""

    def title(self, track: int, stream_time: float) -> str:
        """The track's title; where there are no tracks, what played at this moment, or the source's title."""
        if 0 <= track < len(self.tracks):
            return self.tracks[track].title
        return title_at(self.titles, stream_time) or self.source


def to_csv(chronicle: Chronicle, facts: SessionFacts) -> Iterator[str]:
    """CSV (RFC 4180) with a heading and one row for each moment, in pieces of some hundred rows.

    Columns: stream_time (at the end of what the row speaks for) and seconds (for how much it speaks: a hop, or more
    where older moments have been averaged), track (from 0), title, position_seconds, verdict, label (where one is
    named), and the smoothed probability of every label. Texts that a spreadsheet would take for formulas begin with an
    apostrophe.
    """
    moments = chronicle.moments()
    text = io.StringIO()
    writer = csv.writer(text)
    heading = ["stream_time", "seconds", "track", "title", "position_seconds", "verdict", "label"]
    writer.writerow([*heading, *(_harmless(label) for label in chronicle.labels)])
    for place, row in enumerate(_rows(moments, chronicle.labels), start=1):
        time, seconds, track, position, verdict, label, probabilities = row
        writer.writerow(
            [
                f"{time:.3f}",
                f"{seconds:.3f}",
                track,
                _harmless(facts.title(track, time)),
                f"{position:.3f}",
                verdict.value,
                _harmless(label),
                *(f"{value:.4f}" for value in probabilities),
            ]
        )
        if place % ROWS_AT_ONCE == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def to_json(chronicle: Chronicle, facts: SessionFacts) -> dict[str, Any]:
    """The whole session, ready for JSON: what was used, the summary with its segments, and all moments."""
    summary = chronicle.summary()
    return {
        **_facts(facts),
        "titles": [{"stream_time": round(time, 3), "title": title} for time, title in facts.titles],
        "labels": list(chronicle.labels),
        "exclusive": chronicle.exclusive,
        "segments": summary.pop("segments"),
        "summary": summary,
        "moments": [
            {
                "stream_time": round(time, 3),
                "seconds": round(seconds, 3),
                "track": track,
                "position_seconds": round(position, 3),
                "verdict": verdict.value,
                "label": label or None,
                "probabilities": [round(value, 4) for value in probabilities],
            }
            for time, seconds, track, position, verdict, label, probabilities in _rows(
                chronicle.moments(), chronicle.labels
            )
        ],
    }


def replay(
    chronicle: Chronicle,
    results: Results,
    facts: SessionFacts,
    *,
    bundle: Mapping[str, Any],
    row: Callable[[Prediction], list[Any]],
    summary: Mapping[str, Any] | None = None,
    sound: KeptSound | None = None,
) -> dict[str, Any]:
    """Everything the page needs to show the session again; `write_replay` makes a file of it.

    The last hour has all its predictions and columns. Of what was before there are the chronicle's averaged moments
    (numbered before the others) and the overview.

    Parameters
    ----------
    chronicle, results : of the same session and model.
    bundle : what the feed tells the page about the bundle.
    row : makes a row for the page of a prediction, as the feed does.
    summary : the chronicle's, if the caller has added to it.
    sound : what was recorded, if it is to be in the replay.

    Returns
    -------
    format, version, genrescope, model, model_title, settings, started_at, source, kind, tracks;
    bundle : as handed in.
    predictions : rows, numbers and times growing.
    columns : first (number), times (seconds), bands (base64 of uint8 [times, bands]).
    overview : first and step (seconds), count, bands (base64 of uint8 [count, bands]).
    segments : rows of start, end, index of the label (or of `NO_LABEL`), track, place in the track.
    sentences : rows of stream time and the sentence from then on.
    summary : `Chronicle.summary`.
    sound : None, or type (of media), starts_at (stream time of its beginning, seconds), data (base64).
    """
    stop = results.next_column
    times, bands = results.columns(0, stop)
    step, first, overview = chronicle.overview_columns()
    return {
        "format": FORMAT,
        "version": VERSION,
        **_facts(facts),
        "bundle": dict(bundle),
        "predictions": [row(prediction) for prediction in _all_predictions(chronicle, results)],
        "columns": {"first": stop - len(times), "times": times.round(3).tolist(), "bands": _base64(bands)},
        "overview": {
            "first": round(first, 3),
            "step": round(step, 4),
            "count": len(overview),
            "bands": _base64(overview),
        },
        "segments": [segment.row() for segment in chronicle.segments()],
        "sentences": _sentences(chronicle),
        "summary": dict(chronicle.summary() if summary is None else summary),
        "sound": None
        if sound is None
        else {
            "type": MP3_TYPE,
            "starts_at": round(sound.starts_at, 4),
            "data": base64.b64encode(sound.data).decode("ascii"),
        },
    }


def _facts(facts: SessionFacts) -> dict[str, Any]:
    """No paths: an export is handed to others."""
    return {
        "genrescope": facts.version,
        "model": facts.model,
        "model_title": facts.model_title,
        "settings": asdict(facts.settings),
        "started_at": facts.started_at.isoformat(timespec="seconds"),
        "source": facts.source,
        "kind": facts.kind,
        "tracks": [{"title": track.title, "seconds": track.duration_seconds} for track in facts.tracks],
    }


def _rows(
    moments: Moments, labels: tuple[str, ...]
) -> Iterator[tuple[float, float, int, float, Verdict, str, list[float]]]:
    """Time, seconds, track, position, verdict, label ("" where none is named), probabilities."""
    best = moments.probabilities.argmax(axis=1)
    for place, verdict in enumerate(moments.verdicts):
        yield (
            float(moments.times[place]),
            float(moments.seconds[place]),
            int(moments.tracks[place]),
            float(moments.positions[place]),
            verdict,
            labels[best[place]] if verdict is Verdict.SURE else "",
            moments.probabilities[place].tolist(),
        )


def _all_predictions(chronicle: Chronicle, results: Results) -> Iterator[Prediction]:
    """The averaged moments from before what the results hold, and then their predictions, numbered from 0."""
    kept = results.predictions_since(0)
    moments = chronicle.moments()
    older = int(np.searchsorted(moments.times, kept[0].stream_time)) if kept else len(moments)
    for place in range(older):
        yield Prediction(
            number=place,
            stream_time=float(moments.times[place]),
            track=int(moments.tracks[place]),
            position_seconds=float(moments.positions[place]),
            captured_at=0.0,
            predicted_at=0.0,
            verdict=moments.verdicts[place],
            probabilities=moments.probabilities[place],
            raw=moments.probabilities[place],
            front_end_ms=0.0,
            network_ms=0.0,
            batch_size=1,
            skipped_before=0,
            caught_up=True,
            restart=bool(moments.restarts[place]),
        )
    latest = -np.inf
    for prediction in kept:
        if prediction.stream_time >= latest:
            latest = prediction.stream_time
            yield replace(prediction, number=older + prediction.number - kept[0].number)


def _sentences(chronicle: Chronicle) -> list[list[Any]]:
    sentences: list[list[Any]] = []
    for time in chronicle.moments(SENTENCES).times.tolist():
        sentence = chronicle.sentence(time)
        if not sentences or sentences[-1][1] != sentence:
            sentences.append([round(time, 2), sentence])
    return sentences


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _base64(bands: np.ndarray) -> str:
    return base64.b64encode(bands.tobytes()).decode("ascii")
