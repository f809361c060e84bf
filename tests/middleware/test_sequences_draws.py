from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.sequences import PrioritizedSequenceReplay, SequenceReplay, sequence
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.testing.distribution import surprise
from tests.middleware.sequence_walk import numbers_of
from tests.structures.naive_runs import NaiveRuns, Rule, Window

LIMIT = 3.72  # a standard normal deviate lies above it with a probability of 1e-4
DRAWS = 50_000


def filled(layer, storage=ObjectStorage, size=70) -> tuple[DequeBuffer, NaiveRuns]:
    """Returns a full ring of three environments with episodes of very different lengths, and a hole."""
    buffer, naive = DequeBuffer(size, storage=storage(), seed=0).use(layer), NaiveRuns()
    rng = np.random.default_rng(5)
    for number in range(100):
        env = int(rng.integers(3))
        done = bool(rng.random() < (0.5, 0.1, 0.0)[env])
        if number >= size:
            naive.remove([number - size])
        naive.push(number, env, done)
        buffer.push({"n": number, "done": done}, {"env": env, "priority": float(rng.integers(1, 9))})
    hole = buffer[40]
    naive.remove([hole.data["n"]])
    buffer.delete(hole.index)
    return buffer, naive


def drawn(buffer: DequeBuffer, size: int, **query) -> Counter[Window]:
    counts: Counter[Window] = Counter()
    for _ in range(DRAWS // size):
        counts.update(numbers_of(buffer.sample(size, **query)))
    return counts


def surprise_of(counts: Counter[Window], chances: dict[Window, float]) -> float:
    """Compares counts of windows with what is expected in proportion to ``chances``."""
    assert set(counts) <= set(chances)
    expected = np.array(list(chances.values()))
    return surprise(
        [counts[window] for window in chances], expected * (sum(counts.values()) / expected.sum())
    )


CASES: list[tuple[Rule, dict[str, Any]]] = [
    (Rule(0, 3, 1, False, False), {}),
    (Rule(2, 2, 1, True, True), {"pad": "both"}),
    (Rule(1, 3, 2, False, True), {"pad": "end", "overlap": 1}),
]


@pytest.mark.parametrize(("rule", "settings"), CASES, ids=str)
@pytest.mark.parametrize("replace", [False, True])
def test_every_legal_window_is_equally_likely(rule, settings, replace):
    buffer, naive = filled(sequence(rule.length, rule.burn_in, **settings))
    legal = dict.fromkeys(naive.windows(rule), 1.0)

    assert LIMIT > surprise_of(drawn(buffer, 20, replace=replace), legal)


@pytest.mark.parametrize("replace", [False, True])
def test_every_legal_window_is_equally_likely_also_where_slots_are_tried(replace, monkeypatch):
    monkeypatch.setattr("ding_buffer.samplers.window_draw._SCAN", 0)
    buffer, naive = filled(sequence(3))
    legal = dict.fromkeys(naive.windows(CASES[0][0]), 1.0)

    assert LIMIT > surprise_of(drawn(buffer, 8, replace=replace), legal)


def test_every_legal_window_is_equally_likely_on_columns():
    rule, settings = CASES[1]
    buffer, naive = filled(sequence(rule.length, rule.burn_in, **settings), ColumnStorage)

    assert LIMIT > surprise_of(drawn(buffer, 20), dict.fromkeys(naive.windows(rule), 1.0))


@pytest.mark.parametrize("few", [1, 4096])
@pytest.mark.parametrize("replace", [False, True])
def test_every_window_in_a_range_is_equally_likely(few, replace, monkeypatch):
    monkeypatch.setattr("ding_buffer.samplers.window_draw.FEW", few)
    buffer, naive = filled(sequence(3))
    part = slice(5, 60)
    legal = naive.windows(CASES[0][0], among=set(list(naive.steps)[part]))

    counts = drawn(buffer, 20, replace=replace, sample_range=part)
    assert LIMIT > surprise_of(counts, dict.fromkeys(legal, 1.0))


class ByEpisode(SequenceReplay):
    """Draws an episode and then a start in it, so that windows of short episodes come up too often."""

    def _draw(self, size, replace, within):
        rng, starts = self._store.rng, np.sort(self._starts.slots)
        runs: dict[int, list[int]] = {}
        for slot in starts.tolist():
            first = slot
            while self._starts.succession.preceding[first] >= 0:
                first = int(self._starts.succession.preceding[first])
            runs.setdefault(first, []).append(slot)
        chosen = [list(runs.values())[place] for place in rng.integers(len(runs), size=size).tolist()]
        return np.array([run[int(rng.integers(len(run)))] for run in chosen]), None


class AllButOne(SequenceReplay):
    """Never draws the start in the last slot."""

    def _draw(self, size, replace, within):
        return self._starts.slots[self._store.rng.integers(len(self._starts) - 1, size=size)], None


@pytest.mark.parametrize("fault", [ByEpisode, AllButOne])
def test_a_biased_draw_of_windows_would_be_noticed(fault):
    rule, settings = CASES[0]
    buffer, naive = filled(fault(rule.length, rule.burn_in, **settings))

    assert LIMIT < surprise_of(drawn(buffer, 20), dict.fromkeys(naive.windows(rule), 1.0))


# By priority.

ETA, ALPHA, BETA, EPSILON = 0.7, 0.8, 0.5, 1e-3


def chances(buffer: DequeBuffer, naive: NaiveRuns, rule: Rule, eta: float = ETA) -> dict[Window, float]:
    priority = {item.data["n"]: item.meta["priority"] for item in buffer}
    found = {}
    for window in naive.windows(rule):
        learned = [priority[n] for n in window[rule.burn_in :] if n is not None]
        mixed = eta * max(learned) + (1 - eta) * sum(learned) / len(learned)
        found[window] = (mixed + EPSILON) ** ALPHA
    return found


def prioritized(rule: Rule, settings: dict, kind=PrioritizedSequenceReplay) -> PrioritizedSequenceReplay:
    return kind(rule.length, rule.burn_in, eta=ETA, alpha=ALPHA, beta=BETA, epsilon=EPSILON, **settings)


@pytest.mark.parametrize(("rule", "settings"), CASES, ids=str)
@pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])
def test_windows_are_as_likely_as_the_mix_of_their_priorities(rule, settings, storage):
    buffer, naive = filled(prioritized(rule, settings), storage)
    buffer.update([buffer[50].index, buffer[60].index], meta={"priority": [40.0, 0.5]})
    right = chances(buffer, naive, rule)
    counts = drawn(buffer, 50)

    assert LIMIT > surprise_of(counts, right)
    assert LIMIT < surprise_of(counts, chances(buffer, naive, rule, eta=ETA - 0.4))


