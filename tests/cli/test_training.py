from __future__ import annotations

import signal
import time

import pytest

pytest.importorskip("torch")
import torch

pytest.importorskip("gymnasium")

from ding_buffer.cli.progress import RunStatus
from ding_buffer.cli.run_config import read_run_config
from ding_buffer.cli.stop_request import StopRequest
from ding_buffer.cli.training import BUDGET, GOAL, INTERRUPTED, Training, checkpoint_in
from ding_buffer.core.errors import ConfigError, CorruptSnapshot


class Silent:
    """A display that may interrupt the run after so many statuses, as somebody at the keyboard would."""

    period = 0.0

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.shown = 0
        self.interrupt_after = interrupt_after

    def show(self, status: RunStatus) -> None:
        self.shown += 1
        if self.shown == self.interrupt_after:
            signal.raise_signal(signal.SIGINT)

    def note(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def make(tiny, tmp_path):
    def made(**changes) -> Training:
        config = read_run_config({**tiny, **changes}, "tiny")
        return Training(config, "tiny", checkpoint_in(tmp_path / "run"))

    return made


def run(training: Training, interrupt_after: int | None = None) -> str:
    with StopRequest() as stop:
        return training.run(Silent(interrupt_after), stop)


def drawn(training: Training, batches: int = 5) -> list[list[int]]:
    """Returns the positions, counted from the oldest, of what the next batches hold."""
    place = {training.buffer.get(place).index: place for place in range(len(training.buffer))}
    return [[place[item.index] for item in training.buffer.sample(16)] for _ in range(batches)]


def test_it_ends_with_the_budget_and_has_learned_on_the_way(make) -> None:
    training = make()

    assert BUDGET == run(training)
    assert 384 == training.ctx.env_step
    assert 24 == training.ctx.train_iter
    assert 300 == len(training.buffer)
    assert [192, 384] == [row[0] for row in training.history.evaluations]
    assert 6 == len(training.history.learning)
    assert all(0 <= low <= middle <= high <= 384 for _, _, low, middle, high, _ in training.history.learning)


def test_priorities_and_use_counts_arrive_in_the_buffer(make) -> None:
    training = make()
    run(training)
    metas = [item.meta for item in training.buffer]

    assert len({round(meta["priority"], 6) for meta in metas}) > 50
    assert any(meta.get("use_count", 0) > 1 for meta in metas)
    # What only their collection needed is left out.
    assert {"obs", "action", "reward", "next_obs", "done", "value_gamma"} == set(training.buffer[0].data)


def test_the_same_seed_learns_the_same_and_another_one_does_not(make) -> None:
    first, again, other = make(), make(), make(seed=4)
    for training in (first, again, other):
        run(training)

    assert first.history == again.history
    assert drawn(first) == drawn(again)
    assert first.history != other.history


def test_it_ends_early_once_the_goal_is_reached(make) -> None:
    training = make(eval={"every": 64, "episodes": 2, "goal": 1.0, "times": 2})

    assert GOAL == run(training)
    assert 128 == training.ctx.env_step


def test_ctrl_c_ends_it_after_the_iteration(make) -> None:
    training = make()

    assert INTERRUPTED == run(training, interrupt_after=2)
    assert 128 == training.ctx.env_step


def test_what_goes_on_from_a_checkpoint_draws_the_same_next_batches(make) -> None:
    training = make()
    run(training, interrupt_after=3)
    elapsed, since = training.elapsed(), time.monotonic()
    training.save(training.ctx, INTERRUPTED)
    resumed = make()
    resumed.load()
    elapsed_again, passed = resumed.elapsed(), time.monotonic() - since

    assert (192, 12) == (resumed.ctx.env_step, resumed.ctx.train_iter)
    assert training.history == resumed.history
    assert elapsed <= elapsed_again <= elapsed + passed + 1e-6
    batch, again = training.buffer.sample(16), resumed.buffer.sample(16)
    assert [item.index for item in batch] == [item.index for item in again]
    learned = training.policy.forward([item.data for item in batch])
    assert learned["total_loss"] == resumed.policy.forward([item.data for item in again])["total_loss"]
    assert drawn(training) == drawn(resumed)

    assert BUDGET == run(resumed)
    assert 384 == resumed.ctx.env_step
    assert [192, 384] == [row[0] for row in resumed.history.evaluations]


def test_it_saves_on_the_way(make) -> None:
    training = make(save_every=100)
    run(training)
    resumed = make()
    resumed.load()

    assert 256 == resumed.ctx.env_step


def test_a_run_that_reached_its_goal_can_be_trained_further(make) -> None:
    goal = {"every": 64, "episodes": 2, "goal": 1.0, "times": 2}
    training = make(eval=goal)
    training.save(training.ctx, run(training))
    further = make(eval=goal, steps=640)
    further.load()

    assert GOAL == run(further)
    assert 256 == further.ctx.env_step


def test_the_final_evaluation_uses_the_best_weights_and_keeps_the_learned_ones(make) -> None:
    training = make()
    run(training)
    before = training.policy.weights()

    assert 3 == len(training.final_returns())
    assert all(torch.equal(before[name], tensor) for name, tensor in training.policy.weights().items())


def test_any_buffer_that_a_config_describes_will_do(make, tiny) -> None:
    plain = make(buffer={"type": "deque", "size": 300})

    assert BUDGET == run(plain)
    assert 24 == plain.ctx.train_iter


def test_the_buffer_takes_the_seed_of_the_run_unless_it_has_its_own(make, tiny) -> None:
    first = make(buffer={**tiny["buffer"], "seed": 1})
    second = make(buffer={**tiny["buffer"], "seed": 2})
    for training in (first, second):
        training.buffer.extend([{"obs": place} for place in range(100)])

    assert [item.data["obs"] for item in first.buffer.sample(16)] != [
        item.data["obs"] for item in second.buffer.sample(16)
    ]


def test_a_mistake_in_the_buffer_names_its_section(make) -> None:
    with pytest.raises(
        ConfigError, match=r"^tiny: buffer: middleware\[0\]\.max_us: unknown key; did you mean max_use"
    ):
        make(buffer={"type": "deque", "size": 300, "middleware": [{"type": "use_time_check", "max_us": 3}]})


def test_a_checkpoint_that_does_not_fit_together_is_refused(make) -> None:
    training = make()
    training.save(training.ctx)
    other = make(network={"hidden": [8]})

    with pytest.raises(CorruptSnapshot, match="does not fit together"):
        other.load()
