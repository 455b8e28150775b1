"""The parts of the evaluation's report: what stands in them, in plain words, tables and plots."""

from __future__ import annotations

from dataclasses import dataclass, field

from dashboard import evaluation_figures as draw
from dashboard.evaluation_clips import worst_clips_table
from dashboard.evaluation_figures import Figure
from dashboard.markup import beside, escaped, key_figures, marked_table, paragraph, plot, table
from model.comparison import Comparison
from model.evaluation_report import EvaluationReport
from model.measurement import Measurement
from model.measures.bootstrap import Estimate
from model.measures.streaming import StreamingScores
from model.tag_report import TagReport

_MOST_CONFUSION_LABELS = 60


@dataclass(frozen=True)
class Section:
    """A part of the page: its heading, its HTML, and the figures in it by name."""

    anchor: str
    title: str
    markup: str
    figures: dict[str, Figure] = field(default_factory=dict)


def sections(measurement: Measurement, *, prefix: str = "", named: bool = False) -> list[Section]:
    """All parts about one bundle.

    prefix : of anchors and of figures' names; named : whether headings say the bundle's name, as there are several.
    """
    writer = _Writer(measurement, prefix, f"{measurement.name}: " if named else "")
    found = [writer.summary(), writer.labels()]
    if isinstance(measurement.report, EvaluationReport) and len(measurement.labels) <= _MOST_CONFUSION_LABELS:
        found.append(writer.confusion(measurement.report))
    found += [writer.precision(), writer.reliability(), writer.sources()]
    if measurement.streaming is not None:
        found.append(writer.streaming(measurement.streaming))
    found += [writer.worst(), writer.cost()]
    if measurement.curve is not None or measurement.ablation is not None:
        found.append(writer.training())
    if measurement.history:
        found.append(writer.history())
    found.append(writer.card())
    return found


def comparison_section(comparison: Comparison) -> Section:
    """Several bundles side by side."""
    head, *rows = comparison.rows()
    words = (
        f"All of them were asked about the same {comparison.tracks} tracks by {comparison.groups} artists. The "
        "difference is to the first; where its interval has no zero in it, it is more than chance."
    )
    return _section("comparison", "Side by side", paragraph(words) + table("Bundles", head, rows, text_columns=(1,)))


