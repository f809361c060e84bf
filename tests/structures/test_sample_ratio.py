from __future__ import annotations

import copy
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.structures.sample_ratio import SampleRatio, Side

SIDES: tuple[Side, ...] = ("push", "sample")
RATIOS = [Fraction(1, 10), Fraction(1, 3), Fraction(1), Fraction(7, 3), Fraction(8)]


class Naive:
    """Keeps everything that happened and works it all out anew each time."""

    def __init__(self, ratio: Fraction, min_size: int, slack: int | None) -> None:
        self.ratio, self.min_size, self.slack = ratio, min_size, slack
        self.asked: list[tuple[str, int]] = []
        self.begin(0)

    def begin(self, held: int) -> None:
        self.happened: list[tuple[str, int]] = [("push", min(held, self.min_size))]

    @property
    def ahead(self) -> Fraction:
        """What was pushed beyond the first, times the ratio, without what was sampled."""
        pushed = sum(count for side, count in self.happened if side == "push") - self.min_size
        return pushed * self.ratio - sum(count for side, count in self.happened if side == "sample")

    @property
    def lent(self) -> int:
        """The largest loan since the last sample, without what was pushed since."""
        left = 0
        for what, count in self.happened:
            left = {"lend": max(left, count), "push": max(0, left - count), "sample": 0}[what]
        return left

    def wide(self, side: str, count: int) -> Fraction:
        if self.slack is not None:
            return Fraction(self.slack)
        price = {"push": self.ratio, "sample": Fraction(1)}
        other = "sample" if side == "push" else "push"
        last = next((count for who, count in reversed(self.asked) if who == other), 1)
        return max(count * price[side], last * price[other])

    def may(self, side: str, count: int, held: int) -> bool:
        if side == "sample":
            return held >= self.min_size and self.ahead - count >= -self.wide(side, count)
        within = self.ahead + count * self.ratio <= self.wide(side, count)
        return within or held + count <= self.min_size or self.lent > 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["push", "sample", "push", "sample", "lend", "lose", "begin", "reload"]),
        st.integers(1, 12),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(
    ratio=st.sampled_from(RATIOS),
    min_size=st.integers(0, 6),
    slack=st.sampled_from([None, 8, 9, 40]),
    steps=STEPS,
)
def test_it_agrees_with_one_that_works_everything_out_anew(ratio, min_size, slack, steps):
    real, naive = SampleRatio(float(ratio), min_size, slack), Naive(ratio, min_size, slack)
    held = pushed = sampled = 0
    for what, count in steps:
        if what in ("push", "sample"):
            real.ask(what, count)
            naive.asked.append((what, count))
            if naive.may(what, count, held):
                real.count(what, count)
                naive.happened.append((what, count))
                pushed += count if what == "push" else 0
                sampled += count if what == "sample" else 0
                held += count if what == "push" else 0
        elif what == "lend":
            real.lend(count)
            naive.happened.append(("lend", count))
        elif what == "lose":
            held = max(0, held - count)
        elif what == "begin":
            held = count
            real.restart(held)
            naive.begin(held)
        else:
            state = copy.deepcopy(real.state_dict())
            real = SampleRatio(float(ratio), min_size, slack)
            real.load_state_dict(state)

        assert float(naive.ahead) == real.ahead
        assert {"push": pushed, "sample": sampled} == real.counts
        for side in SIDES:
            for size in (1, 2, 5, 12):
                assert naive.may(side, size, held) == real.may(side, size, held)


@settings(max_examples=200)
@given(
    ratio=st.sampled_from(RATIOS),
    min_size=st.integers(1, 6),
    slack=st.sampled_from([None, 12, 40]),
    push=st.integers(1, 4),
    sample=st.integers(1, 12),
    turns=st.lists(st.booleans(), max_size=80),
)
def test_one_of_the_two_sides_may_always_go_on_and_neither_leaves_the_slack(
    ratio, min_size, slack, push, sample, turns
):
    if slack is not None and push * ratio + sample > 2 * slack:
        return
    real, held = SampleRatio(float(ratio), min_size, slack), 0
    wide = float(max(push * ratio, sample) if slack is None else slack)
    real.ask("push", push)
    real.ask("sample", sample)
    for first in turns:
        sides: dict[Side, int] = {"push": push, "sample": sample}
        able = [side for side, count in sides.items() if real.may(side, count, held)]
        if held < min_size and not able:  # a push of many that would go beyond what comes first
            assert real.lend(min_size - held)
            assert real.may("push", push, held)
            return
        assert able
        side = able[0] if first else able[-1]
        real.count(side, sides[side])
        held += push if side == "push" else 0
        if held >= min_size:
            assert -wide <= real.ahead <= wide


