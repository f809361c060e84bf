from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, MissingMeta
from ding_buffer.integrations.gymnasium_vector import VectorRecorder, record_vector_env
from ding_buffer.integrations.vector_step import VectorStep
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from tests.integrations.alike import LENGTHS, MODES, expected, recorded, renumbered
from tests.integrations.counting_env import (
    SPACES,
    choose,
    make_envs,
    plain,
)
from tests.integrations.kept import KeptCalls


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("mode", MODES)
def test_what_is_recorded_is_what_a_loop_over_each_env_alone_records(mode: Any, kind: str) -> None:
    envs = make_envs(mode, LENGTHS, kind)

    assert expected(mode, LENGTHS, kind, 40) == recorded(envs, LENGTHS, kind, steps=20, parts=2)


@pytest.mark.parametrize("kind", ["box", "dict", "text"])
@pytest.mark.parametrize("mode", MODES)
def test_envs_in_processes_of_their_own_are_recorded_alike(mode: Any, kind: str) -> None:
    envs = make_envs(mode, LENGTHS[:2], kind, workers=True)

    assert expected(mode, LENGTHS[:2], kind, 20) == recorded(envs, LENGTHS[:2], kind, steps=20)


@given(
    mode=st.sampled_from(MODES),
    kind=st.sampled_from(sorted(SPACES)),
    lengths=st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), min_size=1, max_size=5),
    steps=st.integers(0, 25),
    copied=st.booleans(),
)
@settings(max_examples=150)
def test_any_lengths_of_episodes_are_recorded_truly(
    mode: Any, kind: str, lengths: list[list[int]], steps: int, copied: bool
) -> None:
    envs = make_envs(mode, lengths, kind, copy=copied)

    assert expected(mode, lengths, kind, steps) == recorded(envs, lengths, kind, steps)


@pytest.mark.parametrize("workers", [False, True])
def test_observations_that_the_envs_write_over_are_copied_in_time(workers: bool) -> None:
    mode = AutoresetMode.NEXT_STEP
    envs = make_envs(mode, LENGTHS[:3], workers=workers, copy=False, in_place=True)

    assert expected(mode, LENGTHS[:3], "box", 30) == recorded(envs, LENGTHS[:3], "box", 30)


def test_what_was_pushed_does_not_change_when_the_user_writes_into_what_step_returned() -> None:
    buffer = KeptCalls()
    recorder = VectorRecorder(make_envs(AutoresetMode.SAME_STEP, [[2]]), buffer)
    observation, _ = recorder.reset()
    observation[:] = -1
    actions = np.array([5])
    for _ in range(3):
        observation, rewards, terminated, truncated, infos = recorder.step(actions)
        for seen in (observation, rewards, actions, infos.get("final_obs", [observation])[0]):
            seen[:] = 7
        terminated[:], truncated[:] = True, False
    pushed = buffer.transitions()

    assert [[0, 0, 0], [0, 0, 1], [0, 1, 0]] == [each["obs"].tolist() for each in pushed]
    assert [[0, 0, 1], [0, 0, 2], [0, 1, 1]] == [each["next_obs"].tolist() for each in pushed]
    assert [5, 7, 7] == [each["action"] for each in pushed]
    assert [1 + 5 / 1024, 2 + 7 / 1024, 1001 + 7 / 1024] == [each["reward"] for each in pushed]
    assert [False, True, False] == [each["terminated"] for each in pushed]


def is_lawful(transition: dict[str, Any], cartpole: Any) -> bool:
    """Whether a cart pole that was in ``obs`` is in ``next_obs`` after ``action``."""
    cartpole.reset()
    cartpole.state = transition["obs"].astype(np.float64)
    led_to = cartpole.step(int(transition["action"]))[0]
    return bool(np.allclose(led_to, transition["next_obs"], atol=1e-4))


def record_naively(envs: Any, buffer: KeptCalls, steps: int) -> None:
    """The loop one writes first: everything between two steps of the envs is a transition."""
    observation, _ = envs.reset(seed=0)
    for _ in range(steps):
        actions = envs.action_space.sample()
        after = envs.step(actions)[0]
        columns = {"obs": observation, "action": actions, "next_obs": after}
        buffer.extend(columns, meta={"env": np.arange(envs.num_envs)})
        observation = after


