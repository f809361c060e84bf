"""Plays gymnasium vector environments and records what happened, without the steps that are only resets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.core.errors import BadArgument, DingBufferError
from ding_buffer.integrations.batched_space import BatchedSpace, on_host
from ding_buffer.integrations.episode_numbers import EpisodeNumbers
from ding_buffer.integrations.vector_step import (
    FieldNames,
    MetaGiven,
    RecordedFields,
    VectorStep,
    meta_of_step,
)

_COUNTERS = ("steps", "transitions", "skipped", "episodes", "abandoned")
_MODES = {"NEXTSTEP": "NextStep", "SAMESTEP": "SameStep", "DISABLED": "Disabled"}


class NeedsReset(DingBufferError, RuntimeError):
    """A vector environment was stepped where it, or one of its envs, had to be reset first."""


class VectorRecorder:
    """Steps a vector environment and pushes every true transition, with one ``extend`` for each step.

    Reset and step the envs through the recorder alone. All autoreset modes of gymnasium are known: the step
    in which an env is only reset (next-step mode, the default of gymnasium) is skipped, its action ignored;
    where an env begins anew within its last step (same-step mode) the true last observation is recorded.
    In the disabled mode ``run`` resets what has ended; around ``step`` that is yours to do, with
    ``reset(options={"reset_mask": ...})``.

    A transition is a dict: ``obs``, ``action``, ``reward``, ``next_obs``, ``terminated`` (it ended in the
    game), ``truncated`` (it was cut off: the value of ``next_obs`` still counts). All are copies. ``reward``
    keeps the dtype the envs give, mostly float64, unless ``reward_dtype`` says otherwise. ``fields`` maps
    these names to other names, or to None to leave one out; any other name in it is mapped to a function of
    the ``VectorStep`` that returns a further column.

    The meta of a transition has ``env``, the number of the env, counted from ``first_env``, and ``episode``,
    a number no other episode in this buffer has, counted from ``first_episode`` or higher. An episode that a
    reset or an error cuts off keeps its number for itself. ``meta`` adds to that: a dict, or a function of
    the ``VectorStep`` that returns one. A value with one entry for each env is a column; anything else goes
    to all.

    ``autoreset_mode`` is for envs that do not name theirs in ``metadata["autoreset_mode"]``: "NextStep",
    "SameStep", "Disabled" or gymnasium's ``AutoresetMode``. In same-step mode gymnasium holds the last
    observation by reference while it resets the env: an env that writes into the array it returned before
    loses it there.
    """

    def __init__(
        self,
        envs: Any,
        buffer: Any,
        *,
        meta: MetaGiven = None,
        fields: FieldNames | None = None,
        reward_dtype: npt.DTypeLike | None = None,
        autoreset_mode: Any = None,
        first_env: int = 0,
        first_episode: int = 0,
    ) -> None:
        self.envs, self.buffer, self.meta = envs, buffer, meta
        self._count = int(envs.num_envs)
        self.mode = _mode_of(envs, autoreset_mode)
        self.steps = 0
        """Steps of the vector environment."""
        self.transitions = 0
        """Transitions pushed."""
        self.skipped = 0
        """Steps of single envs that were only resets, and not pushed."""
        self.episodes = 0
        """Episodes that ended."""
        self.abandoned = 0
        """Episodes that a reset or an error cut off after their first transition."""
        self.episode_returns: list[float] = []
        """The sum of rewards of each episode that ended, in the order in which they ended."""
        self.episode_lengths: list[int] = []
        """The number of transitions of each episode that ended."""
        self.observation: Any = None
        """What the envs show now, as they gave it; None before the first reset."""
        self._reward_dtype = reward_dtype
        self._seen = BatchedSpace(envs.single_observation_space, self._count, "observation")
        self._chosen = BatchedSpace(envs.single_action_space, self._count, "action")
        self._fields = RecordedFields(fields, self._seen, self._chosen)
        self._env = np.arange(first_env, first_env + self._count, dtype=np.int64)
        self._numbers = EpisodeNumbers.of(buffer)
        self._numbers.skip_to(first_episode)
        self._ready = False
        self._held: Any = None  # the observation again, copied: the envs may write over theirs
        self._over = np.zeros(self._count, dtype=bool)  # ended, and not yet reset
        self._episode = np.zeros(self._count, dtype=np.int64)
        self._lengths = np.zeros(self._count, dtype=np.int64)
        self._returns = np.zeros(self._count)

    def reset(self, seed: Any = None, options: Mapping[str, Any] | None = None) -> tuple[Any, Any]:
        """Resets the envs and returns what they return; running episodes are abandoned.

        With a ``reset_mask`` (bool, one for each env) in ``options`` only these are reset.
        """
        # A copy: gymnasium takes the mask out.
        asked = None if options is None else dict(options)
        mask = None if asked is None else asked.get("reset_mask")
        if mask is not None and not self._ready:
            raise NeedsReset(
                "The first reset, and the one after an error, is of all envs, without reset_mask."
            )
        self._ready = False
        observation, infos = self.envs.reset(seed=seed, options=asked)
        self._look(observation, self._seen.own(observation))
        places = np.arange(self._count) if mask is None else np.flatnonzero(mask)
        self.abandoned += int((self._lengths[places] > 0).sum())
        self._begin(places)
        self._over[places] = False
        self._ready = True
        return observation, infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Steps the envs, pushes the true transitions and returns what the envs returned.

        What an env that is about to be reset is told to do does not matter. After any error, of the envs, the
        buffer or ``meta``, nothing of the step is recorded and the envs must be reset. Raises ``NeedsReset``.
        """
        if not self._ready:
            raise NeedsReset("The envs must be reset first, and after an error again: call recorder.reset().")
        if self.mode == "Disabled" and self._over.any():
            raise NeedsReset(
                f"The episodes of envs {np.flatnonzero(self._over).tolist()} are over, and in this mode they "
                'do not reset themselves: call recorder.reset(options={"reset_mask": recorder.over}).'
            )
        # Before the step: the envs may write into what they are given.
        chosen = self._chosen.own(actions)
        self._ready = False
        stepped: tuple[Any, Any, Any, Any, Any] = self.envs.step(actions)
        self._record(chosen, stepped)
        self._ready = True
        return stepped

    def run(self, policy: Callable[[Any], Any], steps: int) -> int:
        """Plays ``steps`` steps of all envs and returns how many transitions that gave.

        ``policy`` maps what the envs show to their actions. Goes on where the envs are; resets them first
        where they never were, or an error came between.
        """
        before = self.transitions
        if not self._ready and steps > 0:
            self.reset()
        for _ in range(steps):
            if self.mode == "Disabled" and self._over.any():
                self.reset(options={"reset_mask": self.over})
            self.step(policy(self.observation))
        return self.transitions - before

    @property
    def over(self) -> npt.NDArray[np.bool_]:
        """Which envs have ended their episode and not yet begun another, one bool for each."""
        return np.array(self._over)

    def stats(self) -> dict[str, int]:
        """Returns the counters."""
        return {name: getattr(self, name) for name in _COUNTERS}

    def state_dict(self) -> dict[str, Any]:
        """Returns counters, results and how far the numbers of episodes have come.

        The running episodes are not in it: an env has no state to save.
        """
        return {
            **self.stats(),
            "episode_returns": list(self.episode_returns),
            "episode_lengths": list(self.episode_lengths),
            "next_episode": self._numbers.next,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on counting; the envs begin new episodes, with numbers of their own."""
        for name in _COUNTERS:
            setattr(self, name, int(state[name]))
        self.episode_returns = list(state["episode_returns"])
        self.episode_lengths = list(state["episode_lengths"])
        self._numbers.skip_to(int(state["next_episode"]))
        self._lengths[:] = 0
        self._ready = False

    def _record(self, chosen: Any, stepped: tuple[Any, Any, Any, Any, Any]) -> None:
        observation, rewards, terminations, truncations, infos = stepped
        terminated, truncated = self._flags(terminations), self._flags(truncations)
        ended = terminated | truncated
        skipped = self._over if self.mode == "NextStep" else np.zeros(self._count, dtype=bool)
        held = self._seen.own(observation)
        step = VectorStep(
            obs=self._held,
            action=chosen,
            reward=self._rewards(rewards),
            next_obs=self._led_to(held, ended, infos),
            terminated=terminated,
            truncated=truncated,
            real=~skipped,
            env=self._env,
            episode=self._episode.copy(),
            infos=infos,
            number=self.steps,
        )
        places = np.flatnonzero(step.real)
        if len(places):
            columns = self._fields.columns(step, places)
            self.buffer.extend(columns, meta=meta_of_step(self.meta, step, places))
        self._look(observation, held)
        self._tally(step, places, ended)

    def _led_to(self, held: Any, ended: npt.NDArray[np.bool_], infos: Any) -> Any:
        """Returns the observations at the end of the step, before any env was reset in it."""
        if self.mode != "SameStep" or not ended.any():
            return held
        led_to = self._seen.own(held)
        for place in np.flatnonzero(ended).tolist():
            self._seen.put(led_to, place, _final_observation(infos, place))
        return led_to

    def _tally(self, step: VectorStep, places: npt.NDArray[np.int64], ended: npt.NDArray[np.bool_]) -> None:
        self.steps += 1
        self.transitions += len(places)
        self.skipped += self._count - len(places)
        self._lengths[places] += 1
        self._returns[places] += step.reward[places]
        over = ended & step.real
        for place in np.flatnonzero(over).tolist():
            self.episode_returns.append(float(self._returns[place]))
            self.episode_lengths.append(int(self._lengths[place]))
            self._lengths[place] = 0
        self.episodes += int(over.sum())
        begun = over if self.mode == "SameStep" else ~step.real
        if begun.any():
            self._begin(np.flatnonzero(begun))
        self._over = over if self.mode != "SameStep" else self._over

    def _begin(self, places: npt.NDArray[np.int64]) -> None:
        self._episode[places] = self._numbers.take(len(places))
        self._lengths[places] = 0
        self._returns[places] = 0.0

    def _look(self, observation: Any, held: Any) -> None:
        self.observation, self._held = observation, held

    def _rewards(self, rewards: Any) -> npt.NDArray[Any]:
        column = np.array(on_host(rewards), dtype=self._reward_dtype)
        if column.shape != (self._count,):
            raise BadArgument(f"The envs must give {self._count} rewards, got the shape {column.shape}.")
        return column

    def _flags(self, flags: Any) -> npt.NDArray[np.bool_]:
        return np.array(on_host(flags), dtype=bool)


def record_vector_env(
    envs: Any,
    buffer: Any,
    policy: Callable[[Any], Any],
    steps: int,
    *,
    seed: Any = None,
    meta: MetaGiven = None,
    fields: FieldNames | None = None,
    reward_dtype: npt.DTypeLike | None = None,
    autoreset_mode: Any = None,
    first_env: int = 0,
    first_episode: int = 0,
) -> VectorRecorder:
    """Resets a vector environment, plays ``steps`` steps of it and pushes every true transition.

    Returns the recorder; its ``run(policy, steps)`` goes on without a reset. Everything else is explained by
    ``VectorRecorder``.
    """
    recorder = VectorRecorder(
        envs,
        buffer,
        meta=meta,
        fields=fields,
        reward_dtype=reward_dtype,
        autoreset_mode=autoreset_mode,
        first_env=first_env,
        first_episode=first_episode,
    )
    recorder.reset(seed=seed)
    recorder.run(policy, steps)
    return recorder


def _mode_of(envs: Any, given: Any) -> str:
    said = (getattr(envs, "metadata", None) or {}).get("autoreset_mode")
    modes = {_mode_name(mode) for mode in (said, given) if mode is not None}
    if len(modes) > 1:
        raise BadArgument(f"autoreset_mode is {given!r}, but the envs say {said!r} in their metadata.")
    if not modes:
        raise BadArgument(
            'These envs do not say in metadata["autoreset_mode"] when they reset themselves: give '
            'autoreset_mode="NextStep" (all of gymnasium 1.0), "SameStep" or "Disabled".'
        )
    return modes.pop()


def _mode_name(mode: Any) -> str:
    text = str(getattr(mode, "value", mode)).replace("_", "").upper()
    if text not in _MODES:
        raise BadArgument(f"autoreset_mode must be one of {', '.join(_MODES.values())}, got {mode!r}.")
    return _MODES[text]


def _final_observation(infos: Any, place: int) -> Any:
    """Returns the last observation of an episode that ended in a step after which its env began anew."""
    try:
        listed = isinstance(infos, (list, tuple))
        final = infos[place]["final_obs"] if listed else infos["final_obs"][place]
    except (KeyError, IndexError, TypeError):
        final = None
    if final is None:
        raise BadArgument(
            f"Env {place} ended in same-step mode, but infos['final_obs'] does not hold its last observation."
        )
    return final
