from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from ding_buffer.core.errors import BadArgument
from ding_buffer.integrations.gymnasium_vector import NeedsReset, VectorRecorder, record_vector_env
from tests.integrations.alike import MODES, expected, renumbered
from tests.integrations.counting_env import (
    CountingEnv,
    choose,
    make_envs,
)
from tests.integrations.kept import KeptCalls


def test_episodes_are_numbered_on_whoever_records_into_the_buffer() -> None:
    envs, kept = make_envs("SameStep", [[2], [3]]), KeptCalls()
    recorder = record_vector_env(envs, kept, lambda seen: [0, 0], 2)
    recorder.run(lambda seen: [0, 0], 1)
    again = record_vector_env(envs, kept, lambda seen: [0, 0], 1, first_env=10)
    record_vector_env(envs, kept, lambda seen: [0, 0], 1, first_episode=100)
    numbers = [(int(each["env"]), int(each["episode"])) for each in kept.transitions()]

    assert [(0, 0), (1, 1), (0, 0), (1, 1), (0, 2), (1, 1)] == numbers[:6]
    assert [(10, 4), (11, 5), (0, 100), (1, 101)] == numbers[6:]
    assert {"steps": 1, "transitions": 2, "skipped": 0, "episodes": 0, "abandoned": 0} == again.stats()


def test_a_reset_amid_an_episode_abandons_it() -> None:
    kept = KeptCalls()
    recorder = VectorRecorder(make_envs("NextStep", [[9], [1]]), kept)
    recorder.reset()
    recorder.reset()
    recorder.step([0, 0])
    recorder.reset()
    recorder.step([0, 0])

    assert 1 == recorder.abandoned
    # Env 1 had ended; its pending reset is no longer pending.
    assert [2, 2] == [len(meta["env"]) for _, meta in kept.calls]
    assert [2, 3, 4, 5] == [int(each["episode"]) for each in kept.transitions()]
    assert [1, 1] == recorder.episode_lengths


def test_some_envs_can_be_reset_alone() -> None:
    kept = KeptCalls()
    recorder = VectorRecorder(make_envs("NextStep", [[9], [9]]), kept)
    recorder.reset()
    recorder.step([0, 0])
    options = {"reset_mask": np.array([False, True])}
    recorder.reset(options=options)
    recorder.step([0, 0])

    assert ["reset_mask"] == list(options)
    assert [0, 1, 0, 2] == [int(each["episode"]) for each in kept.transitions()]
    assert [0, 0, 1, 0] == [int(each["obs"][2]) for each in kept.transitions()]
    assert 1 == recorder.abandoned


def test_stepping_before_a_reset_is_refused() -> None:
    recorder = VectorRecorder(make_envs("NextStep", [[2]]), KeptCalls())

    with pytest.raises(NeedsReset, match=r"must be reset first.*recorder\.reset\(\)"):
        recorder.step([0])
    with pytest.raises(NeedsReset, match="The first reset, and the one after an error"):
        recorder.reset(options={"reset_mask": np.array([True])})


def test_an_ended_env_that_nobody_resets_is_named() -> None:
    recorder = VectorRecorder(make_envs("Disabled", [[1], [2], [1]]), KeptCalls())
    recorder.reset()
    recorder.step([0, 0, 0])

    with pytest.raises(NeedsReset, match=r"envs \[0, 2\] are over.*reset_mask"):
        recorder.step([0, 0, 0])
    recorder.reset(options={"reset_mask": recorder.over})
    recorder.step([0, 0, 0])
    assert 6 == recorder.transitions


class Breaking(CountingEnv):
    """Fails once, in its second step."""

    broken = False

    def step(self, action: Any) -> Any:
        if self.steps == 1 and not self.broken:
            self.broken = True
            raise OSError("the plug is out")
        return super().step(action)


def test_an_env_that_fails_leaves_nothing_half_recorded() -> None:
    def make(number: int, kind: type[CountingEnv]) -> Any:
        return lambda: kind(number, [4])

    kept = KeptCalls()
    envs = gymnasium.vector.SyncVectorEnv([make(0, CountingEnv), make(1, Breaking), make(2, CountingEnv)])
    recorder = VectorRecorder(envs, kept)
    recorder.reset()
    recorder.step([0, 0, 0])
    with pytest.raises(OSError, match="the plug is out"):
        recorder.step([0, 0, 0])

    assert {"steps": 1, "transitions": 3, "skipped": 0, "episodes": 0, "abandoned": 0} == recorder.stats()
    # Env 0 has made a step that nobody saw: what comes next is no transition from what was seen last.
    with pytest.raises(NeedsReset, match="after an error again"):
        recorder.step([0, 0, 0])
    recorder.run(lambda seen: [0, 0, 0], 2)
    assert [(0, 1), (0, 1), (0, 1), (0, 1), (0, 1), (0, 1), (1, 2), (1, 2), (1, 2)] == [
        (int(each["obs"][2]), int(each["next_obs"][2])) for each in kept.transitions()
    ]
    assert [0, 1, 2, 3, 4, 5, 3, 4, 5] == [int(each["episode"]) for each in kept.transitions()]
    assert 3 == recorder.abandoned


