from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_tree
from tests.kernels.both import agree, outcome, spoilers, spoilt

CAPACITIES = [1, 2, 15, 16, 17, 255, 256, 257, 1000, 4096, 4097, 5000, 70000]
TOPS = [1, 16, 100, 256, 4096]
MASSES = st.one_of(
    st.just(0.0), st.floats(0, 10), st.sampled_from([1e-300, 1e-12, 1.0, 1e12, 5e-324, 1e300, -0.0])
)
BATCHES = st.lists(st.lists(st.tuples(st.integers(0, 10**9), MASSES), max_size=30), max_size=3)


def new_tree(capacity, top, masses=None):
    """Levels, lows and starts as SumTree makes them."""
    widths = [capacity]
    while widths[-1] > top:
        widths[-1] = -(-widths[-1] // 16) * 16
        widths.append(widths[-1] // 16)
    levels = [np.zeros(width) for width in widths]
    lows = [np.zeros(width if number else 0, dtype=np.uint64) for number, width in enumerate(widths)]
    if masses is not None:
        levels[0][:capacity] = masses
    return levels, lows, np.zeros(widths[-1] + 1)


def skewed(rng, n):
    """Masses over six decades, some of them zero."""
    return 10.0 ** rng.uniform(-3, 3, n) * (rng.random(n) < 0.9)


@given(capacity=st.sampled_from(CAPACITIES), top=st.sampled_from(TOPS), batches=BATCHES)
def test_both_kernels_keep_the_same_tree_bit_for_bit(compiled, capacity, top, batches):
    levels, lows, starts = new_tree(capacity, top)
    for batch in batches:
        slots = np.array([slot % capacity for slot, _ in batch], dtype=np.int64)
        levels[0][slots] = [mass for _, mass in batch]
        agree(compiled.tree_sum, numpy_tree.tree_sum, (levels, lows, starts, slots >> 4))

        numpy_tree.tree_sum(levels, lows, starts, slots >> 4)


@given(capacity=st.sampled_from(CAPACITIES), top=st.sampled_from(TOPS), seed=st.integers(0, 2**32))
def test_both_kernels_sum_a_whole_tree_alike(compiled, capacity, top, seed):
    tree = new_tree(capacity, top, skewed(np.random.default_rng(seed), capacity))

    agree(compiled.tree_sum, numpy_tree.tree_sum, (*tree, None))


@given(
    capacity=st.sampled_from(CAPACITIES),
    top=st.sampled_from(TOPS),
    seed=st.integers(0, 2**32),
    n=st.sampled_from([0, 1, 2, 3, 4, 5, 7, 256, 513, 3000]),
)
def test_both_kernels_draw_the_same_leaves(compiled, capacity, top, seed, n):
    rng = np.random.default_rng(seed)
    levels, lows, starts = new_tree(capacity, top, skewed(rng, capacity))
    total, _ = numpy_tree.tree_sum(levels, lows, starts, None)
    # Also on the ends of blocks, on the total and beyond it.
    ends = np.cumsum(levels[0])
    targets = np.concatenate([rng.random(n) * total, rng.choice(ends, n), [0.0, total, 2 * total, np.inf]])

    drawn = agree(compiled.tree_draw, numpy_tree.tree_draw, (levels, starts, targets))

    if total:
        assert (levels[0][drawn] > 0.0).all()


@pytest.mark.parametrize("width", [1, 15, 16, 17, 31, 32, 240, 255, 256, 257, 300])
def test_a_top_of_any_width_is_searched_alike(compiled, width):
    masses = np.random.default_rng(width).integers(0, 3, width).astype(np.float64)
    masses[0] = 1.0
    levels, lows, starts = new_tree(width, width, masses)
    total, _ = numpy_tree.tree_sum(levels, lows, starts, None)
    ends = np.cumsum(masses)
    targets = np.concatenate([[0.0], ends, np.nextafter(ends, 0.0), [total * 2.0, np.inf]])
    drawn = agree(compiled.tree_draw, numpy_tree.tree_draw, (levels, starts, targets))
    wanted = ends.searchsorted(np.minimum(targets, np.nextafter(total, 0.0)), side="right")
    assert wanted.tolist() == drawn.tolist()


def test_the_draw_is_a_search_in_the_prefix_sums(compiled):
    # Whole numbers: every sum is exact, so there is one right answer.
    masses = np.random.default_rng(3).integers(0, 5, 70000).astype(float)
    targets = np.arange(masses.sum())
    for kernels in (compiled, numpy_tree):
        levels, lows, starts = new_tree(masses.size, 256, masses)
        assert (masses.sum(), 1.0) == kernels.tree_sum(levels, lows, starts, None)
        drawn = kernels.tree_draw(levels, starts, targets)
        assert np.array_equal(np.cumsum(masses).searchsorted(targets, side="right"), drawn)


def test_a_tree_without_mass_has_no_smallest_and_crashes_nothing(compiled):
    for kernels in (compiled, numpy_tree):
        levels, lows, starts = new_tree(70000, 256)
        levels[0][5] = -0.0
        assert (0.0, np.inf) == kernels.tree_sum(levels, lows, starts, None)
        assert [0, 0] == kernels.tree_draw(levels, starts, np.array([0.0, 3.0])).tolist()


@given(
    level=st.integers(0, 2),
    which=st.sampled_from(["levels", "lows", "starts", "nodes", "targets"]),
    how=spoilers(),
    summed=st.booleans(),
)
def test_both_kernels_refuse_the_same_arguments(compiled, level, which, how, summed):
    levels, lows, starts = new_tree(1000, 16, np.ones(1000))
    total, _ = numpy_tree.tree_sum(levels, lows, starts, None)
    parts = {
        "levels": levels,
        "lows": lows,
        "starts": starts,
        "nodes": np.array([3, 3, 40, 0]),
        "targets": np.array([0.0, 500.5, total]),
    }
    if which not in {"levels", "lows"}:
        bad = spoilt(how, parts[which])
    else:
        bad = [*parts[which][:level], spoilt(how, parts[which][level]), *parts[which][level + 1 :]]
    # What a tree finds whose sums are nonsense is nobody's business.
    if which in {"nodes", "targets"} or how not in {"nan", "infinite", "negative", "huge", "smallest"}:
        parts[which] = bad
    names = ("levels", "lows", "starts", "nodes") if summed else ("levels", "starts", "targets")
    function = "tree_sum" if summed else "tree_draw"

    agree(getattr(compiled, function), getattr(numpy_tree, function), [parts[name] for name in names])


@pytest.mark.parametrize(
    ("levels", "error"),
    [(None, TypeError), ([], ValueError), ([np.ones(16)] * 17, ValueError), ({}, TypeError)],
)
def test_both_kernels_refuse_what_is_no_tree(compiled, levels, error):
    for kernels in (compiled, numpy_tree):
        assert error is outcome(kernels.tree_draw, levels, np.zeros(2), np.zeros(1))
        assert error is outcome(kernels.tree_sum, levels, levels, np.zeros(2), None)


def test_garbage_in_the_nodes_finds_a_leaf_of_the_tree_all_the_same(compiled):
    rng = np.random.default_rng(5)
    for _ in range(200):
        levels, lows, starts = new_tree(1000, 16)
        for array in (*levels, starts, *lows[1:]):
            array.view(np.uint64)[:] = rng.integers(0, 2**64, array.size, dtype=np.uint64)
        targets = np.abs(np.nan_to_num(10.0 ** rng.uniform(-300, 300, 100)))

        drawn = compiled.tree_draw(levels, starts, targets)

        assert ((drawn >= 0) & (drawn < levels[0].size)).all()
        compiled.tree_sum(levels, lows, starts, rng.integers(0, 62, 20))