@pytest.mark.parametrize("few", [1, 4096])
def test_windows_in_a_range_are_as_likely_as_the_mix_of_their_priorities(few, monkeypatch):
    monkeypatch.setattr("ding_buffer.samplers.window_draw.FEW", few)
    rule, settings = CASES[0]
    buffer, naive = filled(prioritized(rule, settings))
    part = slice(5, 60)
    legal = naive.windows(rule, among=set(list(naive.steps)[part]))
    right = {window: chance for window, chance in chances(buffer, naive, rule).items() if window in legal}

    assert LIMIT > surprise_of(drawn(buffer, 50, sample_range=part), right)


@pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])
def test_weights_make_up_for_the_preference(storage):
    rule, settings = CASES[1]
    buffer, naive = filled(prioritized(rule, settings), storage)
    masses = chances(buffer, naive, rule)
    least = min(masses.values())
    batch = buffer.sample(40)

    for window, group in zip(numbers_of(batch), batch, strict=True):
        weight = (masses[window] / least) ** -BETA
        for n, item in zip(window, group, strict=True):
            if n is not None:
                assert pytest.approx(weight) == item.meta["priority_IS"]
                assert pytest.approx([weight], rel=1e-6) == item.data["priority_IS"].tolist()
    assert not any("priority_IS" in item.meta or "priority_IS" in item.data for item in buffer)


class Forgets(PrioritizedSequenceReplay):
    """Keeps the priorities that were pushed."""

    def on_updated(self, slots):
        SequenceReplay.on_updated(self, slots)


class ByMean(PrioritizedSequenceReplay):
    """Leaves the maximum out."""

    def _prepare(self):
        super()._prepare()
        self._windows._mix._eta = 0.0


@pytest.mark.parametrize("fault", [Forgets, ByMean])
def test_a_fault_in_the_priorities_would_be_noticed(fault):
    rule, settings = CASES[0]
    buffer, naive = filled(prioritized(rule, settings, fault))
    buffer.update([buffer[50].index, buffer[60].index], meta={"priority": [40.0, 0.5]})

    assert LIMIT < surprise_of(drawn(buffer, 50), chances(buffer, naive, rule))
