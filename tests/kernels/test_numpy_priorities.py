from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_priorities
from tests.kernels.both import agree, outcome, spoilers, spoilt

CAPACITY = 40
ALPHAS = st.one_of(st.sampled_from([0.0, 0.5, 0.6, 1.0, 2.0, 4.0, 7.5]), st.floats(0, 5))
PRIORITIES = st.one_of(st.floats(0, 100), st.sampled_from([0.0, 5e-324, 1e-300, 1e30, 1e6]))
NEARLY = 1e-14


def fresh(epsilon=1e-5, alpha=0.6, highest=1e60):
    live = np.zeros(CAPACITY, dtype=np.bool_)
    live[::3] = True
    slots = np.array([5, 1, 5, 39, 0, 6])
    given = np.array([0.5, 1.0, 2.0, 1e-9, 0.0, 3.0])
    return [np.zeros(CAPACITY + 8), np.zeros(CAPACITY), live, slots, given, epsilon, alpha, highest]


@given(
    batch=st.lists(st.tuples(st.integers(0, CAPACITY - 1), PRIORITIES), max_size=60),
    epsilon=st.sampled_from([0.0, 1e-5, 1.0]),
    alpha=ALPHAS,
    one_for_all=st.booleans(),
)
def test_both_kernels_write_the_same_priorities(compiled, batch, epsilon, alpha, one_for_all):
    arguments = fresh(epsilon, alpha, 1e40)
    arguments[3] = np.array([slot for slot, _ in batch], dtype=np.int64)
    given = np.array([priority for _, priority in batch])
    arguments[4] = np.array(given[0]) if one_for_all and batch else given

    agree(compiled.set_priorities, numpy_priorities.set_priorities, arguments, NEARLY)


def test_the_last_priority_of_a_slot_stays_and_counts_once(compiled):
    for kernels in (compiled, numpy_priorities):
        leaves, priorities, live, *rest = fresh(alpha=1.0, epsilon=0.0)

        # Of 5, 1, 39, 0 and 6, the slots 39, 0 and 6 were live.
        assert 2 == kernels.set_priorities(leaves, priorities, live, *rest)
        assert [2.0, 1.0, 1e-9] == leaves[[5, 1, 39]].tolist() == priorities[[5, 1, 39]].tolist()


@given(position=st.integers(0, 4), how=spoilers())
def test_both_kernels_refuse_the_same_arguments(compiled, position, how):
    arguments = fresh()
    arguments[position] = spoilt(how, arguments[position])

    agree(compiled.set_priorities, numpy_priorities.set_priorities, arguments, NEARLY)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1e-300, 1e61])
def test_a_priority_that_is_none_changes_nothing(compiled, bad):
    for kernels in (compiled, numpy_priorities):
        arguments = fresh()
        before = [array.copy() for array in arguments[:3]]
        arguments[4][-1] = bad

        with pytest.raises(ValueError, match="a priority is NaN, negative or too large"):
            kernels.set_priorities(*arguments)
        assert all(np.array_equal(*pair) for pair in zip(before, arguments[:3], strict=True))


@pytest.mark.parametrize("bad", [-1, CAPACITY, 2**62, -(2**63)])
def test_a_slot_that_is_none_changes_nothing(compiled, bad):
    for kernels in (compiled, numpy_priorities):
        arguments = fresh()
        before = [array.copy() for array in arguments[:3]]
        arguments[3][-1] = bad

        with pytest.raises(
            IndexError, match=f"slot {bad} is out of range: slots go from 0 to {CAPACITY - 1}"
        ):
            kernels.set_priorities(*arguments)
        assert all(np.array_equal(*pair) for pair in zip(before, arguments[:3], strict=True))


@pytest.mark.parametrize(("written", "other"), [(0, 1), (0, 4), (1, 4), (0, 3), (1, 3), (2, 3)])
def test_what_is_written_must_not_lie_on_what_is_read(compiled, written, other):
    for kernels in (compiled, numpy_priorities):
        arguments = fresh()
        raw = np.zeros(1000, dtype=np.uint8)
        for position, start in ((written, 0), (other, 8)):
            old = arguments[position]
            arguments[position] = raw[start : start + old.nbytes].view(old.dtype)

        assert ValueError is outcome(kernels.set_priorities, *arguments)


def test_the_power_is_right_to_1e_14_wherever_there_is_one(compiled):
    rng = np.random.default_rng(0)
    edges = np.array(
        [0.0, 5e-324, 2.0**-1074, 2.0**-1022, 2.0**-1000, 2.0**1000, 1e308, 1.0, 2.0, 0.5, np.inf]
    )
    near_one = 1.0 + rng.normal(size=20_000) * 10.0 ** rng.uniform(-16, -1, 20_000)
    base = np.concatenate(
        [
            edges,
            np.nextafter(edges, 1.0),
            near_one,
            10.0 ** rng.uniform(-323, 308, 100_000),
            rng.random(20_000),
        ]
    )
    exponents = [0.0, 1e-300, 1e-5, 0.1, 0.4, 0.5, 0.6, 0.999, 1.0, 1.5, 2.0, 3.3, 4.0, 4.1, 50.0]
    for exponent in [*exponents, *(-number for number in exponents)]:
        with np.errstate(all="ignore"):
            right = np.power(base.astype(np.longdouble), exponent)
            plain = right.astype(np.float64)
        mine = compiled.power(base, 0.0, exponent)

        normal = (plain >= 2.0**-1022) & np.isfinite(plain)
        assert np.array_equal(plain[~normal & (plain == 0.0)], mine[~normal & (plain == 0.0)])
        assert np.array_equal(np.isinf(plain), np.isinf(mine))
        assert NEARLY > (np.abs(mine[normal] - right[normal]) / right[normal]).max()
        # Among denormal numbers, the neighbour is as near as it gets.
        denormal = ~normal & np.isfinite(plain)
        assert 5e-324 >= np.abs(mine[denormal] - plain[denormal]).max(initial=0.0)


@given(
    base=st.lists(st.floats(0, 1e300), max_size=20),
    addend=st.sampled_from([0.0, 1e-5, 1.0]),
    exponent=ALPHAS,
)
def test_both_kernels_raise_to_the_same_power(compiled, base, addend, exponent):
    agree(compiled.power, numpy_priorities.power, (np.array(base), addend, exponent), NEARLY)


@given(how=spoilers(), exponent=st.sampled_from([0.0, 0.6, 1.0]))
def test_both_kernels_take_the_same_bases(compiled, how, exponent):
    agree(
        compiled.power,
        numpy_priorities.power,
        (spoilt(how, np.array([1.0, 2.0, 3.0])), 1e-5, exponent),
        NEARLY,
    )


@given(base=st.lists(PRIORITIES, min_size=1, max_size=20), alpha=ALPHAS, epsilon=st.sampled_from([0.0, 1e-5]))
def test_a_number_has_the_same_power_wherever_it_stands(compiled, base, alpha, epsilon):
    for kernels in (compiled, numpy_priorities):
        with np.errstate(all="ignore"):
            alone = [kernels.power(np.array([number]), epsilon, alpha)[0] for number in base]
            assert alone == kernels.power(np.array(base), epsilon, alpha).tolist()
            assert alone[0] == kernels.power(np.array(base[0]), epsilon, alpha)
