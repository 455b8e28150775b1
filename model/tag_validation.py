"""Testing tags that were given scales by labelled music: on artists, and sources, that had no say in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model.folds import check_apart, grouped_folds
from model.parts import TagsPart
from model.recipe import Heard, only
from model.results import Results
from model.tag_calibration import FEWEST_ARTISTS, calibrate


def cross_validate_tags(
    part: TagsPart,
    labels: tuple[str, ...],
    heard: Heard,
    kinds: Mapping[Path, str],
    *,
    tests: Mapping[str, str],
    unseen_source: Mapping[str, str],
    folds: int,
    window_seconds: float = 3.0,
) -> Results:
    """What the tags say with scales that were fitted (see `model.tag_calibration`) to other artists, in folds, and to
    other sources.

    part : with the tags of each label; its scales are not used.
    heard : tracks whose labels are the tags that hold, under every alteration that is tested.
    tests, unseen_source : name of a test -> alteration; the first for folds of artists, the second for sources.
    """
    results = Results(labels, exclusive=False, window_seconds=window_seconds)
    tracks = [outputs.track for outputs in heard["plain"]]
    fold_of = dict(zip((track.group for track in tracks), grouped_folds(tracks, folds=folds), strict=True))
    sources = sorted({track.dataset for track in tracks})
    splits = [(tests, [track for track in tracks if fold_of[track.group] == fold]) for fold in range(folds)]
    if len(sources) > 1:
        splits += [(unseen_source, [track for track in tracks if track.dataset == source]) for source in sources]
    # A tag that has just enough artists among all of them has a few less in a fold.
    fewest = max(1, FEWEST_ARTISTS * (folds - 2) // folds)
    for chosen, held_out in splits:
        paths, groups = {track.path for track in held_out}, {track.group for track in held_out}
        training = [o for o in heard["plain"] if o.track.path not in paths and o.track.group not in groups]
        tested = only(heard, lambda track: track.path in paths)  # noqa: B023 - used at once
        if not tested["plain"] or not any(outputs.track.labels for outputs in training):
            continue
        check_apart([o.track for o in training], [o.track for o in tested["plain"]])
        most = max(len({o.track.group for o in training if label in o.track.labels}) for label in labels)
        # Of little music a rough scale is measured rather than none.
        scaled, _ = calibrate(part, labels, training, kinds, fewest_artists=min(fewest, most))
        for name, alteration in chosen.items():
            results.add(name, tested[alteration], (scaled,), 1.0)
    return results
