from __future__ import annotations

from typing import Any

import pytest
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import ConfigError
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.offpolicy_learner import OffPolicyLearner
from ding_buffer.learners.pusher import data_pusher
from ding_buffer.learners.task_loop import task
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check


def config(batch_size: int = 4, update_per_collect: int = 3) -> EasyDict:
    return EasyDict(policy={"learn": {"batch_size": batch_size, "update_per_collect": update_per_collect}})


def holding(count: int) -> DequeBuffer:
    buffer = DequeBuffer(size=100, seed=3)
    buffer.extend([{"place": place, "reward": 0.0} for place in range(count)])
    return buffer


class Policy:
    """Gives every sample of its n-th step the priority n, and keeps what it saw."""

    def __init__(self, as_list: bool = False) -> None:
        self.as_list = as_list
        self.batches: list[Any] = []

    def forward(self, batch: Any) -> Any:
        self.batches.append(batch)
        output = {"total_loss": 0.5, "priority": [float(len(self.batches))] * len(batch)}
        return [{"priority": [-1.0] * len(batch)}, output] if self.as_list else output


def test_it_trains_as_often_as_configured_and_keeps_all_outputs() -> None:
    policy = Policy()
    ctx = OnlineRLContext(train_iter=10)
    OffPolicyLearner(config(), policy, holding(50))(ctx)

    assert [4, 4, 4] == [len(batch) for batch in policy.batches]
    assert isinstance(policy.batches[0], list)
    assert 13 == ctx.train_iter
    assert [1.0, 2.0, 3.0] == [output["priority"][0] for output in ctx.train_output]


@pytest.mark.parametrize("as_list", [False, True])
def test_the_priorities_of_a_batch_are_written_before_the_next_is_drawn(as_list: bool) -> None:
    trace: list[str] = []

    def noting(action: str, chain: Any, *args: Any, **kwargs: Any) -> Any:
        trace.append(action)
        return chain(*args, **kwargs)

    buffer = holding(50).use(noting)
    policy = Policy(as_list)
    OffPolicyLearner(config(), policy, buffer)(OnlineRLContext())
    newest = {step["place"]: float(n) for n, batch in enumerate(policy.batches, 1) for step in batch}

    assert ["sample", "update"] * 3 == trace
    assert newest == {item.data["place"]: item.meta["priority"] for item in buffer if "priority" in item.meta}


def test_outputs_that_are_lists_are_kept_whole() -> None:
    ctx = OnlineRLContext()
    OffPolicyLearner(config(), Policy(as_list=True), holding(50))(ctx)

    assert [2, 2, 2] == [len(output) for output in ctx.train_output]


def test_it_waits_while_the_buffer_holds_too_little() -> None:
    policy = Policy()
    ctx = OnlineRLContext()
    OffPolicyLearner(config(), policy, holding(3))(ctx)

    assert [] == policy.batches
    assert (0, None, []) == (ctx.train_iter, ctx.train_data, ctx.train_output)


def test_w17_the_rewards_of_a_reward_model_reach_the_policy() -> None:
    class Curious:
        def estimate(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{**step, "reward": 1.0} for step in batch]

    buffer = holding(50)
    policy = Policy()
    OffPolicyLearner(config(), policy, buffer, reward_model=Curious())(OnlineRLContext())

    assert {1.0} == {step["reward"] for batch in policy.batches for step in batch}
    assert {0.0} == {item.data["reward"] for item in buffer}


def test_an_error_of_the_policy_closes_the_fetch_and_passes() -> None:
    class Broken:
        def forward(self, batch: Any) -> Any:
            raise FloatingPointError("loss is nan")

    buffer = holding(50)
    with pytest.raises(FloatingPointError, match="loss is nan"):
        OffPolicyLearner(config(), Broken(), buffer)(OnlineRLContext())

    assert all("priority" not in item.meta for item in buffer)


def test_a_minimum_and_a_query_reach_the_fetcher() -> None:
    policy = Policy()
    learner = OffPolicyLearner(
        config(), policy, holding(20), min_size=20, query=lambda ctx: {"sample_range": slice(-4, None)}
    )
    learner(OnlineRLContext())

    assert {16, 17, 18, 19} == {step["place"] for batch in policy.batches for step in batch}
    with pytest.raises(ConfigError, match="update_per_collect"):
        OffPolicyLearner({"policy": {"learn": {"batch_size": 4}}}, policy, holding(20))


def test_the_whole_loop_runs_in_a_task() -> None:
    buffer = DequeBuffer(size=100, seed=0)
    policy = Policy()

    def collect(ctx: Any) -> None:
        ctx.trajectories = [{"place": ctx.env_step + step, "reward": 1.0} for step in range(3)]
        ctx.env_step += 3

    with task.start(async_mode=False, ctx=OnlineRLContext()):
        task.use(collect)
        task.use(data_pusher(config(), buffer))
        task.use(OffPolicyLearner(config(), policy, buffer))
        task.run(max_step=10)

        assert 30 == len(buffer)
        assert 27 == task.ctx.train_iter
        assert 27 == len(policy.batches)


def test_a_limit_of_staleness_needs_no_argument_of_learner_or_pusher() -> None:
    buffer = DequeBuffer(size=1000, seed=0).use(staleness_check(max_staleness=3))
    policy = Policy()
    ages: list[int] = []

    def collect(ctx: Any) -> None:
        ctx.trajectories = [{"born": ctx.train_iter} for _ in range(8)]

    def measure(ctx: Any) -> None:
        # The count of training steps goes up by one after each batch.
        first = ctx.train_iter - len(ctx.train_output)
        for place, batch in enumerate(policy.batches[-len(ctx.train_output) :]):
            ages.extend(first + place - step["born"] for step in batch)

    with task.start(ctx=OnlineRLContext()):
        task.use(collect).use(data_pusher(config(), buffer))
        task.use(OffPolicyLearner(config(4, 2), policy, buffer)).use(measure)
        task.run(max_step=20)
        assert 40 == task.ctx.train_iter == len(policy.batches)

    assert {0, 1, 2, 3} == set(ages)
    assert {item.data["born"] for item in buffer} == {
        item.meta["train_iter_data_collected"] for item in buffer
    }
    assert buffer.stats()["staleness_check"]["stale"] > 0


def test_limits_of_staleness_and_use_work_through_the_whole_loop() -> None:
    buffer = DequeBuffer(size=1000, seed=0)
    buffer.use([staleness_check(max_staleness=6), use_time_check(max_use=5), PriorityExperienceReplay()])
    policy = Policy()
    ages: list[int] = []

    def collect(ctx: Any) -> None:
        ctx.trajectories = [{"place": ctx.env_step + step, "born": ctx.train_iter} for step in range(4)]
        ctx.env_step += 4

    def now(ctx: Any) -> dict[str, int]:
        return {"train_iter_sample_data": ctx.train_iter}

    def measure(ctx: Any) -> None:
        ages.extend(ctx.train_iter - step["born"] for step in policy.batches[-1])

    with task.start(ctx=OnlineRLContext()):
        task.use(collect)
        task.use(data_pusher(None, buffer, meta=lambda ctx, _: {"train_iter_data_collected": ctx.train_iter}))
        task.use(OffPolicyLearner(config(4, 1), policy, buffer, query=now)).use(measure)
        task.run(max_step=40)

    assert 40 == len(policy.batches)
    # The count of training steps goes up by one before the age is measured.
    assert 7 == max(ages)
