"""The picture of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ding_buffer.cli.history import RECENT, RunHistory
from ding_buffer.cli.sample_probe import BufferGlance

_INK, _FAINT, _GRID = "#1f2933", "#7b8794", "#e4e7eb"
_BLUE, _ORANGE, _GREEN, _PURPLE = "#2f6fb3", "#d9822b", "#2c8c5a", "#7d5ba6"


@dataclass(frozen=True)
class ReportText:
    """What the picture says in words: a headline, and the result in a line below it."""

    headline: str
    result: str
    goal: float | None = None


def draw_report(path: Path, text: ReportText, history: RunHistory, glance: BufferGlance) -> None:
    """Writes a PNG: the learning curve, and what the buffer held and gave.

    ``glance`` holds the numbers of all items in the buffer. What was never measured is said in its place.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = {"font.size": 10, "axes.titlesize": 11, "text.color": _INK, "axes.labelcolor": _INK}
    with mpl.rc_context(style):
        figure = Figure(figsize=(12, 8), dpi=130, facecolor="white")
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2,
            3,
            height_ratios=(1.35, 1),
            left=0.065,
            right=0.975,
            top=0.855,
            bottom=0.075,
            hspace=0.38,
            wspace=0.27,
        )
        figure.text(0.065, 0.95, text.headline, fontsize=16, fontweight="bold")
        figure.text(0.065, 0.915, text.result, fontsize=11, color=_FAINT)
        _learning_curve(figure.add_subplot(grid[0, :]), history, text.goal)
        _use_counts(figure.add_subplot(grid[1, 0]), glance.use_counts)
        _priorities(figure.add_subplot(grid[1, 1]), glance.priorities)
        _sample_ages(figure.add_subplot(grid[1, 2]), history)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)


def _learning_curve(axes: Any, history: RunHistory, goal: float | None) -> None:
    _dress(axes, "Learning curve", "env steps", "return of an episode")
    if not history.episodes and not history.evaluations:
        _say(axes, "no episode has ended yet")
        return
    if history.episodes:
        steps, returns = np.array(history.episodes, dtype=float).T
        axes.plot(
            steps,
            returns,
            ".",
            color=_BLUE,
            alpha=0.4,
            markersize=4,
            markeredgewidth=0,
            label="episode, exploring",
        )
        window = min(RECENT, len(returns))
        mean = np.convolve(returns, np.ones(window) / window, mode="valid")
        axes.plot(steps[window - 1 :], mean, color=_BLUE, linewidth=1.6, label=f"mean of {window} episodes")
    if history.evaluations:
        steps, means, lows, highs = np.array(history.evaluations, dtype=float).T
        axes.fill_between(
            steps, lows, highs, color=_ORANGE, alpha=0.16, linewidth=0, label="evaluation, lowest to highest"
        )
        axes.plot(
            steps, means, "o-", color=_ORANGE, linewidth=2, markersize=4, label="evaluation, greedy, mean"
        )
    if goal is not None:
        axes.axhline(goal, color=_GREEN, linewidth=1.1, linestyle=(0, (5, 3)), label=f"goal {goal:g}")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=5,
        fontsize=9,
        frameon=False,
        markerscale=1.6,
        handlelength=1.6,
        columnspacing=1.6,
        borderaxespad=0.2,
    )


def _use_counts(axes: Any, uses: list[int]) -> None:
    _dress(axes, "How often each item was drawn", "times drawn", "items")
    if not uses:
        _say(axes, "not counted:\nadd use_time_check to buffer.middleware")
        return
    counts = np.asarray(uses, dtype=float)
    # A few items are drawn very often; their tail would squeeze the rest.
    top = max(float(np.percentile(counts, 99.5)), 1.0)
    width = max(1, round(top / 40))
    edges = np.arange(0, top + width + 1, width) - 0.5
    axes.hist(np.minimum(counts, edges[-1]), bins=edges, color=_BLUE, alpha=0.85)
    if counts.max() > edges[-1]:
        axes.set_xlabel(f"times drawn (last bar: {np.ceil(edges[-2]):,.0f} and more)")
    _mark(axes, float(np.median(counts)), f"median {np.median(counts):,.0f}")
    _corner(axes, f"{len(uses):,} items\nmost {counts.max():,.0f}")


def _priorities(axes: Any, priorities: list[float]) -> None:
    _dress(axes, "Priorities in the buffer", "priority (size of the error, log scale)", "items")
    positive = np.asarray([value for value in priorities if value > 0], dtype=float)
    if not len(positive):
        _say(axes, "none:\nadd PriorityExperienceReplay to buffer.middleware")
        return
    low, high = float(positive.min()), float(positive.max())
    if low == high:
        low, high = low / 2, high * 2
    axes.hist(positive, bins=np.geomspace(low, high, 41), color=_PURPLE, alpha=0.85)
    axes.set_xscale("log")
    _mark(axes, float(np.median(positive)), f"median {np.median(positive):.3g}")
    _corner(axes, f"highest {positive.max():.3g}")


def _sample_ages(axes: Any, history: RunHistory) -> None:
    _dress(axes, "Age of what the learner drew", "env steps", "age in env steps")
    if not history.learning:
        _say(axes, "nothing was drawn yet")
        return
    steps, _, low, middle, high, held = np.array(history.learning, dtype=float).T
    axes.fill_between(steps, low, high, color=_GREEN, alpha=0.2, linewidth=0, label="80 % of the draws")
    axes.plot(steps, middle, color=_GREEN, linewidth=1.6, label="median")
    axes.plot(steps, held, color=_FAINT, linewidth=1, linestyle=(0, (4, 3)), label="oldest held")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="x", nbins=5)
    axes.legend(fontsize=8.5, frameon=False, loc="upper left")


def _dress(axes: Any, title: str, across: str, up: str) -> None:
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_FAINT, labelcolor=_INK, labelsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_FAINT)
    thousands = "{x:,.0f}"
    axes.yaxis.set_major_formatter(thousands)
    axes.xaxis.set_major_formatter(thousands)


def _say(axes: Any, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=_FAINT)


def _mark(axes: Any, place: float, text: str) -> None:
    axes.set_ylim(top=axes.get_ylim()[1] * 1.15)
    axes.axvline(place, color=_INK, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.annotate(
        text,
        (place, 0.98),
        xycoords=("data", "axes fraction"),
        xytext=(5, 0),
        textcoords="offset points",
        va="top",
        fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )


def _corner(axes: Any, text: str) -> None:
    axes.text(0.98, 0.84, text, transform=axes.transAxes, ha="right", va="top", fontsize=9, color=_FAINT)
