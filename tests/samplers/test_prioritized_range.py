from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.samplers import prioritized_range
from ding_buffer.samplers.prioritized_range import draw_in_range, serials_of
from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.structures.ring_index import RingIndex

CAPACITY = 60


def made(scattered=False):
    """A ring that has wrapped, after scattered deletions too, and a sampler with masses of its slots."""
    ring, sampler = RingIndex(CAPACITY), ProportionalSampler(CAPACITY, alpha=1.0, epsilon=0.0)
    for _ in range(CAPACITY + 17):
        ring.advance()
    if scattered:
        ring.remove(ring.slots_at(np.array([3, 9, 10, 40])))
        ring.push()
        ring.push()
    masses = np.random.default_rng(3).uniform(0.2, 4.0, CAPACITY)
    slots = ring.live()
    sampler.set(slots, masses[slots])
    return ring, sampler


def surprise_of(surprise, ring, sampler, positions, stratified, draw=draw_in_range):
    rng, seen = np.random.default_rng(11), np.zeros(CAPACITY)
    for _ in range(1000):
        seen += np.bincount(draw(rng, sampler, ring, positions, 60, stratified), minlength=CAPACITY)
    inside = ring.slots_at(np.array(positions))
    expected = np.zeros(CAPACITY)
    expected[inside] = sampler.masses(inside)
    assert 0 == seen[expected == 0].sum()
    expected *= seen.sum() / expected.sum()
    return surprise(seen[expected > 0], expected[expected > 0])


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("few", [0, 4096], ids=["tried first", "directly"])
@pytest.mark.parametrize(
    "positions", [range(50), range(7, 45), range(49, 8, -1), range(1, 50, 3), range(20, 23)], ids=repr
)
def test_slots_of_a_range_come_by_their_masses(surprise, monkeypatch, positions, few, stratified, scattered):
    ring, sampler = made(scattered)
    # So small a range would never be tried: as many draws as this asks for.
    monkeypatch.setattr(prioritized_range, "FEW", few)
    monkeypatch.setattr(prioritized_range, "max", lambda *_: few, raising=False)
    # Strata make the counts more even than chance, never less.
    assert surprise_of(surprise, ring, sampler, positions, stratified) < 3.72


def test_the_check_finds_a_range_that_is_off_by_one(surprise):
    def shifted(rng, sampler, ring, positions, size, stratified):
        return draw_in_range(rng, sampler, ring, range(positions.start + 1, positions.stop), size, stratified)

    ring, sampler = made()
    assert surprise_of(surprise, ring, sampler, range(10, 20), False, shifted) > 10


def test_the_check_finds_masses_that_are_taken_for_alike(surprise):
    def alike(rng, sampler, ring, positions, size, stratified):
        return rng.choice(ring.slots_at(np.array(positions)), size)

    ring, sampler = made()
    assert surprise_of(surprise, ring, sampler, range(10, 20), False, alike) > 10


def test_where_the_range_has_next_to_no_mass_it_is_drawn_from_directly(monkeypatch):
    ring, sampler = made()
    monkeypatch.setattr(prioritized_range, "FEW", 0)
    outside = ring.slots_at(np.arange(0, 10))
    sampler.set(outside, 1e9)
    slots = draw_in_range(np.random.default_rng(0), sampler, ring, range(10, CAPACITY), 5, True)
    assert set(slots.tolist()) <= set(ring.slots_at(np.arange(10, CAPACITY)).tolist())


def test_serials_enclose_the_positions_in_either_direction():
    ring, _ = made()
    assert serials_of(ring, range(4, 9)) == serials_of(ring, range(8, 3, -1)) == (21, 26)