@pytest.mark.parametrize(
    ("mode", "how"),
    [
        (AutoresetMode.NEXT_STEP, "sync"),
        (AutoresetMode.SAME_STEP, "sync"),
        (AutoresetMode.DISABLED, "sync"),
        (AutoresetMode.NEXT_STEP, "vector_entry_point"),
    ],
)
def test_a_naive_loop_stores_transitions_that_never_happened_and_this_one_none(mode: Any, how: str) -> None:
    steps, count = 2500, 8  # 20 000 rows
    kwargs: Any = {} if how == "vector_entry_point" else {"vector_kwargs": {"autoreset_mode": mode}}
    envs = gymnasium.make_vec("CartPole-v1", count, vectorization_mode=how, **kwargs)
    envs.action_space.seed(0)
    cartpole = gymnasium.make("CartPole-v1").unwrapped
    kept = KeptCalls()
    recorder = record_vector_env(envs, kept, lambda _: envs.action_space.sample(), steps, seed=0)

    assert steps * count == recorder.transitions + recorder.skipped
    assert 0 == sum(not is_lawful(each, cartpole) for each in kept.transitions())

    if mode == AutoresetMode.DISABLED:
        return  # a naive loop is stopped by gymnasium
    naive = KeptCalls()
    record_naively(envs, naive, steps)
    bogus = sum(not is_lawful(each, cartpole) for each in naive.transitions())
    assert pytest.approx(0.044, abs=0.004) == bogus / (steps * count)


def test_nothing_is_pushed_in_a_step_that_resets_every_env() -> None:
    buffer = KeptCalls()
    recorder = VectorRecorder(make_envs("NextStep", [[1], [1]]), buffer)
    recorder.run(lambda seen: choose("box", seen, 2), 6)

    assert [[0, 1]] * 3 == [meta["env"].tolist() for _, meta in buffer.calls]
    assert {"steps": 6, "transitions": 6, "skipped": 6, "episodes": 6, "abandoned": 0} == recorder.stats()


@pytest.mark.parametrize("mode", MODES)
def test_results_of_episodes_are_kept_in_the_order_in_which_they_end(mode: Any) -> None:
    envs = RecordEpisodeStatistics(make_envs(mode, [[2], [3, 1]]))
    recorder = VectorRecorder(envs, KeptCalls())
    recorder.run(lambda seen: np.zeros(2, dtype=np.int64), 5)
    # A reward is 1000 times the number of the episode, plus that of the step.
    results = [(2, 3.0), (3, 6.0), (2, 2003.0), (1, 1001.0)]

    assert results == list(zip(recorder.episode_lengths, recorder.episode_returns, strict=True))
    assert 4 == recorder.episodes
    assert {int, float} == {type(recorder.episode_lengths[0]), type(recorder.episode_returns[0])}


def test_step_returns_what_the_envs_returned() -> None:
    recorder = VectorRecorder(make_envs("SameStep", [[1], [2]]), KeptCalls())
    alone = make_envs("SameStep", [[1], [2]])
    actions = np.array([3, 4])

    assert plain(alone.reset(seed=3)) == plain(recorder.reset(seed=3))
    stepped = recorder.step(actions)
    for wanted, got in zip(alone.step(actions)[:4], stepped[:4], strict=True):
        assert plain(wanted) == plain(got)
    assert recorder.observation is stepped[0]
    assert {"final_obs", "told"} < set(stepped[4])


def test_steps_that_a_user_keeps_stay_what_they_were() -> None:
    seen: list[VectorStep] = []
    envs = make_envs("NextStep", [[1], [3]])

    def keep(step: VectorStep) -> None:
        seen.append(step)

    recorder = VectorRecorder(envs, KeptCalls(), meta=keep)
    recorder.run(lambda _: [4, 5], 3)

    assert [0, 1, 2] == [step.number for step in seen]
    assert [[0, 1], [0, 1], [2, 1]] == [step.episode.tolist() for step in seen]
    assert [[True, True], [False, True], [True, True]] == [step.real.tolist() for step in seen]
    assert [[0, 0], [1, 1], [0, 2]] == [step.obs[:, 2].tolist() for step in seen]
    assert [[1, 1], [0, 2], [1, 3]] == [step.next_obs[:, 2].tolist() for step in seen]
    assert [[4, 5]] * 3 == [step.action.tolist() for step in seen]


class Untidy(gymnasium.vector.VectorWrapper):
    """Says in the step that only resets an env once more that its episode is over."""

    said = np.zeros(1, dtype=bool)

    def step(self, actions: Any) -> Any:
        observation, reward, terminated, truncated, infos = self.env.step(actions)
        said, self.said = self.said, terminated | truncated
        return observation, reward, terminated | said, truncated, infos


def test_an_episode_ends_once_whatever_the_step_that_resets_its_env_says() -> None:
    kept = KeptCalls()
    recorder = VectorRecorder(Untidy(make_envs("NextStep", [[2]])), kept)
    recorder.run(lambda seen: choose("box", seen, 1), 12)

    assert [2] * 4 == recorder.episode_lengths
    assert expected(MODES[0], [[2]], "box", 12) == renumbered(kept.transitions())


def test_the_same_seeds_record_the_same() -> None:
    def record(seed: int) -> list[Any]:
        envs, kept = gymnasium.make_vec("CartPole-v1", 3, vectorization_mode="sync"), KeptCalls()
        envs.action_space.seed(seed)
        record_vector_env(envs, kept, lambda _: envs.action_space.sample(), 60, seed=seed)
        return [plain(each) for each in kept.transitions()]

    assert record(4) == record(4)
    assert record(4) != record(5)


