"""The plots of the evaluation's report, as Plotly takes them: plain dicts.

A colour that reads "var(--ink)" is the page's, which is light or dark; `report/report.js` looks it up. Names that come
from data or files are escaped, because Plotly reads text as markup.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from model.evaluation_report import EvaluationReport
from model.learning_curve import LearningCurve
from model.measurement import LabelScores, SourceScores
from model.measures.reliability import Bin
from model.measures.streaming import StreamingScores

Figure = dict[str, Any]

_MOST_CELL_NUMBERS = 20
"""Labels up to which the numbers are written into the confusion's cells."""
_NO_BOX = {"l": 10, "r": 10, "t": 10, "b": 10}


def text(name: str) -> str:
    """A name as Plotly shows it, letter by letter."""
    return html.escape(name if len(name) <= 40 else f"{name[:39]}…", quote=False)


def confusion_figure(report: EvaluationReport) -> Figure:
    """Shares of each right label's tracks, by what they were called."""
    shares = [[cell / sum(row) if sum(row) else 0.0 for cell in row] for row in report.confusion]
    labels = [text(label) for label in report.labels]
    many = len(labels) > _MOST_CELL_NUMBERS
    words = [
        [f"{right}, called {called}: {count}" for called, count in zip(labels, row, strict=True)]
        for right, row in zip(labels, report.confusion, strict=True)
    ]
    cells = {
        "type": "heatmap",
        "z": shares,
        "x": labels,
        "y": labels,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, "var(--cell-0)"], [1, "var(--cell-1)"]],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "text": words,
        "hoverinfo": "text",
    }
    numbers = [] if many else _cell_numbers(report, shares, labels)
    return {
        "data": [cells],
        "layout": _layout(
            xaxis=_axis("called", type="category", side="bottom", tickangle=-45 if len(labels) > 6 else 0),
            yaxis=_axis("is", type="category", autorange="reversed"),
            annotations=numbers,
        ),
    }


def _cell_numbers(report: EvaluationReport, shares: Sequence[Sequence[float]], labels: Sequence[str]) -> list[Figure]:
    found = []
    for row, (counts, of_row) in enumerate(zip(report.confusion, shares, strict=True)):
        for column, (count, share) in enumerate(zip(counts, of_row, strict=True)):
            if count:
                colour = "var(--on-dark)" if share > 0.5 else "var(--ink)"
                cell = {"x": column, "y": row, "text": str(count), "showarrow": False, "font": {"color": colour}}
                found.append(cell)
    return found


def reliability_figure(bins: Sequence[Bin]) -> Figure:
    """How often it was right against how sure it was; the diagonal is what is wanted."""
    wanted = {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": "var(--faint)", "dash": "dash", "width": 1.5},
        "hoverinfo": "skip",
    }
    found = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [each.confidence for each in bins],
        "y": [each.accuracy for each in bins],
        "marker": {"color": "var(--accent)", "size": [6 + 30 * each.share**0.5 for each in bins], "opacity": 0.85},
        "line": {"color": "var(--accent)", "width": 2},
        "text": [f"{each.examples} answers" for each in bins],
        "hoverinfo": "x+y+text",
    }
    return {
        "data": [wanted, found],
        "layout": _layout(
            xaxis=_axis("how sure it was", range=[0, 1.02], tickformat=".0%"),
            yaxis=_axis("how often it was right", range=[0, 1.02], tickformat=".0%"),
        ),
    }


def labels_figure(labels: Sequence[LabelScores]) -> Figure:
    """Precision and recall of each label."""
    names = [text(label.label) for label in labels]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": names,
            "x": [getattr(label, field) for label in labels],
            "marker": {"color": colour},
            "hoverinfo": "x+y+name",
        }
        for name, field, colour in (
            ("found (recall)", "recall", "var(--accent)"),
            ("right when named (precision)", "precision", "var(--second)"),
        )
    ]
    return {
        "data": traces,
        "layout": _layout(
            barmode="group",
            bargap=0.3,
            showlegend=True,
            xaxis=_axis("", range=[0, 1], tickformat=".0%"),
            yaxis=_axis("", type="category", autorange="reversed"),
        ),
    }


