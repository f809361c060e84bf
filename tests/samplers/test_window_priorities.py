from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.errors import BadPriority, NotEnoughItems
from ding_buffer.samplers.window_draw import Within
from ding_buffer.samplers.window_priorities import WindowPriorities
from ding_buffer.samplers.window_shape import WindowShape
from ding_buffer.structures.legal_starts import LegalStarts
from ding_buffer.structures.ring_index import RingIndex


class Filled:
    """Starts and priorities of one run of items, told of each as a layer would."""

    def __init__(
        self, shape: WindowShape, capacity: int = 12, eta: float = 0.5, epsilon: float = 0.0
    ) -> None:
        self.ring = RingIndex(capacity)
        self.starts = LegalStarts(capacity, shape.need)
        self.windows = WindowPriorities(self.starts, shape, eta, 1.0, epsilon)
        self.shape = shape

    def push(self, *priorities: float | None) -> None:
        for priority in priorities:
            slot = self.ring.push()
            self.starts.append_one(slot, None, False)
            self.windows.filled_one(slot, priority)

    def masses(self) -> dict[int, float]:
        self.windows.check()
        slots = np.sort(self.starts.slots)
        return dict(zip(slots.tolist(), self.windows.masses(slots).tolist(), strict=True))


def test_a_window_weighs_the_mix_of_its_learned_steps():
    filled = Filled(WindowShape(1, 2, False, False))
    filled.push(9.0, 1.0, 3.0, 5.0)

    assert {0: 0.5 * 3 + 0.5 * 2, 1: 0.5 * 5 + 0.5 * 4} == filled.masses()
    assert 2.5 == filled.windows.min_mass


def test_of_a_padded_window_the_steps_that_are_there_count():
    filled = Filled(WindowShape(0, 2, False, True))
    filled.push(1.0, 3.0)
    assert {0: 2.5, 1: 3.0} == filled.masses()
    filled.push(7.0)
    assert {0: 2.5, 1: 6.0, 2: 7.0} == filled.masses()


def test_a_step_without_a_priority_gets_the_highest_so_far():
    filled = Filled(WindowShape(0, 1, False, False))
    filled.push(None, 4.0, None)
    filled.windows.filled(np.array([0]), [None], None)

    assert {0: 4.0, 1: 4.0, 2: 4.0} == filled.masses()


def test_many_at_once_are_as_one_by_one():
    single, many = Filled(WindowShape(0, 3, False, True)), Filled(WindowShape(0, 3, False, True))
    values = [1.0, 2.0, None, 7.0]
    single.push(*values)
    many.starts.append(np.arange(4), None, np.zeros(4, dtype=bool))
    many.windows.filled(np.arange(4), values, None)

    assert single.masses() == many.masses()


@pytest.mark.parametrize("pad_end", [False, True])
def test_changes_reach_every_window_that_learns_the_step(pad_end):
    filled = Filled(WindowShape(1, 3, False, pad_end))
    filled.push(*[1.0] * 9)
    before = filled.masses()
    filled.windows.updated([4, 4, 6], np.array([8.0, 9.0, 5.0]), np.array([True, True, False]))
    after = filled.masses()

    assert {1, 2, 3} == {start for start in before if before[start] != after[start]}
    assert 9.0 == filled.windows.intake.max_priority


def test_windows_that_end_before_a_deleted_step_are_weighed_anew():
    filled = Filled(WindowShape(0, 3, False, True))
    filled.push(1.0, 2.0, 9.0, 4.0)
    filled.windows.deleted(filled.starts.succession.preceding[[2]])
    filled.starts.remove([2])

    assert {0: 0.5 * 2 + 0.5 * 1.5, 1: 2.0, 3: 4.0} == filled.masses()


def test_windows_that_go_are_drawn_no_more():
    filled = Filled(WindowShape(0, 2, False, False))
    filled.push(9.0, 9.0, 1.0, 1.0)
    filled.windows.draw(np.random.default_rng(0), 3)
    filled.starts.evict(0)
    filled.starts.evict(1)

    assert {2} == set(filled.windows.draw(np.random.default_rng(0), 20).tolist())


def test_draws_follow_the_masses_also_in_a_part(monkeypatch):
    monkeypatch.setattr("ding_buffer.samplers.window_draw.FEW", 1)
    rng, filled = np.random.default_rng(0), Filled(WindowShape(0, 1, False, False))
    filled.push(*[1.0] * 6, 4.0, *[1.0] * 5)
    within = Within(filled.ring, filled.starts, filled.shape, 5, 9)
    whole = np.bincount(filled.windows.draw(rng, 30_000), minlength=12) / 30_000
    part = np.concatenate([filled.windows.draw(rng, 1, within) for _ in range(3000)])

    assert [1 / 15] * 5 == pytest.approx(whole[:5].tolist(), abs=0.01)
    assert 4 / 15 == pytest.approx(whole[6], abs=0.01)
    assert {5, 6, 7, 8} == set(part.tolist())
    assert 4 / 7 == pytest.approx((part == 6).mean(), abs=0.04)


def test_where_there_is_no_window_nothing_can_be_drawn():
    rng, filled = np.random.default_rng(0), Filled(WindowShape(0, 3, False, False))
    filled.push(1.0, 1.0)
    with pytest.raises(NotEnoughItems, match=r"\(0 may begin\)"):
        filled.windows.draw(rng, 1)
    filled.push(1.0)
    with pytest.raises(NotEnoughItems):
        filled.windows.draw(rng, 1, Within(filled.ring, filled.starts, filled.shape, 0, 2))


def test_after_clear_nothing_is_left():
    filled = Filled(WindowShape(0, 1, False, False))
    filled.push(5.0, 6.0)
    filled.starts.clear()
    filled.windows.clear()

    assert {} == filled.masses()
    assert 1.0 == filled.windows.intake.max_priority


def test_a_state_gives_the_newest_priorities_back():
    filled, other = Filled(WindowShape(0, 1, False, False)), Filled(WindowShape(0, 1, False, False))
    filled.push(5.0, 6.0, 7.0)
    other.push(None, None)
    other.windows.load_state_dict(filled.windows.state_dict(np.arange(3)), np.arange(2))

    assert {0: 6.0, 1: 7.0} == other.masses()
    assert 7.0 == other.windows.intake.max_priority


def test_a_state_that_does_not_fit_changes_nothing():
    filled = Filled(WindowShape(0, 1, False, False))
    filled.push(5.0, 6.0)
    state = filled.windows.state_dict(np.arange(2))
    for spoilt in ({"steps": state["steps"][:1]}, {"max_priority": "high"}, {"steps": -state["steps"]}):
        with pytest.raises((ValueError, BadPriority)):
            filled.windows.load_state_dict({**state, **spoilt}, np.arange(2))

    assert {0: 5.0, 1: 6.0} == filled.masses()


def test_a_mass_that_is_not_up_to_date_is_found_out():
    filled = Filled(WindowShape(0, 1, False, False))
    filled.push(5.0, 6.0)
    filled.windows.check()
    filled.windows._steps[0] = 1.0

    with pytest.raises(RuntimeError, match="masses of windows"):
        filled.windows.check()