def test_every_field_is_there_with_the_dtype_the_envs_give() -> None:
    kept = KeptCalls()
    record_vector_env(make_envs("NextStep", [[2], [3]]), kept, lambda seen: [1, 2], 1)
    columns, meta = kept.calls[0]

    assert {
        "obs": "float32",
        "action": "int64",
        "reward": "float64",
        "next_obs": "float32",
        "terminated": "bool",
        "truncated": "bool",
    } == {name: str(column.dtype) for name, column in columns.items()}
    assert {"env": "int64", "episode": "int64"} == {key: str(values.dtype) for key, values in meta.items()}


def test_rewards_get_the_dtype_that_is_asked_for() -> None:
    kept = KeptCalls()
    record_vector_env(make_envs("NextStep", [[2]]), kept, lambda seen: [0], 1, reward_dtype=np.float32)

    assert np.float32 == kept.calls[0][0]["reward"].dtype


def test_a_meta_of_the_user_travels_along_also_where_a_layer_needs_it() -> None:
    buffer = DequeBuffer(size=100).use(staleness_check(max_staleness=2))
    meta: dict[str, Any] = {"train_iter_data_collected": 0, "skill": np.array([0.5, 0.25])}
    recorder = VectorRecorder(make_envs("NextStep", [[1], [9]]), buffer, meta=meta)
    recorder.run(lambda seen: [0, 0], 2)
    meta["train_iter_data_collected"] = 7
    recorder.run(lambda seen: [0, 0], 1)

    assert [
        (0, 0, 0, 0.5),
        (1, 1, 0, 0.25),
        (1, 1, 0, 0.25),
        (0, 2, 7, 0.5),
        (1, 1, 7, 0.25),
    ] == [
        (item.meta["env"], item.meta["episode"], item.meta["train_iter_data_collected"], item.meta["skill"])
        for item in buffer
    ]
    assert buffer.needs <= set(buffer[0].meta)


def test_a_meta_that_a_layer_needs_and_nobody_gives_is_an_error() -> None:
    buffer = DequeBuffer(size=100).use(staleness_check(max_staleness=2))

    with pytest.raises(MissingMeta, match="train_iter_data_collected"):
        record_vector_env(make_envs("NextStep", [[1]]), buffer, lambda seen: [0], 1)


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])
def test_items_of_a_buffer_are_the_transitions(storage: Any, kind: str) -> None:
    buffer = DequeBuffer(size=500, storage=storage(), seed=0)
    envs = make_envs("NextStep", LENGTHS, kind)
    record_vector_env(envs, buffer, lambda seen: choose(kind, seen, len(LENGTHS)), 30)
    held = [{**item.data, **item.meta} for item in buffer]

    assert expected(MODES[0], LENGTHS, kind, 30) == renumbered(held)
    for group in buffer.sample(4, groupby="episode"):
        assert 1 == len({(item.meta["env"], item.meta["episode"]) for item in group})


def test_infos_as_a_list_are_understood() -> None:
    envs = DictInfoToList(make_envs("SameStep", LENGTHS, "tuple"))

    assert expected(MODES[1], LENGTHS, "tuple", 10) == recorded(envs, LENGTHS, "tuple", 10)


class Torch(gymnasium.vector.VectorWrapper):
    """Speaks in tensors."""

    def reset(self, **kwargs: Any) -> Any:
        import torch

        observation, infos = self.env.reset(**kwargs)
        return torch.from_numpy(observation), infos

    def step(self, actions: Any) -> Any:
        import torch

        *arrays, infos = self.env.step(actions.numpy())
        return (*map(torch.from_numpy, arrays), infos)


def test_tensors_are_recorded_as_arrays() -> None:
    torch = pytest.importorskip("torch")
    envs, kept = Torch(make_envs("SameStep", LENGTHS)), KeptCalls()
    record_vector_env(envs, kept, lambda seen: torch.from_numpy(choose("box", seen.numpy(), 5)), 10)

    assert expected(MODES[1], LENGTHS, "box", 10) == renumbered(kept.transitions())


class Short(gymnasium.vector.VectorWrapper):
    """Shows the first two numbers; it has forgotten the last observations."""

    single_observation_space = gymnasium.spaces.Box(0, 1, (2,))

    def reset(self, **kwargs: Any) -> Any:
        observation, infos = self.env.reset(**kwargs)
        return observation[:, :2], infos

    def step(self, actions: Any) -> Any:
        observation, *rest = self.env.step(actions)
        return (observation[:, :2], *rest)


def test_a_last_observation_that_a_wrapper_did_not_change_is_refused() -> None:
    envs = Short(make_envs("SameStep", [[1]]))

    with pytest.raises(BadArgument, match=r"shape \(2,\), but the last one of env 0 has \(3,\).*single envs"):
        record_vector_env(envs, KeptCalls(), lambda seen: [0], 1)
