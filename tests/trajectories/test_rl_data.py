"""One sequence to train on, and its random parts."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.testing.distribution import surprise
from ding_buffer.trajectories.rl_data import PADDED_SAMPLING, RLData
from ding_buffer.trajectories.trajectory_errors import BadTrajectory
from tests.trajectories.made import frozen_traj, rl_data

DRAWS = 50_000


def naive_bounds(steps: int, length: int, mode: str) -> tuple[int, int]:
    """The first and the last start, both included, in the words of the documentation."""
    if steps <= length:
        return 0, 0
    earliest = {"none": 0, "right": 0, "left": -length + 1, "both": -length + 1}[mode]
    latest = {"none": steps - length, "left": steps - length, "right": steps - 1, "both": steps - 1}[mode]
    return earliest, latest


def naive_part(data: RLData, begin: int, length: int) -> dict[str, list[Any]]:
    """Walks step by step through what a window covers."""
    steps = [step for step in range(begin, begin + length) if 0 <= step < len(data)]
    moments = [*steps, steps[-1] + 1]
    return {
        "x": [data.obs["x"][moment].tolist() for moment in moments],
        "rl2s": [data.rl2s[moment].tolist() for moment in moments],
        "time_idxs": [data.time_idxs[moment].tolist() for moment in moments],
        "rews": [data.rews[step].tolist() for step in steps],
        "dones": [data.dones[step].tolist() for step in steps],
        "actions": [data.actions[step].tolist() for step in steps],
    }


def told(data: RLData) -> dict[str, list[Any]]:
    names = ("rl2s", "time_idxs", "rews", "dones", "actions")
    return {"x": data.obs["x"].tolist(), **{name: getattr(data, name).tolist() for name in names}}


def coverage(mode: str, steps: int = 10, length: int = 4, slices: Any = None) -> np.ndarray:
    """How often each step is in one of DRAWS parts."""
    rng, counts = np.random.default_rng(0), np.zeros(steps + 1)
    data = rl_data(steps)
    slices = slices or (lambda: data.random_slice(length, mode, rng=rng))
    for _ in range(DRAWS):
        times = slices().time_idxs
        counts[int(times[0])] += 1  # where it begins ...
        counts[int(times[-1])] -= 1  # ... and where it has ended
    return np.cumsum(counts)[:-1]


@given(
    steps=st.integers(1, 12),
    length=st.integers(1, 14),
    mode=st.sampled_from(PADDED_SAMPLING),
    seed=st.integers(0, 2**16),
)
def test_a_part_is_what_a_window_covers(steps: int, length: int, mode: str, seed: int) -> None:
    data = rl_data(steps)
    low, high = naive_bounds(steps, length, mode)
    begins = range(low, high + 1)
    expected = [naive_part(data, begin, length) for begin in begins]

    assert told(data.random_slice(length, mode, rng=np.random.default_rng(seed))) in expected


@pytest.mark.parametrize("mode", PADDED_SAMPLING)
@pytest.mark.parametrize(("steps", "length"), [(10, 4), (5, 1), (6, 5)])
def test_every_start_is_equally_likely(mode: str, steps: int, length: int) -> None:
    data, rng = rl_data(steps), np.random.default_rng(1)
    low, high = naive_bounds(steps, length, mode)
    parts = Counter((max(begin, 0), min(begin + length, steps)) for begin in range(low, high + 1))
    drawn: Counter[tuple[int, int]] = Counter()
    for _ in range(DRAWS // 5):
        times = data.random_slice(length, mode, rng=rng).time_idxs
        drawn[int(times[0]), int(times[-1])] += 1

    assert drawn.keys() == parts.keys()
    if len(parts) > 1:
        expected = [count * DRAWS / 5 / (high - low + 1) for count in parts.values()]
        assert surprise([drawn[part] for part in parts], expected) < 4


def furthest(counts: np.ndarray, share: float) -> float:
    """The largest deviation of a step's count from ``share`` of the draws, in standard deviations."""
    return float(np.abs(counts - share * DRAWS).max() / np.sqrt(DRAWS * share * (1 - share)))


def test_both_covers_every_step_equally_often_the_last_one_too() -> None:
    assert furthest(coverage("both"), 4 / 13) < 4


def test_the_coverage_test_sees_the_bound_of_the_original() -> None:
    rng, data = np.random.default_rng(0), rl_data(10)

    def off_by_one() -> RLData:
        begin = int(rng.integers(-3, 9))  # up to T - 2
        return data.part(max(begin, 0), min(begin + 4, 10))

    assert furthest(coverage("both", slices=off_by_one), 4 / 13) > 20


