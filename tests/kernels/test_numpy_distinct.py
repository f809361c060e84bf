from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_distinct
from tests.kernels.both import agree, outcome, same, spoilers, spoilt

NUMBERS = st.one_of(st.integers(0, 9), st.integers(-(2**63), 2**63 - 1))


@given(numbers=st.lists(NUMBERS, max_size=60))
def test_each_number_is_kept_where_it_first_stands(compiled, numbers):
    for kernels in (compiled, numpy_distinct):
        assert (
            list(dict.fromkeys(numbers)) == kernels.first_distinct(np.array(numbers, dtype=np.int64)).tolist()
        )


@pytest.mark.parametrize("n", [511, 512, 513, 1024, 1025, 20_000])
@pytest.mark.parametrize("step", [1, 2**16, 2**48])
def test_many_numbers_are_told_apart(compiled, n, step):
    numbers = np.random.default_rng(n).integers(0, n, n) * np.int64(step)

    assert 0 < len(agree(compiled.first_distinct, numpy_distinct.first_distinct, (numbers,))) < n


@given(how=spoilers())
def test_both_kernels_take_the_same_numbers(compiled, how):
    agree(compiled.first_distinct, numpy_distinct.first_distinct, (spoilt(how, np.array([3, 1, 3, 0])),))


def test_the_result_is_the_callers_own(compiled):
    for kernels in (compiled, numpy_distinct):
        numbers = np.arange(5)
        kernels.first_distinct(numbers)[0] = 7
        assert [0, 1, 2, 3, 4] == numbers.tolist()


BITS = [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64]
ENDS = st.one_of(
    st.integers(1, 40),
    st.integers(0, 62).map(lambda bits: 2**bits),
    st.integers(1, 62).flatmap(lambda bits: st.integers(2**bits - 2, 2**bits + 2)).filter(bool),
    st.integers(1, 2**63 - 1),
)


