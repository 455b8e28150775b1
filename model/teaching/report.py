"""What a student learned, as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model.measures.text_table import table
from model.networks.recipes import NETWORKS as RECIPES
from model.networks.weights import put_weights
from model.teaching.agreement import Agreement, answers, compare
from model.teaching.shards import Shards
from model.teaching.student import StudentFiles, lessons

_TEACHERS = {"audioset": "mn04_as, music classes", "msd": "MSD_musicnn", "mtt": "MTT_musicnn"}
_SIDES = {"plain": "as recorded", "altered": "altered and mixed"}
_LOWEST = 3


def agreements(examples: Path, student: StudentFiles) -> list[Agreement]:
    """The student compared with each teacher, on both kinds of sound that it did not learn from."""
    network = RECIPES[student.described["plan"]["recipe"]].build(len(student.described["tags"]), exclusive=False)
    put_weights(network, student.weights, owner="the student")
    sides = {side: Shards(examples, side) for side in _SIDES}
    return [one for side, shards in sides.items() for one in compare(side, shards, *answers(network, shards))]


def agreement_table(found: Sequence[Agreement]) -> str:
    """Markdown: the mean correlation over the tags of each teacher, and the lowest of them."""
    rows: list[tuple[str, ...]] = [
        ("sound of unseen artists", "teacher", "tags compared", "mean r", "pooled r", "lowest")
    ]
    for one in found:
        lowest = sorted((value, tag) for tag, value in one.by_tag.items() if value is not None)[:_LOWEST]
        rows.append(
            (
                _SIDES[one.side],
                _TEACHERS[one.teacher],
                f"{len(one.compared)} of {len(one.by_tag)}",
                f"{one.mean:.3f}",
                f"{one.pooled:.3f}",
                ", ".join(f"{tag} {value:.2f}" for value, tag in lowest),
            )
        )
    return "\n".join(table(rows))


def history_table(student: StudentFiles) -> str:
    """Markdown: how the training went, a line for every epoch; with that of earlier students it started from."""
    rows: list[tuple[str, ...]] = [("examples", "epoch", "loss", "learning rate", "AudioSet r", "MSD r", "MTT r")]
    for lesson in lessons(student.described):
        for record in lesson["history"]:
            rows.append(
                (
                    f"{lesson['examples']:,}",
                    f"{record['epoch']:.0f}",
                    f"{record['loss']:.3f}",
                    f"{record['learning_rate']:.5f}",
                    *(f"{record[f'validation_{teacher}']:.3f}" for teacher in _TEACHERS),
                )
            )
    return "\n".join(table(rows))


def history_chart(student: StudentFiles) -> str:
    """The same agreements as curves, in the language of Mermaid, which shows them where Markdown is shown."""
    records = [record for lesson in lessons(student.described) for record in lesson["history"]]
    curves = [[record[f"validation_{teacher}"] for record in records] for teacher in ("msd", "mtt", "audioset")]
    return "\n".join(
        [
            "```mermaid",
            "xychart-beta",
            '    title "Agreement with MSD_musicnn (above), MTT_musicnn, mn04_as (below)"',
            f'    x-axis "epoch" 1 --> {len(records)}',
            '    y-axis "mean r"',
            *(f"    line [{', '.join(f'{value:.3f}' for value in values)}]" for values in curves),
            "```",
        ]
    )
