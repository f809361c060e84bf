from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import python_tree_sums
from tests.kernels.both import outcome, same, spoilers, spoilt
from tests.kernels.test_numpy_tree import new_tree

CAPACITY = 300


def trees(compiled, capacity=CAPACITY, top=16):
    """The same empty tree for each kernel: its levels and what keeps their sums."""
    made = []
    for kernels in (compiled, python_tree_sums):
        levels, lows, starts = new_tree(capacity, top, np.zeros(capacity))
        made.append((levels, kernels.TreeSums(tuple(levels), tuple(lows), starts)))
    return made


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("weigh"), st.lists(st.integers(0, CAPACITY - 1), min_size=1, max_size=40)),
        st.tuples(st.just("mark"), st.lists(st.integers(0, CAPACITY - 1), max_size=40)),
        st.tuples(st.just("mark_one"), st.integers(0, CAPACITY - 1)),
        st.tuples(st.just("sum_all"), st.none()),
        st.tuples(st.just("draw"), st.integers(0, 40)),
        st.tuples(st.just("total"), st.none()),
        st.tuples(st.just("find"), st.lists(st.floats(0, 1), max_size=9)),
    ),
    max_size=20,
)


@given(operations=OPERATIONS, stratified=st.booleans(), top=st.sampled_from([1, 16, 4096]))
def test_both_kernels_keep_the_same_sums_and_draw_the_same_leaves(compiled, operations, stratified, top):
    both = trees(compiled, top=top)
    rngs = [np.random.default_rng(3), np.random.default_rng(3)]
    noise = np.random.default_rng(4)
    for name, what in operations:
        given_to_all = noise.random(len(what)) if isinstance(what, list) else None
        seen = []
        for (levels, sums), rng in zip(both, rngs, strict=True):
            if name == "weigh":
                arrays = np.zeros(CAPACITY), np.zeros(CAPACITY, dtype=np.bool_)
                seen.append([sums.weigh(*arrays, what, given_to_all, 0.1, 1.0, 9.0), *arrays])
            elif name == "mark":
                levels[0][what] = given_to_all
                seen.append(sums.mark(what))
            elif name == "mark_one":
                levels[0][what] = 2.0
                seen.append(sums.mark_one(what))
            elif name == "draw":
                seen.append([sums.draw(rng, what, stratified, -0.5), rng.bit_generator.state["state"]])
            elif name == "find":
                seen.append(sums.find(given_to_all * sums.total))
            else:
                seen.append([sums.total, sums.lowest] if name == "total" else sums.sum_all())
        assert same(seen[0], seen[1], tolerance=1e-14)

    (levels, sums), (_, twin) = both
    positive = levels[0][levels[0] > 0]
    assert levels[0].sum() == pytest.approx(sums.total)
    assert positive.min(initial=np.inf) == sums.lowest == twin.lowest
    assert same(levels, both[1][0], tolerance=1e-14)


def test_a_tree_without_mass_draws_nothing_and_uses_no_random_number(compiled):
    for _, sums in trees(compiled):
        rng = np.random.default_rng(5)
        assert sums.draw(rng, 3, True, -1.0) is None
        assert np.random.default_rng(5).random() == rng.random()


def test_a_draw_uses_the_numbers_that_random_gives(compiled):
    """Also from another generator the next time."""
    for levels, sums in trees(compiled):
        levels[0][:] = 1.0
        sums.sum_all()
        for seed, source in ((6, np.random.PCG64), (7, np.random.Philox), (6, np.random.MT19937)):
            points = np.random.Generator(source(seed)).random(50)
            slots, weights = sums.draw(np.random.Generator(source(seed)), 50, False, -1.0)
            assert np.floor(points * sums.total).astype(np.int64).tolist() == slots.tolist()
            assert [1.0] * 50 == weights.tolist()


def test_more_leaves_than_wait_are_summed_at_once(compiled):
    slots = np.arange(10_000)
    for levels, sums in trees(compiled, 20_000):
        levels[0][:10_000] = 0.5
        sums.mark_one(19_999)
        sums.mark(slots)
        assert 5000.0 == sums.total
        for slot in range(5000):
            levels[0][slot] = 1.5
            sums.mark_one(slot)
        assert 10_000.0 == sums.total


@given(spoiler=spoilers(), part=st.sampled_from(["priorities", "live", "slots", "given"]))
def test_both_kernels_refuse_the_same_and_change_nothing(compiled, spoiler, part):
    seen = []
    for levels, sums in trees(compiled):
        arguments = {
            "priorities": np.zeros(CAPACITY),
            "live": np.zeros(CAPACITY, dtype=np.bool_),
            "slots": np.arange(20),
            "given": np.linspace(0.5, 1.0, 20),
        }
        arguments[part] = spoilt(spoiler, arguments[part])
        became = outcome(sums.weigh, *arguments.values(), 0.1, 1.0, 9.0)
        if isinstance(became, type):
            assert not levels[0].any()
            assert 0.0 == sums.total
        seen.append(became)
    assert same(*seen)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mark", ([CAPACITY + 20],)),
        ("mark_one", (-1,)),
        ("mark_one", (10**6,)),
        ("draw", (np.random.default_rng(0), -1, True, 1.0)),
    ],
)
def test_what_cannot_be_is_refused(compiled, name, arguments):
    for _, sums in trees(compiled):
        with pytest.raises((IndexError, ValueError)):
            getattr(sums, name)(*arguments)


def test_levels_that_do_not_fit_are_refused(compiled):
    levels, lows, starts = new_tree(CAPACITY, 16, np.zeros(CAPACITY))
    for kernels in (compiled, python_tree_sums):
        with pytest.raises((TypeError, ValueError)):
            kernels.TreeSums(tuple(levels[::-1]), tuple(lows), starts)
