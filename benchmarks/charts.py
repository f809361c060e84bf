"""Draws the results: bars of everybody by row, and growth with items and threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.contest import Results
from benchmarks.rows import ROWS
from benchmarks.targets import MORE_IS_BETTER, NAMES, OURS, TITLES
from benchmarks.wording import number

# Okabe and Ito's colours, told apart by everybody; each contestant has a marker of its own as well.
STYLES = {
    "ours_c": ("#D55E00", "o"),
    "ours_numpy": ("#E69F00", "s"),
    "cpprb": ("#0072B2", "^"),
    "torchrl": ("#56B4E9", "v"),
    "tianshou": ("#009E73", "D"),
    "sb3": ("#CC79A7", "P"),
    "ding": ("#595959", "X"),
}
INK, FAINT = "#222222", "#DDDDDD"
SIZES = {"per 10k": 1e4, "per 100k": 1e5, "per 1M": 1e6, "per 10M": 1e7}
TITLE = 1.7  # bars
# Rows of one contestant alone.
LEFT_OUT = {"lines", "memory aligned", "told"}


def bars(results: Results, path: Path) -> None:
    """Draws a small chart a row, in two columns of about as many bars."""
    plt = _pyplot()
    shown = {key: _medians(results, key) for row in ROWS for key in row.keys if key not in LEFT_OUT}
    rows = [(key, medians) for key, medians in shown.items() if medians and not key.startswith("samplers")]
    sizes = [len(medians) + TITLE for _, medians in rows]
    middle = min(range(1, len(rows) + 1), key=lambda cut: abs(sum(sizes[:cut]) - sum(sizes[cut:])))
    columns = [column for column in (slice(middle), slice(middle, None)) if rows[column]]
    height = max(sum(sizes[column]) for column in columns) * 0.2 + 0.5
    figure = plt.figure(figsize=(12, height), layout="constrained")
    figure.suptitle("Logarithmic scales; the best of a row in bold", fontsize=11, color=INK)
    for column, part in zip(columns, figure.subfigures(1, len(columns), squeeze=False)[0], strict=True):
        grid = {"height_ratios": sizes[column]}
        axes = part.subplots(len(rows[column]), 1, squeeze=False, gridspec_kw=grid)
        for axis, (key, medians) in zip(axes[:, 0], rows[column], strict=True):
            _bars_of(axis, key, medians)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _medians(results: Results, key: str) -> dict[str, float]:
    medians = {name: results.median(key, name) for name in STYLES}
    return {name: median for name, median in medians.items() if median}


def _bars_of(axis: Any, key: str, medians: dict[str, float]) -> None:
    best = (max if key in MORE_IS_BETTER else min)(medians.values())
    low, high = min(medians.values()), max(medians.values())
    places = range(len(medians))
    axis.barh(places, list(medians.values()), color=[STYLES[name][0] for name in medians], height=0.8)
    axis.set_xscale("log")
    axis.set_xlim(low / 4, high * (high / low) ** 0.15 * 1.5)
    axis.set_ylim(len(medians) - 0.5, -0.5)
    for place, median in zip(places, medians.values(), strict=True):
        weight = "bold" if median == best else "normal"
        offset = {"xytext": (4, 0), "textcoords": "offset points", "va": "center_baseline"}
        axis.annotate(number(median), (median, place), fontsize=8, weight=weight, color=INK, **offset)
    axis.set_yticks(list(places), [NAMES[name] for name in medians], fontsize=8)
    for label, name in zip(axis.get_yticklabels(), medians, strict=True):
        label.set_weight("bold" if name in OURS else "normal")
    unit = next(row.unit for row in ROWS if key in row.keys)
    better = "more is better" if key in MORE_IS_BETTER else f"{unit}, less is better"
    axis.set_title(f"{TITLES[key]}  ({better})", fontsize=9, loc="left", color=INK, pad=3)
    axis.tick_params(axis="both", which="both", length=0)
    axis.tick_params(axis="x", which="both", labelbottom=False)
    axis.grid(axis="x", color=FAINT, linewidth=0.6)
    _plain(axis)


def growth(results: Results, path: Path) -> None:
    """Draws microseconds over items, and batches a second over threads."""
    plt = _pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.2), layout="constrained")
    _lines(left, results, SIZES)
    left.set(xscale="log", yscale="log", xlabel="items held", ylabel="microseconds")
    left.set_title("Prioritised sample + update of 256 (less is better)", fontsize=11, loc="left", color=INK)
    _lines(right, results, {f"samplers {count}": count for count in (1, 2, 3, 4)})
    right.set(yscale="log", xlabel="threads", ylabel="batches a second, all threads together")
    right.set_xticks([1, 2, 3, 4])
    right.set_title("Sampling 256 of a million (more is better)", fontsize=11, loc="left", color=INK)
    _number_ticks(left.xaxis, (1.0,))
    _number_ticks(left.yaxis, (1.0, 3.0))
    _number_ticks(right.yaxis, (1.0, 2.0, 5.0))
    entries: dict[str, Any] = {}
    for axis in (left, right):
        entries |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(
        entries.values(), entries, loc="outside lower center", ncols=max(1, len(entries)), frameon=False
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _number_ticks(axis: Any, steps: tuple[float, ...]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def _lines(axis: Any, results: Results, places: dict[str, float]) -> None:
    for name, (colour, marker) in STYLES.items():
        figures = [(place, results.figure(key, name)) for key, place in places.items()]
        points = [(place, figure) for place, figure in figures if figure]
        if not points:
            continue
        over = [place for place, _ in points]
        axis.plot(
            over, [figure.median for _, figure in points], color=colour, marker=marker, label=NAMES[name]
        )
        low, high = [figure.low for _, figure in points], [figure.high for _, figure in points]
        axis.fill_between(over, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.grid(color=FAINT, linewidth=0.6)
    _plain(axis)


def _plain(axis: Any) -> None:
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color("#999999")


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt
