"""The main job: a double DQN, fed by the buffer that the settings describe."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ding_buffer.cli.buffer_clock import BufferClock
from ding_buffer.cli.checkpoint import Checkpoint, Saved
from ding_buffer.cli.collector import Collector
from ding_buffer.cli.dqn_policy import TRAINED_ON, DqnPolicy
from ding_buffer.cli.environments import env_shape, make_envs
from ding_buffer.cli.evaluation import PeriodicEvaluation, final_seeds, greedy_returns
from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.progress import Display, Progress
from ding_buffer.cli.run_config import RunConfig, in_buffer_section
from ding_buffer.cli.sample_probe import STAMP, SampleProbe
from ding_buffer.cli.stop_request import StopRequest
from ding_buffer.config.create import create_buffer, get_buffer_cls
from ding_buffer.config.load import source_name
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import ConfigError, CorruptSnapshot
from ding_buffer.core.settings import settings_of
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.nstep import nstep_reward_enhancer
from ding_buffer.learners.offpolicy_learner import OffPolicyLearner
from ding_buffer.learners.pusher import data_pusher
from ding_buffer.learners.task_loop import task

BUDGET, GOAL, INTERRUPTED = "budget", "goal", "interrupted"
"""What ended a training: the env steps were used up, the goal was reached, somebody stopped it."""


class Training:
    """Everything a run is made of, wired together; ``run`` trains, ``save`` and ``load`` stop and go on.

    Nets of this size learn fastest on one thread, so torch is set to one.
    """

    def __init__(self, config: RunConfig, source: str, checkpoint: Checkpoint) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(config.seed)
        self.config = config
        self.history = RunHistory()
        self.checkpoint = checkpoint
        self._clock = BufferClock()
        self._probe = SampleProbe(every=8)
        self.buffer = _buffer(config, source, [self._probe, self._clock])
        envs = make_envs(config.env, config.collect.envs)
        generator = np.random.default_rng([config.seed, 0])
        self.policy = DqnPolicy(env_shape(envs[0]), config.network.hidden, config.learn)
        self._collector = Collector(config.collect, envs, self.policy, self.history, generator)
        self._watchers = make_envs(config.env, max(config.eval.episodes, config.eval.final_episodes))
        self._evaluation = PeriodicEvaluation(
            config.eval, self._watchers, self.policy, self.history, config.seed
        )
        self.ctx = OnlineRLContext()
        self._before = 0.0
        self._began = time.monotonic()
        self._saved_at = 0

    def elapsed(self) -> float:
        """Returns the seconds of training so far, those before a stop included."""
        return self._before + time.monotonic() - self._began

    def buffer_share(self) -> float:
        """Returns the share of the time since the start, or the last resumption, that the buffer took."""
        return self._clock.seconds / max(time.monotonic() - self._began, 1e-9)

    def run(self, display: Display, stop: StopRequest) -> str:
        """Trains until the budget is used up, the goal is reached or a stop is wanted; returns which it was.

        Stops between two iterations only, so that what is saved then is whole.
        """
        cfg = self.config.for_learners()
        progress = Progress(
            self.config, self.buffer, self.history, display, self._collector.epsilon, self.elapsed
        )
        ended = [BUDGET]

        def end(ctx: Any) -> None:
            self.policy.set_progress(ctx.env_step / self.config.steps)
            if stop.wanted:
                ended[0] = INTERRUPTED
            elif self._evaluation.reached:
                ended[0] = GOAL
            elif ctx.env_step < self.config.steps:
                if ctx.env_step - self._saved_at >= self.config.save_every:
                    self.save(ctx)
                return
            task.finish = True

        with task.start(ctx=self.ctx):
            task.use(self._collector)
            task.use(nstep_reward_enhancer(cfg))
            task.use(_keep_what_is_trained_on)
            task.use(data_pusher(cfg, self.buffer, meta=_stamp))
            task.use(OffPolicyLearner(cfg, self.policy, self.buffer))
            task.use(self._note_learning)
            task.use(self._evaluation)
            task.use(progress)
            task.use(end)
            task.run()
            self.ctx = task.ctx
        progress.show(self.ctx)
        return ended[0]

    def _note_learning(self, ctx: Any) -> None:
        if ctx.train_output:
            loss = float(np.mean([output["total_loss"] for output in ctx.train_output]))
            self.history.add_learning(ctx.env_step, loss, self._probe.take_ages(), len(self.buffer))

    def final_returns(self) -> list[float]:
        """Plays fresh episodes with the best weights and returns what each brought."""
        learned = self.policy.weights()
        self.policy.online.load_state_dict(self._evaluation.best_weights)
        seeds = final_seeds(self.config.seed, self.config.eval.final_episodes)
        returns = greedy_returns(self.policy, self._watchers[: len(seeds)], seeds)
        self.policy.online.load_state_dict(learned)
        return returns

    def save(self, ctx: Any, ended: str | None = None) -> None:
        """Writes the checkpoint; ``ended`` is what ended the training, None while it goes on."""
        state = {
            "env_step": ctx.env_step,
            "env_episode": ctx.env_episode,
            "train_iter": ctx.train_iter,
            "elapsed": self.elapsed(),
            "ended": ended,
            "collector": self._collector.state_dict(),
            "evaluation": self._evaluation.state_dict(),
            "history": self.history.state_dict(),
        }
        networks = {
            "policy": self.policy.state_dict(),
            "best": self._evaluation.best_weights,
            "generator": torch.get_rng_state(),
        }
        self.checkpoint.save(self.buffer, Saved(self.config.plain(), state, networks))
        self._saved_at = ctx.env_step

    def load(self) -> None:
        """Goes back to where the checkpoint was written: the buffer then draws the same next batch.

        The episodes that were running are lost: an env cannot be saved.
        """
        saved = self.checkpoint.load(self.buffer)
        state, networks = saved.state, saved.networks
        try:
            counters: dict[str, Any] = {
                name: int(state[name]) for name in ("env_step", "env_episode", "train_iter")
            }
            self.policy.load_state_dict(networks["policy"])
            torch.set_rng_state(networks["generator"])
            self._collector.load_state_dict(state["collector"])
            self._evaluation.load_state_dict(state["evaluation"], networks["best"])
            history = RunHistory.from_state(state["history"])
            self._before = float(state["elapsed"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CorruptSnapshot(f"{self.checkpoint.folder} does not fit together: {error}") from error
        for name, rows in vars(history).items():
            getattr(self.history, name)[:] = rows
        if state["ended"] == GOAL:
            self._evaluation.streak = 0
        self.ctx = OnlineRLContext(**counters)
        self.policy.set_progress(self.ctx.env_step / self.config.steps)
        self._began = time.monotonic()
        self._saved_at = self.ctx.env_step


def _buffer(config: RunConfig, source: str, watching: Sequence[Middleware]) -> Buffer:
    """Makes the buffer, with layers that watch it outside all others.

    Where its settings name no seed and it takes one, it gets the seed of the run.
    """
    settings: dict[str, Any] = dict(config.buffer)
    try:
        if "seed" not in settings and "seed" in settings_of(get_buffer_cls(settings)):
            settings["seed"] = config.seed
        # Once without them: so that a mistake is told with the place it has in the file.
        create_buffer(settings)
        made: Buffer = create_buffer(
            {**settings, "middleware": [*watching, *(settings.get("middleware") or ())]}
        )
        return made
    except ConfigError as error:
        raise in_buffer_section(error, source, source_name(settings)) from error


def _keep_what_is_trained_on(ctx: Any) -> None:
    """Leaves out of each transition what only its collection needed."""
    ctx.trajectories = [{name: one[name] for name in TRAINED_ON if name in one} for one in ctx.trajectories]


def _stamp(ctx: Any, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the meta of a pushed transition: when it was collected, in env steps."""
    return {STAMP: ctx.env_step}


def checkpoint_in(folder: Path) -> Checkpoint:
    """Returns the checkpoint of the run that writes to ``folder``."""
    return Checkpoint(folder / "checkpoint")
