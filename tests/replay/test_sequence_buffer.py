from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.replay.sequence_buffer import SequenceReplayBuffer
from ding_buffer.structures.clock import ManualClock
from ding_buffer.testing.distribution import surprise


def made(**cfg: Any) -> SequenceReplayBuffer:
    return SequenceReplayBuffer({"replay_buffer_size": 100, "seed": 0, **cfg})


def episode(number: int, length: int, ends: bool = True) -> list[dict[str, Any]]:
    return [{"at": (number, step), "done": ends and step == length - 1} for step in range(length)]


def windows(buffer: SequenceReplayBuffer, *query: Any, **more: Any) -> list[list[Any]]:
    return [[data["at"] for data in window] for window in buffer.sample(*query, **more) or ()]


def test_windows_are_consecutive_and_of_one_episode_and_all_of_them_occur() -> None:
    buffer = made()
    buffer.push(episode(0, 4) + episode(1, 2), 0)
    buffer.push(episode(2, 3), 0)
    found = {tuple(window) for _ in range(100) for window in windows(buffer, 2, 3, 0)}

    assert {
        ((0, 0), (0, 1), (0, 2)),
        ((0, 1), (0, 2), (0, 3)),
        ((2, 0), (2, 1), (2, 2)),
    } == found


def test_a_list_among_the_items_is_a_whole_episode() -> None:
    buffer = made()
    buffer.push([episode(0, 3, ends=False), episode(1, 3, ends=False), [], episode(2, 1)], 0)
    found = {tuple(window) for _ in range(100) for window in windows(buffer, 1, 2, 0)}

    assert 7 == buffer.count()
    assert {((n, s), (n, s + 1)) for n in (0, 1) for s in (0, 1)} == found


def test_a_stream_of_transitions_goes_on_after_a_whole_episode_came_between() -> None:
    buffer = made()
    buffer.push(episode(0, 2, ends=False), 0)
    buffer.push([episode(1, 2)], 0)
    buffer.push([{"at": (0, 2), "done": True}], 0)

    assert [[(0, 0), (0, 1), (0, 2)]] == windows(buffer, 1, 3, 0)


def test_environments_may_come_mixed_where_a_field_names_them() -> None:
    buffer = made(stream_key="env")
    for step in range(4):
        buffer.push([{"at": (env, step), "env": env, "done": False} for env in "ab"], 0)

    assert [[("a", s) for s in range(4)], [("b", s) for s in range(4)]] == sorted(windows(buffer, 2, 4, 0))


def test_where_no_episode_is_long_enough_the_answer_is_none_and_comes_at_once() -> None:
    buffer = made()
    buffer.push(episode(0, 4) + episode(1, 4), 0)

    assert buffer.sample(1, 5, 0) is None
    assert buffer.sample(1, 5, 0, replace=True) is None
    assert buffer.sample(2, 5, 0) is None
    assert 5 + 5 + 10 == buffer.stats()["refused_samples"]


def test_what_is_drawn_counts_in_transitions_as_what_is_pushed_and_refused() -> None:
    told: list[dict[str, float]] = []
    clock = ManualClock()
    buffer = SequenceReplayBuffer({"periodic_thruput_seconds": 60}, told.append, clock=clock)
    buffer.push(episode(0, 8), 0)
    buffer.sample(2, 3, 0)
    clock.advance(60)
    buffer.sample(1, 9, 0)
    buffer.sample(1, 5, 0)

    assert {"pushed_in": 8, "sampled_out": 6 + 5, "removed": 0, "current_have": 8} == {
        tag.partition("/")[2]: number for figures in told for tag, number in figures.items()
    }
    assert 9 == buffer.stats()["refused_samples"]


def test_windows_begin_at_different_places_unless_they_may_repeat() -> None:
    buffer = made()
    buffer.push(episode(0, 4), 0)

    assert 2 == len({window[0] for window in windows(buffer, 2, 3, 0)})
    assert buffer.sample(3, 3, 0) is None
    assert 8 == len(windows(buffer, 8, 3, 0, replace=True))


def test_all_of_a_window_lies_in_the_range() -> None:
    buffer = made(replay_buffer_size=6)
    buffer.push(episode(0, 10), 0)

    assert [[(0, 8), (0, 9)]] == windows(buffer, 1, 2, 0, slice(-2, None))
    assert [[(0, 4), (0, 5)]] == windows(buffer, 1, 2, 0, slice(None, 2))


def test_lengths_may_differ_from_call_to_call_and_few_are_kept_ready() -> None:
    buffer = made()
    buffer.push(episode(0, 30), 0)
    for length in [2, 3, 4, 5, 6, 7, 2, 8]:
        assert length == len(windows(buffer, 1, length, 0)[0])
    buffer.push(episode(1, 30), 0)

    assert [4, 7, 2, 8][-3:] == list(buffer._views)[-3:]
    assert 4 == len(buffer._views)


@pytest.mark.parametrize("length", [0, -1, 1.5, True])
def test_a_length_that_is_none_is_told(length) -> None:
    with pytest.raises(BadArgument, match="sequence must be an int of at least 1"):
        made().sample(1, length, 0)


def test_with_deepcopy_windows_that_overlap_share_nothing() -> None:
    buffer = made(deepcopy=True)
    buffer.push([[{"obs": np.zeros(1)} for _ in range(4)]], 0)
    first, second = buffer.sample(2, 3, 0) or []
    for data in first:
        data["obs"][:] = 1

    assert [0.0, 0.0, 0.0] == [float(data["obs"][0]) for data in second]


def test_every_place_a_window_can_begin_is_as_likely() -> None:
    buffer = made()
    buffer.push(episode(0, 8) + episode(1, 3) + episode(2, 12) + episode(3, 5), 0)
    starts = {(0, s): 0 for s in range(4)} | {(2, s): 0 for s in range(8)} | {(3, 0): 0}
    for _ in range(10_000):
        for window in windows(buffer, 5, 5, 0, replace=True):
            starts[window[0]] += 1

    assert surprise(list(starts.values()), np.full(len(starts), 50_000 / len(starts))) < 4


def test_a_state_draws_the_same_next_windows_however_places_came_and_went() -> None:
    buffer = made(replay_buffer_size=20)
    buffer.push(episode(0, 7) + episode(1, 9), 0)
    buffer.sample(2, 3, 0)
    for number in range(2, 9):
        buffer.push(episode(number, 3 + number % 4), 0)
    copy = made(replay_buffer_size=20)
    copy.push(episode(0, 20), 0)
    copy.sample(2, 3, 0)
    copy.load_state_dict(buffer.state_dict())

    assert [windows(buffer, 4, 3, 0) for _ in range(5)] == [windows(copy, 4, 3, 0) for _ in range(5)]