class _Writer:
    def __init__(self, measurement: Measurement, prefix: str, name: str) -> None:
        self._of = measurement
        self._prefix = prefix
        self._name = name

    def _section(self, anchor: str, title: str, markup: str, **figures: Figure) -> Section:
        named = {f"{self._prefix}{name}": figure for name, figure in figures.items()}
        return _section(f"{self._prefix}{anchor}", f"{self._name}{title}", markup, named)

    def _plot(self, name: str, description: str, height_px: int = 340) -> str:
        return plot(f"{self._prefix}{name}", description, height_px)

    def summary(self) -> Section:
        of, report = self._of, self._of.report
        protocol = f"{report.protocol[0].upper()}{report.protocol[1:]}"
        who = f"{len(report.labels)} labels; {report.groups} artists from {', '.join(report.sources)}. {protocol}."
        parts = [paragraph(f"{of.title} ({of.network}). {who}"), key_figures(_key_figures(of))]
        parts.append(table("All tests", report.HEADINGS, report.rows()))
        parts.append(paragraph(_READING, "note"))
        parts += [paragraph(note, "note") for note in of.notes]
        return self._section("summary", "Summary", "".join(parts))

    def labels(self) -> Section:
        of = self._of
        rows = [
            (
                label.label,
                f"{label.tracks}",
                f"{label.groups}",
                *(_share(value) for value in (label.recall, label.precision, label.f1)),
                *("–" if value is None else f"{value:.3f}" for value in (label.roc_auc, label.pr_auc)),
            )
            for label in of.labels
        ]
        head = ("label", "tracks", "artists", "found", "right when named", "F1", "ROC-AUC", "PR-AUC")
        words = (
            "Found: of the tracks that have the label, the share that was given it. Right when named: of the tracks "
        )
        words += "that were given it, the share that has it. F1 lies between the two. "
        words += "ROC-AUC: how often a track with the label ranks before one without."
        picture = self._plot("labels", "Bars of what is found and what is right when named", 90 + 34 * len(rows))
        figures = table("Every label", head, rows)
        return self._section(
            "labels",
            "Label by label",
            paragraph(words, "note") + picture + figures,
            labels=draw.labels_figure(of.labels),
        )

    def confusion(self, report: EvaluationReport) -> Section:
        rows = []
        for place, (label, row) in enumerate(zip(report.labels, report.confusion, strict=True)):
            cells = [(str(count) if count else "·", "right" if place == at else "") for at, count in enumerate(row)]
            share = _share(row[place] / sum(row)) if sum(row) else "–"
            rows.append([(escaped(label), ""), *cells, (share, "")])
        counts = marked_table(
            "Tracks of the row's label, by what they were called", ("", *report.labels, "right"), rows, kind="confusion"
        )
        picture = self._plot(
            "confusion", "Squares of what was called what; the table has the numbers", 190 + 30 * len(rows)
        )
        return self._section(
            "confusion", "What is taken for what", beside(picture, counts), confusion=draw.confusion_figure(report)
        )

    def precision(self) -> Section:
        scores = self._of.report.track
        rows = [
            (name, _share(value), _range(interval))
            for name, value, interval in zip(
                ("first", "first 2", "first 3"), scores.precision_at, scores.precision_intervals, strict=True
            )
        ]
        words = (
            "How often the right label is among the likeliest ones."
            if self._of.exclusive
            else ("Of the likeliest labels, the share that holds.")
        )
        return self._section(
            "precision",
            "Among the first three",
            paragraph(words)
            + beside(
                self._plot("precision", words, 280), table("Whole tracks", ("likeliest labels", "right", "95 %"), rows)
            ),
            precision=draw.precision_figure(scores.precision_at, scores.precision_intervals),
        )

    def reliability(self) -> Section:
        of = self._of
        rows = [
            (
                f"{_share(each.low)} to {_share(each.high)}",
                str(each.examples),
                _share(each.confidence),
                _share(each.accuracy),
            )
            for each in of.reliability
        ]
        error = of.report.track.calibration_error
        words = (
            "On the dashed line, 70 % sure means right seven times in ten. Above it is too modest, below it too bold. "
        )
        words += f"The mean distance (ECE) is {error:.3f} for whole tracks."
        picture = self._plot("reliability", "Line of how often it was right against how sure it was", 380)
        counts = table("Whole tracks", ("sure", "answers", "mean", "right"), rows)
        return self._section(
            "reliability",
            "Can its confidence be believed?",
            paragraph(words) + beside(picture, counts),
            reliability=draw.reliability_figure(of.reliability),
        )

    def sources(self) -> Section:
        of = self._of
        rows = [
            (s.source, str(s.tracks), str(s.groups), str(s.labels), _share(s.score.value), _range(s.score.interval))
            for s in of.sources
        ]
        what = "balanced accuracy" if of.exclusive else "likeliest label holds"
        words = "A source has some of the labels only, so these figures are not to be compared with each other."
        return self._section(
            "sources",
            "Source by source",
            paragraph(words, "note")
            + beside(
                self._plot("sources", f"Bars of the {what} of each source", 300),
                table("Whole tracks", ("source", "tracks", "artists", "labels", what, "95 %"), rows),
            ),
            sources=draw.sources_figure(of.sources),
        )

    def streaming(self, scores: StreamingScores) -> Section:
        words = (
            f"{scores.timelines} times some pieces by artists that it was not trained on were joined "
            f"({scores.seconds / 60:.0f} minutes in all) and heard as in the live page; the music changed "
            f"{scores.changes} times."
        )
        rows = [
            ("right label named after a change, median", _seconds(scores.delay_seconds)),
            ("nine in ten of these within", _seconds(scores.slow_delay_seconds)),
            ("changes after which it was named at all", _share(scores.found)),
            ("first right answer after the beginning, median", _seconds(scores.first_answer_seconds)),
            ("time right", f"{_share(scores.right.value)} ({_range(scores.right.interval)})"),
            ("time not sure", _share(scores.not_sure)),
            ("time wrong", _share(scores.wrong)),
            ("time silent, or without music", _share(scores.silence)),
            ("other label named, same music", f"{scores.flips_per_minute:.1f} a minute"),
        ]
        picture = self._plot("streaming", "Bar of the shares of time right, not sure, silent and wrong", 190)
        return self._section(
            "streaming",
            "While music changes",
            paragraph(words) + beside(picture, table("Live", ("", ""), rows)),
            streaming=draw.streaming_figure(scores),
        )

    def worst(self) -> Section:
        words = "The most confident mistakes. Listen to some: now and then it is the label that is wrong."
        found = worst_clips_table(self._of.worst) if self._of.worst else paragraph("There is no mistake to be shown.")
        return self._section("worst", "Worst clips", paragraph(words) + found)

    def cost(self) -> Section:
        cost = self._of.cost
        rows = [
            ("network, one window", f"{cost.network_ms:.1f} ms on the {cost.device}"),
            ("spectrogram of a window", f"{cost.front_end_ms:.2f} ms"),
            ("hears at once", f"{cost.window_seconds:g} s"),
            ("weights of the network", f"{cost.parameters:,}".replace(",", " ")),
            ("bundle on disk", f"{cost.size_bytes / 1e6:.1f} MB"),
        ]
        return self._section("cost", "Cost", table("On this machine, one window at a time", ("", ""), rows))

    def training(self) -> Section:
        parts, figures = [], {}
        curve, ablation = self._of.curve, self._of.ablation
        if curve is not None:
            head, *rows = curve.rows()
            words = (
                f"The same recipe trained on some of the artists, {curve.seeds} times by lot, in {curve.folds} folds."
            )
            picture = self._plot("curve", "Line of the balanced accuracy against the artists in training", 320)
            parts.append(paragraph(words) + beside(picture, table("How much music is enough", head, rows)))
            figures["curve"] = draw.curve_figure(curve)
        if ablation is not None:
            head, *rows = ablation.rows()
            words = f"The recipe with one thing changed at a time, in the same {ablation.folds} folds."
            parts.append(paragraph(words) + table("What each thing is worth", head, rows))
        return self._section("training", "How it learns", "".join(parts), **figures)

    def history(self) -> Section:
        history = self._of.history
        names = list(dict.fromkeys(name for record in history for name in record if name != "epoch"))
        losses = [name for name in names if name.endswith("loss")]
        others = [name for name in names if name not in losses and name != "learning_rate"][:5]
        pictures, figures = [], {}
        for key, chosen, words in (("losses", losses, "Lines of the loss"), ("scores", others, "Lines of the scores")):
            if chosen:
                pictures.append(self._plot(key, f"{words}, epoch by epoch", 320))
                figures[key] = draw.history_figure(history, chosen)
        rows = [
            (f"{record.get('epoch', row):.0f}", *(f"{record[name]:.4g}" if name in record else "" for name in names))
            for row, record in enumerate(history, start=1)
        ]
        head = ("epoch", *(name.replace("_", " ") for name in names))
        numbers = f"<details><summary>All {len(rows)} epochs</summary>{table('Epochs', head, rows)}</details>"
        plots = beside(*pictures) if len(pictures) == 2 else "".join(pictures)
        return self._section("history", "Training", plots + numbers, **figures)

    def card(self) -> Section:
        of = self._of
        words = f"Licence of the bundle: {of.licence}. The music: {of.data}"
        words += "." if of.citation == "one's own" else f"; {of.citation}."
        card = f'<pre tabindex="0">{escaped(of.card)}</pre>' if of.card else paragraph("The bundle has no card.")
        return self._section("card", "Card", paragraph(words) + card)