def test_the_test_of_starts_sees_the_bound_of_the_original() -> None:
    drawn = np.bincount(np.random.default_rng(0).integers(-3, 9, size=DRAWS // 5) + 3, minlength=13)

    assert surprise(drawn, np.full(13, DRAWS / 5 / 13)) > 15


@pytest.mark.parametrize(
    ("mode", "first", "last"),
    [("none", 1 / 7, 1 / 7), ("left", 4 / 10, 1 / 10), ("right", 1 / 10, 4 / 10), ("both", 4 / 13, 4 / 13)],
)
def test_how_often_the_ends_come_up(mode: str, first: float, last: float) -> None:
    counts = coverage(mode) / DRAWS

    assert pytest.approx(first, abs=0.01) == counts[0]
    assert pytest.approx(last, abs=0.01) == counts[-1]


def test_without_a_generator_pythons_draws() -> None:
    data = rl_data(30)
    random.seed(5)
    first = [data.random_slice(4, "both") for _ in range(9)]
    random.seed(5)

    assert first == [data.random_slice(4, "both") for _ in range(9)]


def test_what_is_sliced_stays_as_it_is_and_shares_nothing() -> None:
    data = rl_data(10)
    part = data.random_slice(3, "both", rng=np.random.default_rng(0))
    for tensor in (*part.obs.values(), part.rews, part.dones, part.actions, part.time_idxs, part.rl2s):
        tensor.zero_()
    whole = data.random_slice(10)
    whole.rews.zero_()

    assert rl_data(10) == data


@pytest.mark.parametrize(
    ("length", "mode", "message"),
    [(3, "middle", "Unrecognized `padded_sampling` mode: `middle`"), (0, "none", "length must be an int")],
)
def test_a_wrong_slice_is_told_of_a_short_sequence_too(length: int, mode: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rl_data(2).random_slice(length, mode)


def test_what_came_before_is_made_of_rewards_and_actions_reward_first() -> None:
    given = rl_data(3)
    made = RLData(given.obs, given.rews + 10, given.dones, given.actions, given.time_idxs)

    assert [[0, 0, 0], [10, 0, 0], [11, 1, 1], [12, 2, 2]] == made.rl2s.tolist()
    empty = RLData({}, given.rews[:0], given.dones[:0], given.actions[:0], given.time_idxs[:1])
    assert [[0, 0, 0]] == empty.rl2s.tolist()


@pytest.mark.parametrize("name", ["rews", "dones", "actions", "time_idxs", "rl2s"])
def test_lengths_that_do_not_fit_are_told(name: str) -> None:
    parts = {**vars(rl_data(4))}
    parts[name] = parts[name][:2]

    with pytest.raises(BadTrajectory, match="has the shape"):
        RLData(**parts)
    with pytest.raises(BadTrajectory, match="rows"):
        RLData(**{**vars(rl_data(4)), "obs": {"x": torch.zeros(3, 1)}})


def test_rewards_without_a_second_dimension_are_told() -> None:
    given = rl_data(3)

    with pytest.raises(BadTrajectory, match="must have 2"):
        RLData(given.obs, given.rews[:, 0], given.dones, given.actions, given.time_idxs)


def test_all_tensors_have_a_name() -> None:
    data = rl_data(2)
    named = data.tensors()

    assert {"obs['x']", "obs['pixels']", "rl2s", "time_idxs", "rews", "dones", "actions"} == named.keys()
    assert data.obs["x"] is named["obs['x']"]


def test_equality_looks_at_the_tensors() -> None:
    other = rl_data(4)
    other.obs["x"] = other.obs["x"].clone() + 1

    assert rl_data(4) == rl_data(4)
    assert rl_data(4) != other
    assert rl_data(4) != rl_data(5)
    assert rl_data(4) != "data"


def test_dtypes_are_those_that_training_wants() -> None:
    traj = frozen_traj(3)
    traj.obs["half"] = np.zeros((4, 2), np.float16)
    traj.obs["swapped"] = np.zeros((4, 2), ">i4")
    traj.obs["backwards"] = np.arange(4)[::-1]
    traj.rews = traj.rews.astype(np.float64)
    traj.time_idxs = traj.time_idxs.astype(np.int32)
    traj.actions.flags.writeable = False
    made = RLData.from_frozen(traj, source="here")

    assert [torch.float32, torch.bool, torch.float32, torch.int64, torch.float32] == [
        part.dtype for part in (made.rews, made.dones, made.actions, made.time_idxs, made.rl2s)
    ]
    assert [torch.float32, torch.uint8, torch.float16, torch.int32, torch.int64] == [
        part.dtype for part in made.obs.values()
    ]
    assert [3, 2, 1, 0] == made.obs["backwards"].tolist()
    assert "here" == made.source == made.copy().source


def test_observations_that_are_no_numbers_are_told() -> None:
    traj = frozen_traj(1)
    traj.obs["words"] = np.array(["a", "b"])  # as a relabeler may do

    with pytest.raises(BadTrajectory, match="words is no array of numbers"):
        RLData.from_frozen(traj)
