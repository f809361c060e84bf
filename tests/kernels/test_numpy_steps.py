from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_steps
from tests.kernels.both import agree, outcome, spoilers, spoilt

NEARLY = 1e-12


def chain(n):
    """Three walks, each with a last slot, and a ring at the end."""
    following = np.arange(1, n + 1)
    following[[n // 3, n // 2]] = -1
    following[-1] = n - 2
    return following


@given(
    following=st.lists(st.integers(-1, 19), min_size=20, max_size=20),
    slots=st.lists(st.integers(-1, 19), max_size=30),
    n=st.integers(0, 30),
)
def test_a_walk_follows_the_links_until_there_is_none(compiled, following, slots, n):
    expected = []
    for slot in slots:
        steps = [slot][:n]
        while len(steps) < n:
            steps.append(following[steps[-1]] if steps[-1] >= 0 else -1)
        expected.append(steps)
    for kernels in (compiled, numpy_steps):
        walks = kernels.walk(np.array(following), np.array(slots, dtype=np.int64), n)
        assert (len(slots), n) == walks.shape
        assert expected == walks.tolist()


@given(position=st.integers(0, 1), how=spoilers())
def test_both_kernels_refuse_the_same_walks(compiled, position, how):
    arguments = [chain(12), np.array([0, 7, 11, -1]), 5]
    arguments[position] = spoilt(how, arguments[position])
    agree(compiled.walk, numpy_steps.walk, arguments)


@pytest.mark.parametrize(
    ("n", "error"),
    [(-1, ValueError), (2.0, TypeError), (None, TypeError), ("3", TypeError), (-(2**70), ValueError)],
)
def test_a_walk_has_a_number_of_steps(compiled, n, error):
    for kernels in (compiled, numpy_steps):
        assert error is outcome(kernels.walk, chain(12), [0], n)


def test_a_walk_too_long_for_memory_is_refused(compiled):
    for kernels in (compiled, numpy_steps):
        assert outcome(kernels.walk, chain(12), [0, 1], 2**62) in {MemoryError, ValueError}
        assert outcome(kernels.walk, chain(12), [0, 1], 2**70) in {MemoryError, OverflowError, ValueError}


@pytest.mark.parametrize("bad", [12, -2, 2**62, -(2**63)])
def test_a_link_to_nowhere_is_not_followed(compiled, bad):
    for kernels in (compiled, numpy_steps):
        following = chain(12)
        following[6] = bad
        assert IndexError is outcome(kernels.walk, following, [0, 5], 4)
        assert IndexError is outcome(kernels.walk, chain(12), [0, bad], 4)


def test_where_there_is_nobody_all_walks_end(compiled):
    for kernels in (compiled, numpy_steps):
        assert [[-1, -1]] == kernels.walk(np.zeros(0, dtype=np.int64), [-1], 2).tolist()
        assert IndexError is outcome(kernels.walk, np.zeros(0, dtype=np.int64), [0], 2)


@given(
    rewards=st.integers(0, 12).flatmap(
        lambda n: st.lists(st.lists(st.floats(-1e6, 1e6), min_size=n, max_size=n), max_size=12)
    ),
    gamma=st.sampled_from([0.0, 0.5, 0.99, 1.0, 1.1]),
    seed=st.integers(0, 9),
)
def test_rewards_are_folded_as_the_formula_says(compiled, rewards, gamma, seed):
    rewards = np.array(rewards, dtype=np.float64).reshape(len(rewards), -1 if rewards and rewards[0] else 0)
    valid = np.random.default_rng(seed).random(rewards.shape) < 0.7
    hidden = np.where(valid, rewards, np.nan)
    weights = [gamma**k for k in range(rewards.shape[1])]
    expected = [
        sum(weight * reward for weight, reward, counts in zip(weights, *row, strict=True) if counts)
        for row in zip(rewards, valid, strict=True)
    ]
    scale = np.abs(rewards).sum(axis=1) * max(1.0, gamma**12)
    for kernels in (compiled, numpy_steps):
        folded = kernels.fold_rewards(hidden, valid, gamma)
        assert (np.abs(folded - expected) <= NEARLY * scale).all()


@given(position=st.integers(0, 1), how=spoilers())
def test_both_kernels_refuse_the_same_rewards(compiled, position, how):
    arguments = [np.arange(12.0).reshape(3, 4), np.arange(12).reshape(3, 4) % 3 > 0, 0.9]
    arguments[position] = spoilt(how, arguments[position])
    agree(compiled.fold_rewards, numpy_steps.fold_rewards, arguments, NEARLY)


@pytest.mark.parametrize("gamma", [None, "1", [1.0, 2.0]])
def test_gamma_is_a_number(compiled, gamma):
    for kernels in (compiled, numpy_steps):
        assert TypeError is outcome(
            kernels.fold_rewards, np.ones((2, 2)), np.ones((2, 2), dtype=np.bool_), gamma
        )


def told(following, slots, powers, rewards, *flags):
    """What ``n_step`` returns, one slot after the other."""
    rows = []
    for slot in slots:
        total, steps = 0.0, 0
        while True:
            truths = [flag is not None and bool(flag[slot]) for flag in flags]
            total += powers[steps] * float(rewards[slot])
            steps += 1
            if any(truths) or steps == len(powers) - 1 or following[slot] < 0:
                break
            slot = following[slot]
        terminated, truncated, done = truths
        over = terminated if flags[0] is not None else done and not truncated
        ends = [None if flag is None else flag[slot] for flag in flags]
        rows.append((slot, steps, total, 0.0 if over else powers[steps], *ends))
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 7


def returns_of(seed, capacity, count, n):
    """Arguments for ``n_step``: columns of records, of all the kinds it takes, unaligned too."""
    rng = np.random.default_rng(seed)
    table = np.zeros((capacity, 37), dtype=np.uint8)
    offsets = [1, 9, 17, 25] if rng.random() < 0.5 else [0, 8, 9, 10]
    kinds = [rng.choice([*"?bBhHiIlLqQfd"]), *rng.choice([*"?bHifd"] if offsets[0] else [*"?bB"], 3)]
    columns = []
    for kind, offset in zip(kinds, offsets, strict=True):
        column = np.ndarray(capacity, kind, table, offset, (37,))
        column[...] = rng.integers(0, 100, capacity) if kind == kinds[0] else rng.random(capacity) < 0.2
        columns.append(column)
    columns[0][...] = rng.integers(0, 2 if kinds[0] == "?" else 100, capacity)
    flags = [column if rng.random() < 0.7 else None for column in columns[1:]]
    return [
        rng.integers(-1, capacity, capacity),
        rng.integers(0, capacity, count),
        rng.choice([0.0, 0.5, 0.99, 1.0]) ** np.arange(n + 1),
        columns[0],
        *flags,
    ]


@given(
    seed=st.integers(0, 2**32),
    capacity=st.integers(1, 30),
    count=st.sampled_from([0, 1, 7, 64, 65, 200]),
    n=st.integers(1, 8),
)
def test_returns_are_those_of_one_step_after_the_other(compiled, seed, capacity, count, n):
    arguments = returns_of(seed, capacity, count, n)
    expected = told(*arguments)
    for kernels in (compiled, numpy_steps):
        made = kernels.n_step(*arguments)
        assert 7 == len(made)
        for column, found, flag in zip(expected, made, [None] * 4 + arguments[4:], strict=True):
            assert (flag is None and (not count or column[0] is None)) or column == found.tolist()
            assert flag is None or flag.dtype == found.dtype
        assert [np.int64, np.int64, np.float64, np.float64] == [column.dtype for column in made[:4]]


@given(seed=st.integers(0, 2**32), position=st.sampled_from([0, 1, 2, 3, 4, 5, 6]), how=spoilers())
def test_both_kernels_refuse_the_same_returns(compiled, seed, position, how):
    arguments = returns_of(seed, 12, 9, 4)
    if arguments[position] is not None:
        arguments[position] = spoilt(how, arguments[position])
    agree(compiled.n_step, numpy_steps.n_step, arguments)


@given(
    seed=st.integers(0, 2**32), bad=st.sampled_from([12, -2, 2**62, -(2**63), 2**63 - 1]), n=st.integers(1, 5)
)
def test_a_wrong_link_matters_where_it_is_followed(compiled, seed, bad, n):
    arguments = returns_of(seed, 12, 3, n)
    arguments[0][seed % 12] = bad
    agree(compiled.n_step, numpy_steps.n_step, arguments)


@pytest.mark.parametrize("kind", ["f", "d"])
def test_a_flag_is_false_where_it_is_zero_of_either_sign(compiled, kind):
    flags = np.array([0.0, -0.0, np.nan, 1e-30], dtype=kind)
    for kernels in (compiled, numpy_steps):
        discounts = kernels.n_step(
            np.full(4, -1), [0, 1, 2, 3], np.array([1, 0.5]), np.ones(4), flags, None, None
        )[3]
        assert [0.5, 0.5, 0.0, 0.0] == discounts.tolist()


def test_rewards_after_the_last_step_may_be_anything(compiled):
    rewards = np.array([1.0, np.inf, np.nan])
    for kernels in (compiled, numpy_steps):
        made = kernels.n_step(
            np.array([-1, 2, -1]), [0], np.zeros(4) ** np.arange(4), rewards, None, None, None
        )
        assert [1.0] == made[2].tolist()


def test_returns_need_two_powers(compiled):
    for kernels in (compiled, numpy_steps):
        for powers in (np.zeros(0), np.ones(1)):
            assert ValueError is outcome(
                kernels.n_step, chain(12), [0], powers, np.ones(12), None, None, None
            )


def links(seed, capacity):
    rng = np.random.default_rng(seed)
    return [
        rng.integers(-1, capacity, capacity),
        rng.integers(-1, capacity, capacity),
        rng.random(capacity) < 0.5,
    ]


@given(
    seed=st.integers(0, 2**32),
    slot=st.integers(-2, 7),
    before=st.integers(-3, 7),
    newest=st.sampled_from([True, False, 1, None]),
)
def test_both_kernels_link_the_same(compiled, seed, slot, before, newest):
    agree(compiled.relink, numpy_steps.relink, [*links(seed, 6), slot, before, newest])


def test_a_slot_that_is_linked_anew_leaves_its_neighbours(compiled):
    for kernels in (compiled, numpy_steps):
        following, preceding = np.array([1, 2, -1, -1]), np.array([-1, 0, 1, -1])
        newest = np.array([False, False, True, True])
        kernels.relink(following, preceding, newest, 1, 3, True)
        assert ([-1, -1, -1, 1], [-1, 3, -1, -1]) == (following.tolist(), preceding.tolist())
        assert [False, True, True, False] == newest.tolist()


@given(seed=st.integers(0, 99), position=st.integers(0, 2), how=spoilers())
def test_both_kernels_refuse_the_same_links(compiled, seed, position, how):
    arguments = [*links(seed, 6), 2, 4, True]
    arguments[position] = spoilt(how, arguments[position])
    agree(compiled.relink, numpy_steps.relink, arguments)


@pytest.mark.parametrize("slot", [None, 1.0, "1", 2**70, -(2**70)])
@pytest.mark.parametrize("position", [3, 4])
def test_what_is_linked_are_slots(compiled, slot, position):
    arguments = [*links(0, 6), 2, 4, True]
    arguments[position] = slot
    agree(compiled.relink, numpy_steps.relink, arguments)
