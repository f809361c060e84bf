"""Every ordered pair of layers: refused when it is composed, or right. The two lists are all to extend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NamedTuple

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import ChainError
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.monitoring import monitor
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.range_view import sample_range_view
from ding_buffer.middleware.rate_limits import rate_limit
from ding_buffer.middleware.removals import track_removed
from ding_buffer.middleware.replacement import random_replacement
from ding_buffer.middleware.reservoir_sampling import reservoir
from ding_buffer.middleware.sequences import sequence
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.memmap_storage import MemmapStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.shared_storage import SharedStorage
from tests.middleware import pair_oracles as expect
from tests.middleware.pair_oracles import ITERATION, Oracle
from tests.middleware.pair_walk import CAPACITY, Walk


class Shipped(NamedTuple):
    """A layer, how one is made, and what must be true with it; of two of the same the second is another."""

    name: str
    make: Callable[[], Any]
    oracle: Oracle
    second: tuple[Callable[[], Any], Oracle] | None = None


_LEFT, _LEFT_TOO = expect.Accounted(), expect.Accounted()
_PACED = expect.Paced()
_SEEN, _SEEN_TOO = expect.Observed(), expect.Observed()
_REPLACED, _KEPT = expect.Replaced(0.7), expect.Replaced(None)
LAYERS = [
    Shipped(
        "PriorityExperienceReplay",
        lambda: PriorityExperienceReplay(
            priority_power_factor=expect.ALPHA,
            IS_weight_power_factor=expect.BETA,
            IS_weight_anneal_train_iter=0,
            epsilon=expect.EPSILON,
        ),
        expect.Weighed(),
    ),
    Shipped("clone_object", clone_object, expect.Cloned()),
    Shipped("group_sample", lambda: group_sample(3), expect.Cut(3), (lambda: group_sample(2), expect.Cut(2))),
    Shipped(
        "use_time_check",
        lambda: use_time_check(max_use=4),
        expect.Counted(4),
        (lambda: use_time_check(max_use=3), expect.Counted(3)),
    ),
    Shipped("staleness_check", lambda: staleness_check(max_staleness=7), expect.Fresh(7)),
    Shipped(
        "sample_range_view",
        lambda: sample_range_view(start=-9),
        expect.Ranged(slice(-9, None)),
        (lambda: sample_range_view(end=12), expect.Ranged(slice(None, 12))),
    ),
    Shipped("padding", padding, expect.Padded()),
    Shipped("n_step", lambda: n_step(3, 0.9), expect.Stepped(3, 0.9)),
    Shipped("sequence", lambda: sequence(2), expect.Windowed(2)),
    Shipped(
        "monitor",
        lambda: monitor(_SEEN.begin(), every_samples=1),
        _SEEN,
        (lambda: monitor(_SEEN_TOO.begin(), every_samples=1), _SEEN_TOO),
    ),
    Shipped("rate_limit", lambda: _PACED.begin(rate_limit(4, slack=1e9, mode="refuse")), _PACED),
    Shipped(
        "track_removed",
        lambda: track_removed(_LEFT.begin()),
        _LEFT,
        (lambda: track_removed(_LEFT_TOO.begin()), _LEFT_TOO),
    ),
    Shipped("random_replacement", lambda: random_replacement(0.7, **_REPLACED.begin()), _REPLACED),
    Shipped("reservoir", lambda: reservoir(**_KEPT.begin()), _KEPT),
]

STORAGES: dict[str, Callable[[], Any]] = {
    "object": ObjectStorage,
    "column": ColumnStorage,
    "memmap": lambda: MemmapStorage(gettempdir()),
    "shared": lambda: SharedStorage(
        {
            "obs": (int, (1,)),
            "n": int,
            "reward": float,
            "next_obs": (float, (1,)),
            "terminated": bool,
            "truncated": bool,
        },
        meta={"env": int, "priority": float, ITERATION: int},
    ),
}
SHORTER = {"object": 1, "column": 2, "memmap": 4, "shared": 4}
"""What part of ``STEPS`` a pair walks on a storage: what differs between them is not the layers."""

TABLE = Path(__file__).resolve().parents[2] / "middleware" / "PAIRS.md"
HOW = "python -m tests.middleware.write_pairs"
STEPS = 260

INTRODUCTION = f"""# Every pair of layers, in both orders

A row is the layer used first (the outer one), a column the one used second (the inner one). A pair is
either *right*: both layers keep their promises together, over hundreds of random pushes, samples, updates,
deletions, clears and reloads; or *refused* by `buffer.use()`, with the reason and the order that works.

Written by `{HOW}` and proven by `tests/middleware/test_pairs.py`."""


def compose(storage: str, outer: Shipped, inner: Shipped, seed: int) -> tuple[DequeBuffer, list[Oracle]]:
    """Returns a buffer with both layers, the first outermost, and what must be true of it."""
    make, oracle = inner.second if inner is outer and inner.second is not None else inner[1:3]
    buffer = DequeBuffer(CAPACITY, storage=STORAGES[storage](), seed=seed)
    return buffer.use(outer.make()).use(make()), [outer.oracle, oracle]


def unfit(storage: str, layer: Shipped) -> str | None:
    """Returns what a layer says against a storage on which it cannot work whatever is beside it."""
    try:
        DequeBuffer(CAPACITY, storage=STORAGES[storage]()).use(layer.make())
    except ChainError as error:
        return str(error)
    return None


def refusal(storage: str, outer: Shipped, inner: Shipped) -> str | None:
    """Returns what ``use`` says against the pair, or None where it has nothing to say."""
    try:
        compose(storage, outer, inner, seed=0)
    except ChainError as error:
        return str(error)
    return None


def walk(storage: str, outer: Shipped, inner: Shipped, seed: int) -> Walk:
    """Takes a pair that is not refused through many operations; raises where it is not right."""
    buffer, oracles = compose(storage, outer, inner, seed)
    taken = Walk(buffer, oracles, seed)
    taken.run(STEPS // SHORTER[storage])
    return taken


def outcome(storage: str, outer: Shipped, inner: Shipped) -> str:
    """Returns a cell of the table; that a pair which is not refused is right is what the tests prove."""
    wrong = [layer.name for layer in dict.fromkeys([outer, inner]) if unfit(storage, layer)]
    if wrong:
        return f"refused: {' and '.join(wrong)} on this storage"
    refused = refusal(storage, outer, inner)
    if refused is None:
        return "right"
    what, fix = refused.split(". Use ", 1)
    reason = what.split(": ", 1)[-1]
    return f"refused: {reason} → use {fix.split(': ', 1)[0].rstrip('.')}"


def table() -> str:
    """Returns the whole text of the table's file."""
    parts = [INTRODUCTION]
    for storage in STORAGES:
        names = [layer.name for layer in LAYERS]
        rows = [["first ↓ second →", *names], ["---"] * (len(names) + 1)]
        rows += [[layer.name, *(outcome(storage, layer, inner) for inner in LAYERS)] for layer in LAYERS]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        parts.append(f"## On the {storage} storage\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"
