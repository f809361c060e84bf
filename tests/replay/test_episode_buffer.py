from __future__ import annotations

from ding_buffer.replay.episode_buffer import EpisodeReplayBuffer


def test_an_item_is_a_whole_episode() -> None:
    made = EpisodeReplayBuffer({"replay_buffer_size": 3, "seed": 0})
    made.push([[1, 2], [3, 4, 5]], 0)
    made.push([[6]], 0)

    assert 3 == made.count()
    assert [[1, 2], [3, 4, 5], [6]] == sorted(made.sample(3, 0) or [])


def test_lengths_are_told_oldest_first_also_of_a_buffer_that_is_not_full() -> None:
    made = EpisodeReplayBuffer({"replay_buffer_size": 3})
    assert [] == made.episode_len
    made.push([[1, 2], [3, 4, 5]], 0)
    assert [2, 3] == made.episode_len
    made.push([[6], [7] * 4], 0)

    assert [3, 1, 4] == made.episode_len
