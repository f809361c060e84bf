"""Writes RESULTS.md: what is lost first, then what was wanted, then everybody side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.contest import Results
from benchmarks.rows import ROWS
from benchmarks.targets import BEST, MORE_IS_BETTER, NAMES, PEERS, TARGETS, Target, best_peer
from benchmarks.wording import AGAINST, contestants, number, times, verdict, wanted, work

HOW = """\
Each contestant runs in an environment and a process of its own and is asked over a pipe. For each row all
prepare; then they take turns, a short round each, several times over. A figure is the median of all blocks
of calls, so what disturbs the machine disturbs all alike. Work in one thread is held to one core, and torch
to one thread. Rows of two threads or processes get the whole machine: one adds batches of 64 as fast as it
can while the other samples 64.

A transition is obs f32[4], act i32, rew f32, next_obs f32[4] and done: 41 bytes; a batch is 256. A sample
is timed until every field is a contiguous numpy array. Priorities are other ones at every update. Before a
row is timed, its work is checked at a small size: that rows are whole and were pushed, that draws spread
over all that is held, that priorities move them as much as they should, that returns and slices are right.
Filling is not timed.

Ours is called through its public interface. Peers run with their defaults; where one has no batch, a batch
is a loop. torchrl's extension is compiled anew from the sources in its wheel where the wheel was built for
another torch. Of DI-engine only the buffer's modules are imported. Buffers of SB3 and tianshou promise
nothing about threads; what two threads got is what stands here. "limit" is bare numpy moving the same
bytes, with no library around it; of saving it is one write() that does not wait for the disk, and 256 cache
lines are records whose places are known.\
"""


def write(results: Results, machine: dict[str, str], date: str) -> str:
    """Returns the whole of RESULTS.md."""
    ours = contestants(results)
    parts = [
        "# Results",
        "Written by `make bench-peers`. Ratios say how many times better ours is; below 1x a peer is better.",
        "![bars](results.png)",
        "## Where ours loses",
        *_losses(results, ours),
        "## Targets",
        _targets(results, ours, TARGETS),
        "Against the best peer of each row:",
        _targets(results, ours, BEST),
        "## Side by side",
        "Medians; the best in bold, the limit left out.",
        _peers(results),
        "![growth](growth.png)",
        "## Machine",
        _table(["", ""], [[name, text] for name, text in {"date": date, **machine}.items()]),
        _table(
            ["", "versions"],
            [[NAMES[name], _versions(versions)] for name, versions in results.versions.items()],
        ),
        "## What has no figure",
        *_missing(results),
        "## How this was measured",
        HOW,
    ]
    return "\n\n".join(parts) + "\n"


def _losses(results: Results, ours: Sequence[str]) -> Iterator[str]:
    """Tells in which rows a peer is better, which targets were missed, and what could not be measured."""
    if not ours:
        yield "Ours could not be measured at all."
        return
    first = ours[0]
    lost = list(_lost(results, first))
    yield "\n".join(lost) if lost else "In no row that both have is a peer better."
    for name in ours:
        targets = [*TARGETS, *BEST]
        missed = [target for target in targets if target.met(results, name) is False]
        if missed:
            yield f"Missed by {NAMES[name]}:"
            yield "\n".join(f"* {_sentence(target, results, name)}" for target in missed)
        else:
            yield f"No target that was measured is missed by {NAMES[name]}."
    if first != "ours_c":
        yield "The C extension is not built here: ours ran on numpy alone."
    unknown = {key: row[first] for key, row in results.missing.items() if first in row and key != "lines"}
    if unknown:
        yield f"Not measured of {NAMES[first]}:"
        yield "\n".join(f"* {work(key)}: {why}" for key, why in unknown.items())


def _lost(results: Results, ours: str) -> Iterator[str]:
    for key in results.figures:
        peer, theirs = best_peer(results, key)
        mine = results.median(key, ours)
        if theirs is None or not mine:
            continue
        ratio = mine / theirs if key in MORE_IS_BETTER else theirs / mine
        if round(ratio, 2) < 1:
            yield f"* **{work(key)}**: {NAMES[peer]} {number(theirs)}, ours {number(mine)} ({times(ratio)})"


def _sentence(target: Target, results: Results, ours: str) -> str:
    reached = times(target.reached(results, ours))
    return f"{work(target.key)}: {reached} {AGAINST[target.against]}, wanted {wanted(target, ours)}"


def _targets(results: Results, ours: Sequence[str], targets: Sequence[Target]) -> str:
    heads = ["work", "against", "theirs"]
    for name in ours:
        heads += [NAMES[name], "wanted", "reached"]
    lines = []
    for target in targets:
        if target.key not in results.figures:
            continue
        cells = [work(target.key), AGAINST[target.against], number(target.theirs(results))]
        for name in ours:
            reached = verdict(target, results, name).replace("missed", "**missed**")
            cells += [number(results.median(target.key, name)), wanted(target, name), reached]
        lines.append(cells)
    return _table(heads, lines)


def _peers(results: Results) -> str:
    names = [name for name in NAMES if name in results.versions]
    lines = []
    for key in (key for row in ROWS for key in row.keys if key in results.figures):
        figures = {name: results.figure(key, name) for name in names}
        medians = {name: figure.median for name, figure in figures.items() if figure}
        running = [median for name, median in medians.items() if name != "limit"]
        best = (max if key in MORE_IS_BETTER else min)(running) if running else None
        cells = [number(medians.get(name)) for name in names]
        marked = [
            f"**{cell}**" if name != "limit" and name in medians and medians[name] == best else cell
            for name, cell in zip(names, cells, strict=True)
        ]
        lines.append([work(key), *marked])
    return _table(["work", *(NAMES[name] for name in names)], lines)


def _missing(results: Results) -> Iterator[str]:
    absent = {name: why for name, why in results.absent.items() if name in PEERS}
    if absent:
        yield "Could not be installed or does not load:"
        yield "\n".join(f"* {NAMES[name]}: {why}" for name, why in absent.items())
    told = [
        f"* {work(key)}, {NAMES[name]}: {why}"
        for key, row in results.missing.items()
        for name, why in row.items()
        if why != "has no such thing" and name in PEERS
    ]
    yield "\n".join(told) if told else "A dash is work that a contestant has no means for."


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(heads) - 1)] if len(heads) > 2 else ["---", "---"]
    return "\n".join("| " + " | ".join(line) + " |" for line in [heads, rule, *lines])