def test_a_ratio_is_exact_whatever_its_digits():
    real = SampleRatio(0.1, 1, 1)
    for _ in range(1000):
        real.count("push", 1)
    real.count("sample", 99)

    assert 0.9 == real.ahead
    assert real.may("push", 1, 1000)
    assert not real.may("push", 2, 1000)


def test_without_a_ratio_only_the_first_items_are_waited_for():
    real = SampleRatio(None, 5)
    assert [False, True] == [real.may("sample", 100, held) for held in (4, 5)]
    for _ in range(100):
        assert real.may("push", 7, 100)
        real.count("push", 7)
        real.count("sample", 1)
    assert 0 == real.missing("push", 1) == real.missing("sample", 1)
    assert not real.lend(5)


@pytest.mark.parametrize("waits", ["push", "sample"])
def test_either_side_can_be_limited_alone(waits):
    real = SampleRatio(2, 1, 10, waits == "push", waits == "sample")
    other: Side = "sample" if waits == "push" else "push"
    real.count(other, 1000)

    assert real.may(other, 1000, 1000)
    assert real.may(waits, 100, 1000)
    real.count(other, 0)
    real.count(waits, 2010)
    assert not real.may(waits, 1000, 1000)
    assert not real.never(waits, 10**6, 0)
    assert real.reaches(waits, 1000)


def test_it_says_how_many_the_other_side_must_move():
    real = SampleRatio(4, 10, 20)
    real.count("push", 10)

    assert [0, 4, 16] == [real.missing("push", count) for count in (5, 6, 9)]
    assert [0, 1, 1, 2] == [real.missing("sample", count) for count in (20, 21, 24, 25)]


def test_it_tells_what_can_never_be():
    real = SampleRatio(4, 10, 20)

    assert [False, True] == [real.never("sample", count, 10) for count in (40, 41)]
    assert [False, True] == [real.never("push", count, 10) for count in (10, 11)]

    # As many as come first may be pushed at once in any case.
    tight = SampleRatio(4, 10, 4)
    assert [False, True] == [tight.never("push", 10, held) for held in (0, 1)]


def test_it_tells_when_the_other_side_may_not_move_as_far_as_it_would_have_to():
    real = SampleRatio(7, 1, 10)
    real.count("push", 1)

    assert not real.may("sample", 20, 1)
    assert not real.never("sample", 20, 1)
    assert not real.reaches("sample", 20)  # 2 pushes are worth 14: more than the slack
    assert real.reaches("sample", 17)


def test_what_is_lent_ends_with_the_next_sample():
    real = SampleRatio(1, 1, 1)
    real.count("push", 2)
    assert not real.may("push", 1, 2)
    assert real.lend(3)
    assert not real.lend(2)
    assert real.may("push", 1, 2)
    real.count("push", 1)
    assert real.lend(3)
    real.count("sample", 1)
    assert not real.may("push", 1, 3)


def test_a_state_goes_over_to_another_ratio_and_who_is_ahead_stays_so():
    real, other = SampleRatio(4, 1, 10), SampleRatio(0.5, 3, 10)
    real.count("push", 3)
    real.count("sample", 5)
    other.load_state_dict(real.state_dict())

    assert 3.0 == real.ahead == other.ahead
    assert {"push": 3, "sample": 5} == other.counts


@pytest.mark.parametrize(
    "damage",
    [{"counts": {"push": -1, "sample": 0}}, {"last": {"push": 1, "sample": -2}}, {"credit": -1}, {"per": 0}],
    ids=repr,
)
def test_a_state_that_cannot_be_is_refused_and_changes_nothing(damage):
    real = SampleRatio(4, 1, 10)
    real.count("push", 3)
    before = copy.deepcopy(real.state_dict())

    with pytest.raises(ValueError, match="below 0"):
        real.load_state_dict({**before, **damage})
    assert before == real.state_dict()


def test_it_describes_itself():
    real = SampleRatio(4, 1, 10)
    assert "samples_per_insert 4, slack 10, samples ahead by 4" == real.described()
    real.count("push", 2)
    assert "pushes ahead by 4" in real.described()
    assert "as large as the requests" in SampleRatio(4, 1).described()
    assert 8.0 == real.worth("push", 2)
    assert 2.0 == real.worth("sample", 2)
