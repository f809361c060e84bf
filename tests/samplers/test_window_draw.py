from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.samplers.window_draw import Within, draw_uniform, shortage
from ding_buffer.samplers.window_shape import WindowShape
from ding_buffer.structures.legal_starts import LegalStarts
from ding_buffer.structures.ring_index import RingIndex

SHAPE = WindowShape(1, 2, False, False)


def filled(count: int = 12, capacity: int = 16, shape: WindowShape = SHAPE) -> tuple[RingIndex, LegalStarts]:
    ring, starts = RingIndex(capacity), LegalStarts(capacity, shape.need)
    for _ in range(count):
        starts.append_one(ring.push(), None, False)
    return ring, starts


def test_without_replacement_starts_are_distinct_and_with_it_any_number_comes():
    rng, (_, starts) = np.random.default_rng(0), filled()

    assert set(range(10)) == set(draw_uniform(rng, starts, None, 10, replace=False).tolist())
    assert 30 == len(draw_uniform(rng, starts, None, 30, replace=True))


@pytest.mark.parametrize("replace", [False, True])
def test_too_few_starts_are_a_shortage_that_says_how_many(replace):
    rng, (_, starts) = np.random.default_rng(0), filled(2)
    with pytest.raises(NotEnoughItems, match=r"less than 1 windows in buffer\(0 may begin\)"):
        draw_uniform(rng, starts, None, 1, replace)
    _, starts = filled(5)
    if not replace:
        with pytest.raises(NotEnoughItems, match=r"less than 4 windows in buffer\(3 may begin\)"):
            draw_uniform(rng, starts, None, 4, replace)


@pytest.mark.parametrize("few", [1, 4096])
@pytest.mark.parametrize("replace", [False, True])
def test_in_a_part_only_windows_that_lie_in_it_whole_are_drawn(few, replace, monkeypatch):
    monkeypatch.setattr("ding_buffer.samplers.window_draw.FEW", few)
    rng, (ring, starts) = np.random.default_rng(0), filled(300, 400)
    within = Within(ring, starts, SHAPE, 2, 260)
    drawn: set[int] = set()
    for _ in range(600):
        batch = draw_uniform(rng, starts, within, 5, replace).tolist()
        assert replace or len(set(batch)) == 5
        drawn |= set(batch)

    assert set(range(2, 258)) == drawn
    assert list(range(2, 258)) == within.all().tolist()


def test_a_part_without_a_window_is_a_shortage():
    rng, (ring, starts) = np.random.default_rng(0), filled()
    for low, high in ((3, 5), (0, 0)):
        with pytest.raises(NotEnoughItems):
            draw_uniform(rng, starts, Within(ring, starts, SHAPE, low, high), 1, replace=True)


def test_a_part_holds_padded_windows_by_the_items_that_are_there():
    shape = WindowShape(2, 2, True, True)
    ring, starts = filled(6, shape=shape)

    assert [2, 3] == Within(ring, starts, shape, 0, 5).kept(np.array([2, 3, 4, 5])).tolist()
    assert [4, 5] == Within(ring, starts, shape, 2, 6).kept(np.array([2, 3, 4, 5])).tolist()


def test_where_too_few_draws_lie_in_the_part_they_are_given_up(monkeypatch):
    monkeypatch.setattr("ding_buffer.samplers.window_draw.FEW", 1)
    ring, starts = filled(40, 64)
    within = Within(ring, starts, SHAPE, 0, 20)

    assert within.drawn(2, lambda n: np.array([30, 4, 31])) is None
    drawn = within.drawn(2, lambda n: np.array([30, 4, 18, 9, 5]))
    assert drawn is not None
    assert [4, 9] == drawn.tolist()


def test_the_shortage_says_what_to_do():
    assert "replace=True" in str(shortage(3, 2))