_READING = (
    "Every label counts the same, however many tracks it has. In brackets is where the figure lies in 95 of 100 draws "
    "of artists: the fewer artists, the wider. ECE is how far confidence is from being right, on average."
)


def _key_figures(of: Measurement) -> list[tuple[str, str]]:
    report = of.report
    found: list[tuple[str, str]] = []
    if isinstance(report, EvaluationReport):
        track = report.track
        found.append(
            (_share(track.balanced_accuracy.value), f"of tracks named rightly ({_interval(track.balanced_accuracy)})")
        )
        windows = report.window.balanced_accuracy.value
        found.append((_share(windows), f"of windows of {report.window_seconds:g} s named rightly"))
        found.append((_share(track.precision_at[2]), "have the right label among the first three"))
        found.append(
            (_share(track.sure_accuracy), f"right when it is sure, which it is {_share(track.sure_share)} of the time")
        )
        found.append(
            (_share(track.accuracy.value), f"of all tracks, however labels are spread ({_interval(track.accuracy)})")
        )
    elif isinstance(report, TagReport):
        if of.roc_auc is not None and of.pr_auc is not None:
            found.append(
                (f"{of.roc_auc.value:.3f}", f"ROC-AUC, mean over the labels ({_interval(of.roc_auc, share=False)})")
            )
            found.append(
                (f"{of.pr_auc.value:.3f}", f"PR-AUC, mean over the labels ({_interval(of.pr_auc, share=False)})")
            )
        found.append((f"{report.track.macro_f1:.3f}", f"F1, mean over the labels, shown from {report.shown_from:g} on"))
        found.append((_share(report.track.precision_at[0]), "of the likeliest labels hold"))
    found.append((f"{of.cost.network_ms + of.cost.front_end_ms:.1f} ms", "a window, network and spectrogram"))
    return found


def _section(anchor: str, title: str, markup: str, figures: dict[str, Figure] | None = None) -> Section:
    heading = f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{escaped(title)}</h2>'
    return Section(anchor, title, f"{heading}{markup}</section>", figures or {})


def _share(value: float) -> str:
    return f"{value:.1%}".replace("%", " %")


def _range(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}".replace("%", " %")


def _interval(estimate: Estimate, *, share: bool = True) -> str:
    low, high = estimate.interval
    return f"95 %: {_range(estimate.interval)}" if share else f"95 %: {low:.3f} to {high:.3f}"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
