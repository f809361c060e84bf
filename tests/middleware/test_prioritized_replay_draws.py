"""Which items prioritised replay draws, and how often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.testing.distribution import surprise
from tests.middleware.tally import Tally, tally

PRIORITIES = np.concatenate((np.linspace(0.0, 5.0, 30), [20.0, 0.05, 3.0, 100.0]))
LIMIT = 3.72  # a standard normal deviate lies above it with a probability of 1e-4
DRAWS, BATCH = 60_000, 300


def masses(priorities: np.ndarray, mode: str, alpha: float = 0.6) -> np.ndarray:
    """What a draw should be in proportion to, written down from the paper."""
    if mode == "proportional":
        return (priorities + 1e-5) ** alpha
    ranks = np.empty(len(priorities))
    ranks[np.argsort(-priorities, kind="stable")] = np.arange(1, len(priorities) + 1)
    return ranks**-alpha


def filled(layer: PriorityExperienceReplay, priorities=PRIORITIES, size: int | None = None) -> DequeBuffer:
    buffer = DequeBuffer(size or len(priorities), seed=5).use(layer, Tally())
    buffer.extend(range(len(priorities)), meta={"priority": priorities})
    return buffer


def counted(buffer: DequeBuffer, payloads: int, draws: int = DRAWS, **query) -> np.ndarray:
    counts = tally(buffer, draws, BATCH, **query).items
    return np.array([counts[payload] for payload in range(payloads)])


def fetched(buffer: DequeBuffer, payloads: int) -> np.ndarray:
    drawn = [item.data for _ in range(DRAWS // BATCH) for item in buffer.sample(BATCH)]
    return np.bincount(drawn, minlength=payloads)


def surprise_of(
    layer: PriorityExperienceReplay, mode: str = "proportional", alpha: float = 0.6, count=counted
) -> float:
    counts = count(filled(layer), len(PRIORITIES))
    expected = masses(PRIORITIES, mode, alpha)
    return surprise(counts[1:], expected[1:] / expected[1:].sum() * counts[1:].sum())


class DrawsUniformly(PriorityExperienceReplay):
    """Knows the priorities and does not use them."""

    def _choose(self, size):
        slots = self._store.ring.live()
        return slots[self._store.rng.integers(len(slots), size=size)], np.ones(size)


class DrawsTheNeighbour(PriorityExperienceReplay):
    """Takes the slot after the right one."""

    def _choose(self, size):
        drawn: Any = super()._choose(size)
        slots, weights = drawn
        return np.minimum(slots + 1, len(self._store) - 1), weights


class ForgetsUpdates(PriorityExperienceReplay):
    """Leaves the masses as they were pushed."""

    def on_updated(self, slots):
        return None


class ShiftsTheRange(PriorityExperienceReplay):
    """Takes the range to begin one item earlier."""

    def _draw(self, size, positions):
        return super()._draw(size, range(max(positions.start - 1, 0), positions.stop - 1))


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(
    ("mode", "alpha"), [("proportional", 0.6), ("proportional", 1.0), ("rank", 0.6), ("rank", 1.0)]
)
def test_items_are_drawn_as_their_priorities_say(mode, alpha, stratified):
    layer = PriorityExperienceReplay(priority_power_factor=alpha, mode=mode, stratified=stratified)

    assert LIMIT > surprise_of(layer, mode, alpha, fetched)


def test_with_alpha_zero_all_items_are_drawn_alike():
    counts = counted(filled(PriorityExperienceReplay(priority_power_factor=0.0, stratified=False)), 34)

    assert LIMIT > surprise(counts, np.full(34, DRAWS / 34))


@pytest.mark.parametrize("fault", [DrawsUniformly, DrawsTheNeighbour])
def test_a_fault_in_drawing_would_be_noticed(fault):
    assert LIMIT < surprise_of(fault())


def test_a_wrong_exponent_would_be_noticed():
    assert LIMIT < surprise_of(PriorityExperienceReplay(priority_power_factor=0.65, stratified=False))


def test_stratified_draws_are_less_uneven_than_independent_ones():
    def spread(stratified: bool) -> float:
        layer = PriorityExperienceReplay(stratified=stratified)
        counts = counted(filled(layer), len(PRIORITIES))
        expected = masses(PRIORITIES, "proportional")
        expected *= DRAWS / expected.sum()
        return float(((counts - expected) ** 2 / np.maximum(expected, 1.0)).sum())

    assert spread(True) < 0.2 * spread(False)


def test_every_stratum_gives_one_draw():
    buffer = filled(PriorityExperienceReplay(), np.ones(64))

    for _ in range(50):
        assert list(range(64)) == [item.data for item in buffer.sample(64)]


@pytest.mark.parametrize("mode", ["proportional", "rank"])
@pytest.mark.parametrize("fault", [PriorityExperienceReplay, ForgetsUpdates])
def test_updated_priorities_decide_from_then_on(mode, fault):
    buffer = filled(fault(mode=mode))
    changed = PRIORITIES[::-1].copy()
    buffer.update([item.index for item in buffer], meta={"priority": changed})

    counts = counted(buffer, len(changed))

    expected = masses(changed, mode)
    found = surprise(counts[:-1], expected[:-1] / expected[:-1].sum() * counts[:-1].sum())
    assert (LIMIT > found) == (fault is PriorityExperienceReplay)


@pytest.mark.parametrize("mode", ["proportional", "rank"])
@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(
    "part", [slice(-12, None), slice(None, 9), slice(5, 25), slice(-1, None), slice(3, 30, 4)]
)
def test_a_small_range_is_drawn_from_in_proportion(mode, stratified, part):
    buffer = filled(PriorityExperienceReplay(mode=mode, stratified=stratified))
    expected = np.zeros(34)
    expected[part] = masses(PRIORITIES, mode)[part]

    counts = counted(buffer, 34, sample_range=part)

    assert [] == [number for number in np.flatnonzero(counts) if not expected[number]]
    drawable = np.flatnonzero(expected * DRAWS / expected.sum() > 5)
    if len(drawable) > 1:
        right = expected[drawable] / expected[drawable].sum() * counts[drawable].sum()
        assert LIMIT > surprise(counts[drawable], right)


def test_a_range_that_is_off_by_one_would_be_noticed():
    counts = counted(filled(ShiftsTheRange()), 34, sample_range=slice(-12, None))

    assert counts[34 - 13] > 0


BIG = 6000


def big(layer: PriorityExperienceReplay, deleted: int = 0) -> tuple[DequeBuffer, np.ndarray]:
    """A buffer that has wrapped around, with scattered deletes, and the mass of each payload (0: gone)."""
    rng = np.random.default_rng(1)
    priorities = rng.exponential(size=BIG + 1500)
    buffer = filled(layer, priorities, size=BIG)
    gone = rng.choice(np.arange(1500, BIG + 1500), size=deleted, replace=False)
    buffer.delete([buffer[int(number) - 1500].index for number in gone])
    mass = masses(priorities, "proportional")
    mass[:1500] = 0.0
    mass[gone] = 0.0
    return buffer, mass


def in_bins(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, 125).sum(axis=1)


@pytest.mark.parametrize("deleted", [0, 700])
def test_a_large_range_is_drawn_by_rejection_in_proportion(monkeypatch, deleted):
    layer = PriorityExperienceReplay()
    buffer, mass = big(layer, deleted)
    monkeypatch.setattr(layer._sampler, "draw_among", None)  # the way of small ranges: an error if taken
    mass[np.flatnonzero(mass)[:-4500]] = 0.0

    counts = counted(buffer, len(mass), sample_range=slice(-4500, None))

    assert 0 == counts[mass == 0.0].sum()
    full = in_bins(mass) > 0.2 * in_bins(mass).max()
    right = in_bins(mass)[full] / in_bins(mass)[full].sum() * in_bins(counts)[full].sum()
    assert LIMIT > surprise(in_bins(counts)[full], right)
    assert LIMIT < surprise(np.roll(in_bins(counts)[full], 1), right)


@pytest.mark.parametrize("deleted", [0, 700])
def test_a_large_range_that_holds_little_of_the_mass_is_drawn_from_directly(monkeypatch, deleted):
    layer = PriorityExperienceReplay()
    buffer, mass = big(layer, deleted)
    heavy = [item.index for item in buffer[-600:]]
    buffer.update(heavy, meta={"priority": 1e6})
    called = []
    draw_among = layer._sampler.draw_among

    def noted(*args):
        called.append(args)
        return draw_among(*args)

    monkeypatch.setattr(layer._sampler, "draw_among", noted)
    live = np.flatnonzero(mass)
    mass[live[-600:]] = 0.0

    counts = counted(buffer, len(mass), sample_range=slice(None, -600))

    assert DRAWS // BATCH == len(called)
    assert 0 == counts[mass == 0.0].sum()
    full = in_bins(mass) > 0.2 * in_bins(mass).max()
    right = in_bins(mass)[full] / in_bins(mass)[full].sum() * in_bins(counts)[full].sum()
    assert LIMIT > surprise(in_bins(counts)[full], right)


@pytest.mark.parametrize("deleted", [0, 700])
def test_a_small_range_after_scattered_deletes_holds_exactly_its_positions(deleted):
    buffer, _ = big(PriorityExperienceReplay(), deleted)

    for part in (slice(-40, None), slice(None, 40), slice(1000, 1040), slice(2000, 1960, -1)):
        allowed = {item.data for item in buffer[part]}
        assert allowed == {item.data for item in buffer.sample(2000, sample_range=part)}


def test_weights_in_a_range_are_those_of_the_whole_buffer():
    buffer = filled(PriorityExperienceReplay(IS_weight_anneal_train_iter=0))
    mass = masses(PRIORITIES, "proportional")
    expected = (mass / mass.min()) ** -0.4

    for item in buffer.sample(200, sample_range=slice(-10, None)):
        assert item.meta["priority_IS"] == pytest.approx(expected[item.data])


@pytest.mark.parametrize("stratified", [True, False])
def test_without_epsilon_a_priority_of_zero_is_never_drawn_unless_all_are_zero(stratified):
    buffer = filled(PriorityExperienceReplay(epsilon=0.0, stratified=stratified), [0.0, 0.0, 1.0, 2.0])

    assert [0, 0] == counted(buffer, 4, draws=6000)[:2].tolist()

    buffer.update([item.index for item in buffer], meta={"priority": 0.0})
    counts = counted(buffer, 4)
    assert LIMIT > surprise(counts, np.full(4, DRAWS / 4))
    assert {1.0} == {item.meta["priority_IS"] for item in buffer.sample(50)}


def test_a_batch_may_be_larger_than_the_buffer_and_is_never_an_error_for_replace():
    buffer = filled(PriorityExperienceReplay(), [1.0, 1.0])

    assert 64 == len(buffer.sample(64)) == len(buffer.sample(64, replace=True))


@pytest.mark.parametrize("deleted", [0, 700])
def test_a_large_range_begins_and_ends_where_it_says(monkeypatch, deleted):
    layer = PriorityExperienceReplay()
    buffer, _ = big(layer, deleted)
    monkeypatch.setattr(layer._sampler, "draw_among", None)
    part = slice(100, 4800)
    before, first, last, after = (buffer[place] for place in (99, 100, 4799, 4800))
    buffer.update([item.index for item in (before, first, last, after)], meta={"priority": 1e9})

    found = {item.data for item in buffer.sample(100, sample_range=part)}

    assert {first.data, last.data} <= found
    assert not {before.data, after.data} & found