def precision_figure(values: Sequence[float], intervals: Sequence[tuple[float, float]]) -> Figure:
    """Right among the first one, two, three."""
    return _with_intervals(["first", "first 2", "first 3"], values, intervals)


def sources_figure(sources: Sequence[SourceScores]) -> Figure:
    """The score of each source."""
    names = [text(source.source) for source in sources]
    return _with_intervals(names, [s.score.value for s in sources], [s.score.interval for s in sources])


def _with_intervals(names: Sequence[str], values: Sequence[float], intervals: Sequence[tuple[float, float]]) -> Figure:
    bars = {
        "type": "bar",
        "x": list(names),
        "y": list(values),
        "marker": {"color": "var(--accent)"},
        "width": 0.55,
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, high - value) for value, (_, high) in zip(values, intervals, strict=True)],
            "arrayminus": [max(0.0, value - low) for value, (low, _) in zip(values, intervals, strict=True)],
            "color": "var(--ink)",
            "thickness": 1.5,
        },
        "hoverinfo": "x+y",
    }
    return {
        "data": [bars],
        "layout": _layout(xaxis=_axis("", type="category"), yaxis=_axis("", range=[0, 1.02], tickformat=".0%")),
    }


def streaming_figure(scores: StreamingScores) -> Figure:
    """Shares of the time, in one bar."""
    shares = (
        ("right", scores.right.value, "var(--good)"),
        ("not sure", scores.not_sure, "var(--faint)"),
        ("silence", scores.silence, "var(--grid)"),
        ("wrong", scores.wrong, "var(--bad)"),
    )
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": f"{name} {share:.0%}",
            "y": [""],
            "x": [share],
            "marker": {"color": colour},
            "hoverinfo": "name",
        }
        for name, share, colour in shares
        if share > 0.0
    ]
    return {
        "data": traces,
        "layout": _layout(
            barmode="stack",
            showlegend=True,
            xaxis=_axis("share of the time", range=[0, 1], tickformat=".0%"),
            yaxis=_axis("", type="category"),
        ),
    }


def history_figure(history: Sequence[Mapping[str, float]], names: Sequence[str]) -> Figure:
    """Some of the history's figures, by epoch."""
    colours = ("var(--accent)", "var(--second)", "var(--good)", "var(--bad)", "var(--faint)")
    traces = []
    for number, name in enumerate(names):
        points = [(record.get("epoch", row + 1), record[name]) for row, record in enumerate(history) if name in record]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": text(name.replace("_", " ")),
                "x": [epoch for epoch, _ in points],
                "y": [value for _, value in points],
                "line": {"color": colours[number % len(colours)], "width": 2},
                "marker": {"size": 5},
            }
        )
    return {
        "data": traces,
        "layout": _layout(showlegend=True, xaxis=_axis("epoch"), yaxis=_axis("", rangemode="tozero")),
    }


def curve_figure(curve: LearningCurve) -> Figure:
    """Accuracy against artists in training; the bars reach from the worst to the best draw."""
    means = [point.mean for point in curve.points]
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [point.artists for point in curve.points],
        "y": means,
        "line": {"color": "var(--accent)", "width": 2},
        "marker": {"size": 8},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [max(point.accuracies) - point.mean for point in curve.points],
            "arrayminus": [point.mean - min(point.accuracies) for point in curve.points],
            "color": "var(--ink)",
            "thickness": 1.5,
        },
        "hoverinfo": "x+y",
    }
    return {
        "data": [line],
        "layout": _layout(
            xaxis=_axis("artists in training", rangemode="tozero"),
            yaxis=_axis("balanced accuracy", range=[0, 1.02], tickformat=".0%"),
        ),
    }


def _layout(**more: Any) -> Figure:
    return {
        "font": {
            "color": "var(--ink)",
            "size": 13,
            "family": "system-ui, Roboto, 'Liberation Sans', Arial, sans-serif",
        },
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {**_NO_BOX, "pad": 4},
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "dragmode": False,
        "hovermode": "closest",
        **more,
    }


def _axis(title: str, **more: Any) -> Figure:
    return {
        "title": {"text": title},
        "automargin": True,
        "fixedrange": True,
        "gridcolor": "var(--grid)",
        "linecolor": "var(--grid)",
        "zeroline": False,
        **more,
    }
