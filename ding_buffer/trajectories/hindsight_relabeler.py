"""Hindsight: what happened becomes the goal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.number_checks import check_number
from ding_buffer.trajectories.draw_source import DrawSource
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.relabeler import Relabeler, frozen
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import BadTrajectory

Function = Callable[[Any, Any], Any]
_STRATEGIES = ("final", "future", "episode")


class HindsightRelabeler(Relabeler):
    """Gives a trajectory goals that it has reached, and the rewards it would have got for them.

    ``achieved_goal(obs)`` maps the observations, a dict of (T + 1, ...), to what was reached at each moment,
    (T + 1, ...). ``reward(achieved, goal)`` maps what T transitions led to and the goals they had, (T, ...)
    both, to T rewards; ``done(achieved, goal)`` likewise to T flags, which stay as they are without it. The
    goals are written to ``obs[goal_key]``, the rewards also to ``rl2s``. ``strategy`` says which goals:

    * "final": what was reached at the end;
    * "episode": what was reached at one moment, any of them with the same probability;
    * "future": for each stretch what is reached at a later moment, any of them with the same probability;
      when it is reached, the next stretch begins. So a goal lies ahead of every step that has it, and it
      changes only where a policy that remembers would see it change.

    A trajectory is relabelled with ``probability``, else left alone. What is given is not edited; what stays
    the same is shared with it. Source: Andrychowicz et al. 2017, arXiv:1707.01495.
    """

    edits_in_place = False

    def __init__(
        self,
        achieved_goal: Callable[[dict[str, Any]], Any],
        reward: Function,
        strategy: str = "future",
        *,
        goal_key: str = "goal",
        done: Function | None = None,
        probability: float = 0.8,
        seed: int | None = None,
    ) -> None:
        if strategy not in _STRATEGIES:
            raise BadArgument(f"strategy must be one of {', '.join(_STRATEGIES)}, got {strategy!r}.")
        check_number("probability", probability, 0.0, 1.0)
        self.achieved_goal, self.reward, self.done = achieved_goal, reward, done
        self.strategy, self.goal_key, self.probability = strategy, goal_key, probability
        self.draws = DrawSource(seed, type(self).__name__)

    def relabel(self, traj: Trajectory | FrozenTraj) -> FrozenTraj:
        """Returns arrays of which goals, rewards and flags are new, or what was given."""
        given = frozen(traj)
        if not len(given) or self.draws.generator().random() >= self.probability:
            return given
        achieved = np.asarray(self.achieved_goal(given.obs))
        if self.goal_key not in given.obs or achieved.shape != np.shape(given.obs[self.goal_key]):
            shapes = {key: np.shape(value) for key, value in given.obs.items()}
            raise BadTrajectory(
                f"The goals reached, of shape {achieved.shape}, go to obs[{self.goal_key!r}], "
                f"which has to be there with the same shape; there is {shapes}."
            )
        achieved = achieved.astype(given.obs[self.goal_key].dtype)  # so that what is equal compares as equal
        goals = achieved[self._moments(len(given))]
        rews = self._column("reward", self.reward, achieved[1:], goals[:-1], np.float32)
        dones = (
            given.dones
            if self.done is None
            else self._column("done", self.done, achieved[1:], goals[:-1], np.bool_)
        )
        rl2s = np.array(given.rl2s)
        rl2s[1:, :1] = rews
        obs = {**given.obs, self.goal_key: goals}
        return FrozenTraj(obs, rl2s, given.time_idxs, rews, dones, given.actions)

    def _moments(self, steps: int) -> np.ndarray:
        """Returns for each moment that at which its goal is reached."""
        rng = self.draws.generator()
        if self.strategy == "final":
            return np.full(steps + 1, steps)
        if self.strategy == "episode":
            return np.full(steps + 1, rng.integers(1, steps + 1))
        moments = np.full(steps + 1, steps)  # the last one has no future: it keeps the goal before it
        begin = 0
        while begin < steps:
            reached = int(rng.integers(begin + 1, steps + 1))
            moments[begin:reached] = reached
            begin = reached
        return moments

    def _column(self, name: str, function: Function, achieved: Any, goals: Any, dtype: Any) -> np.ndarray:
        column = np.asarray(function(achieved, goals))
        if column.size != len(goals):
            raise BadTrajectory(f"{name} must give {len(goals)} values, got the shape {column.shape}.")
        return column.reshape(-1, 1).astype(dtype)