def test_a_buffer_that_refuses_leaves_no_gap_within_an_episode() -> None:
    kept = KeptCalls(fails={1: BadArgument("full")})
    recorder = VectorRecorder(make_envs("NextStep", [[4]]), kept)
    recorder.reset()
    recorder.step([0])
    with pytest.raises(BadArgument, match="full"):
        recorder.step([0])
    recorder.run(lambda seen: [0], 2)

    assert [(0, 0), (1, 0), (1, 1)] == [(int(e["episode"]), int(e["obs"][2])) for e in kept.transitions()]
    assert {"steps": 3, "transitions": 3, "skipped": 0, "episodes": 0, "abandoned": 1} == recorder.stats()


@pytest.mark.parametrize("actions", [[0], [0, 0, 0], 0])
def test_too_few_actions_are_refused_before_any_env_is_stepped(actions: Any) -> None:
    kept = KeptCalls()
    recorder = VectorRecorder(make_envs("NextStep", [[4], [4]]), kept)
    recorder.reset()
    with pytest.raises(BadArgument, match="action must have one row for each of 2 envs"):
        recorder.step(actions)
    recorder.step([0, 0])

    assert [0, 0] == [int(each["obs"][2]) for each in kept.transitions()]


class Silent(gymnasium.vector.SyncVectorEnv):
    """Does not say which mode it has; in the same-step mode it keeps the last observations to itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.metadata["autoreset_mode"]

    def step(self, actions: Any) -> Any:
        return (*super().step(actions)[:4], {})


def test_the_mode_is_asked_for_where_the_envs_do_not_say() -> None:
    envs = Silent([lambda: CountingEnv(0, [2, 1])])
    with pytest.raises(BadArgument, match=r'do not say.*autoreset_mode="NextStep"'):
        VectorRecorder(envs, KeptCalls())
    kept = KeptCalls()
    record_vector_env(envs, kept, lambda seen: choose("box", seen, 1), 9, autoreset_mode="NEXT_STEP")

    assert expected(MODES[0], [[2, 1]], "box", 9) == renumbered(kept.transitions())


def test_same_step_envs_that_keep_the_last_observation_to_themselves_are_refused() -> None:
    envs = Silent([lambda: CountingEnv(0, [1])], autoreset_mode="SameStep")

    with pytest.raises(BadArgument, match=r"Env 0 ended in same-step mode.*final_obs"):
        record_vector_env(envs, KeptCalls(), lambda seen: [0], 1, autoreset_mode=AutoresetMode.SAME_STEP)


@pytest.mark.parametrize(
    ("said", "message"), [("SameStep", "but the envs say"), ("sometimes", "must be one of")]
)
def test_a_mode_that_cannot_be_is_refused(said: str, message: str) -> None:
    with pytest.raises(BadArgument, match=message):
        VectorRecorder(make_envs("NextStep", [[1]]), KeptCalls(), autoreset_mode=said)


def test_rewards_that_are_no_single_numbers_are_refused() -> None:
    envs = make_envs("NextStep", [[3], [3]])
    step = envs.step
    envs.step = lambda actions: (lambda obs, reward, *rest: (obs, reward[:, None], *rest))(*step(actions))

    with pytest.raises(BadArgument, match=r"must give 2 rewards, got the shape \(2, 1\)"):
        record_vector_env(envs, KeptCalls(), lambda seen: [0, 0], 1)


def test_counting_goes_on_from_a_state() -> None:
    first = record_vector_env(make_envs("NextStep", [[2], [9]]), KeptCalls(), lambda seen: [0, 0], 4)
    kept = KeptCalls()
    second = VectorRecorder(make_envs("NextStep", [[2], [9]]), kept)
    second.reset()
    second.step([0, 0])
    second.load_state_dict(first.state_dict())
    second.run(lambda seen: [0, 0], 2)

    assert {"steps": 6, "transitions": 11, "skipped": 1, "episodes": 2, "abandoned": 0} == second.stats()
    assert [2, 2] == second.episode_lengths
    assert [3.0, 2003.0] == second.episode_returns
    assert [0, 1, 3, 4, 3, 4] == [int(each["episode"]) for each in kept.transitions()]