@pytest.mark.parametrize("kind", BITS)
@given(seed=st.integers(0, 2**32), end=ENDS, share=st.floats(0, 1), before=st.integers(0, 3))
def test_the_numbers_of_the_generator_are_drawn_and_no_other_is_used(
    compiled, kind, seed, end, share, before
):
    size = int(share * min(end, 600))
    drawn, states = [], []
    for draw in (compiled.draw_distinct, numpy_distinct.draw_distinct):
        rng = np.random.Generator(kind(seed))
        rng.integers(9, size=before, dtype=np.int32)  # half of what was drawn last may wait for its turn
        drawn.append([draw(rng, end, size), draw(rng, end, size // 2)])
        states.append([rng.integers(9, size=3, dtype=np.int32).tolist(), repr(rng.bit_generator.state)])

    assert same(drawn[1], drawn[0])
    assert states[1] == states[0]
    assert size == len(set(drawn[0][0].tolist()))


@pytest.mark.parametrize(("end", "size"), [(100_000, 12_000), (3_000, 3_000), (2**32, 70_000)])
def test_many_numbers_of_the_generator_are_drawn(compiled, end, size):
    one, other = (
        kernels.draw_distinct(np.random.default_rng(5), end, size) for kernels in (compiled, numpy_distinct)
    )
    assert same(one, other)
    assert size == len(set(one.tolist()))


@pytest.mark.parametrize(
    ("end", "size", "error"),
    [
        (5, 6, ValueError),
        (5, -1, ValueError),
        (-1, 0, ValueError),
        (0, 1, ValueError),
        (2**63, 1, ValueError),
        (5, 2**70, ValueError),
        (2**62, 2**61, (MemoryError, ValueError)),
        (5.0, 1, TypeError),
        (5, None, TypeError),
    ],
)
def test_there_are_as_many_distinct_numbers_as_there_are(compiled, end, size, error):
    for kernels in (compiled, numpy_distinct):
        rng = np.random.default_rng(0)
        with pytest.raises(error):
            kernels.draw_distinct(rng, end, size)
        assert np.random.default_rng(0).random() == rng.random()


def test_nothing_is_no_draw(compiled):
    for kernels in (compiled, numpy_distinct):
        rng = np.random.default_rng(0)
        assert [[], []] == [kernels.draw_distinct(rng, end, 0).tolist() for end in (0, 9)]
        assert np.random.default_rng(0).random() == rng.random()


class Locked:
    """A generator that tells how its lock is used."""

    def __init__(self, error=None):
        self.held, self.error, self.calls = np.random.default_rng(0), error, []
        self.bit_generator = self.lock = self
        self.capsule = self.held.bit_generator.capsule

    def acquire(self):
        self.calls.append("acquire")
        if self.error is not None:
            raise self.error

    def release(self):
        self.calls.append("release")


def test_numbers_are_drawn_under_the_lock_of_the_bits(compiled):
    rng = Locked()
    drawn = compiled.draw_distinct(rng, 100, 5)

    assert ["acquire", "release"] == rng.calls
    assert numpy_distinct.draw_distinct(np.random.default_rng(0), 100, 5).tolist() == drawn.tolist()


def test_without_the_lock_nothing_is_drawn(compiled):
    rng = Locked(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        compiled.draw_distinct(rng, 100, 5)

    assert ["acquire"] == rng.calls
    assert np.random.default_rng(0).random() == rng.held.random()


@given(
    legal=st.lists(st.booleans(), min_size=1, max_size=20),
    places=st.lists(st.integers(0, 99), max_size=60),
    size=st.integers(0, 30),
    distinct=st.booleans(),
)
def test_the_first_legal_numbers_are_drawn(compiled, legal, places, size, distinct):
    numbers = [place % len(legal) for place in places]
    kept = [number for number in numbers if legal[number]]
    expected = (list(dict.fromkeys(kept)) if distinct else kept)[:size]
    for kernels in (compiled, numpy_distinct):
        drawn = kernels.draw_starts(np.array(legal), np.array(numbers, dtype=np.int64), size, distinct)
        assert (expected, np.int64) == (drawn.tolist(), drawn.dtype)


@pytest.mark.parametrize("size", [100, 511, 513, 5_000, 2**62, 2**70])
def test_many_starts_are_told_apart(compiled, size):
    rng = np.random.default_rng(size % 1000)
    legal, numbers = rng.random(9_000) < 0.7, rng.integers(0, 9_000, 9_000)
    drawn = agree(compiled.draw_starts, numpy_distinct.draw_starts, [legal, numbers, size, True])

    assert min(size, len({*numbers[legal[numbers]].tolist()})) == len(drawn)


@given(position=st.integers(0, 1), how=spoilers(), distinct=st.booleans())
def test_both_kernels_refuse_the_same_draws(compiled, position, how, distinct):
    arguments = [np.array([True, False, True, True]), np.array([3, 1, 3, 0, 2]), 2, distinct]
    arguments[position] = spoilt(how, arguments[position])
    agree(compiled.draw_starts, numpy_distinct.draw_starts, arguments)


@pytest.mark.parametrize(
    ("size", "error"), [(-1, ValueError), (-(2**70), ValueError), (1.0, TypeError), (None, TypeError)]
)
def test_a_draw_has_a_size(compiled, size, error):
    for kernels in (compiled, numpy_distinct):
        assert error is outcome(kernels.draw_starts, np.ones(3, dtype=np.bool_), [0, 1], size, True)


@pytest.mark.parametrize("bad", [4, -1, 2**62, -(2**63)])
def test_a_number_that_is_no_slot_is_not_drawn(compiled, bad):
    for kernels in (compiled, numpy_distinct):
        assert IndexError is outcome(kernels.draw_starts, np.ones(4, dtype=np.bool_), [0, bad], 1, False)
        assert IndexError is outcome(kernels.draw_starts, np.zeros(0, dtype=np.bool_), [0], 1, False)
