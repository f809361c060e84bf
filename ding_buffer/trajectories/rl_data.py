"""One sequence to train on."""

from __future__ import annotations

import random
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.number_checks import check_whole
from ding_buffer.trajectories.frozen_traj import PARTS, FrozenTraj, check_shapes
from ding_buffer.trajectories.needed_torch import torch
from ding_buffer.trajectories.trajectory_errors import BadTrajectory

PADDED_SAMPLING = ("none", "left", "right", "both")


@dataclass(eq=False)
class RLData:
    """T transitions as tensors.

    ``obs`` maps names to (T + 1, ...), ``rews`` and ``dones`` are (T, 1), ``actions`` (T, A), ``time_idxs``
    (T + 1, 1). ``rl2s`` (T + 1, 1 + A) is the reward and the action before each moment, reward first; where
    it is not given it is made of ``rews`` and ``actions``, with zeros first. ``source`` says where the
    sequence comes from: the path of a file, the index of an item. Tensors are kept by reference. Raises
    ``BadTrajectory`` where lengths do not fit.
    """

    obs: dict[str, torch.Tensor]
    rews: torch.Tensor
    dones: torch.Tensor
    actions: torch.Tensor
    time_idxs: torch.Tensor
    rl2s: torch.Tensor = None  # type: ignore[assignment]
    _: KW_ONLY
    source: str | None = None

    def __post_init__(self) -> None:
        if self.rl2s is None:
            if not self.rews.ndim == self.actions.ndim == 2 or len(self.rews) != len(self.actions):
                raise BadTrajectory(
                    f"rews {tuple(self.rews.shape)} and actions {tuple(self.actions.shape)} must have 2 "
                    "dimensions and as many rows."
                )
            led_to = torch.cat((self.rews, self.actions), dim=-1)
            self.rl2s = torch.cat((led_to.new_zeros(1, led_to.shape[1]), led_to))
        check_shapes(self)

    @classmethod
    def from_frozen(cls, traj: FrozenTraj, source: str | None = None) -> RLData:
        """Makes one of arrays, with the dtypes that training wants; memory is shared where these fit."""
        return cls(
            obs={key: _tensor(value, key) for key, value in traj.obs.items()},
            rews=_tensor(traj.rews, "rews").float(),
            dones=_tensor(traj.dones, "dones").bool(),
            actions=_tensor(traj.actions, "actions").float(),
            time_idxs=_tensor(traj.time_idxs, "time_idxs").long(),
            rl2s=_tensor(traj.rl2s, "rl2s").float(),
            source=source,
        )

    def __len__(self) -> int:
        """Returns T."""
        return len(self.actions)

    def __eq__(self, other: object) -> bool:
        """Tells whether all tensors are equal."""
        if not isinstance(other, RLData):
            return NotImplemented
        mine, theirs = self.tensors(), other.tensors()
        return mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)

    __hash__ = None  # type: ignore[assignment]

    def random_slice(
        self, length: int, padded_sampling: str = "none", *, rng: np.random.Generator | None = None
    ) -> RLData:
        """Returns a random part of at most ``length`` transitions, as a copy; this one stays as it is.

        A sequence that is no longer than ``length`` comes whole. Else the part begins at a step drawn from

        * "none": all from which it has full length: both ends come up less than the middle;
        * "left": also before the first step, so that the beginning comes up as often as the middle;
        * "right": also up to the last step, so that the end does;
        * "both": every step is in the part with the same probability.

        What begins before the first step or ends after the last is shorter, without padding. ``rng`` draws;
        without it Python's ``random`` does.
        """
        check_whole("length", length, 1)
        if padded_sampling not in PADDED_SAMPLING:
            raise BadArgument(
                f"Unrecognized `padded_sampling` mode: `{padded_sampling}`. "
                f"There are {', '.join(PADDED_SAMPLING)}."
            )
        begin, end = 0, len(self)
        if len(self) > length:
            low = 1 - length if padded_sampling in ("left", "both") else 0
            high = len(self) - 1 if padded_sampling in ("right", "both") else len(self) - length
            drawn = random.randint(low, high) if rng is None else int(rng.integers(low, high + 1))
            begin, end = max(drawn, 0), min(drawn + length, len(self))
        return self.part(begin, end)

    def part(self, begin: int, end: int) -> RLData:
        """Returns the transitions from ``begin`` to ``end``, the latter excluded, as a copy."""
        moments, steps = slice(begin, end + 1), slice(begin, end)
        return RLData(
            obs={key: value[moments].clone() for key, value in self.obs.items()},
            rews=self.rews[steps].clone(),
            dones=self.dones[steps].clone(),
            actions=self.actions[steps].clone(),
            time_idxs=self.time_idxs[moments].clone(),
            rl2s=self.rl2s[moments].clone(),
            source=self.source,
        )

    def copy(self) -> RLData:
        """Returns one that shares no memory with this."""
        return self.part(0, len(self))

    def tensors(self) -> dict[str, torch.Tensor]:
        """Returns all tensors by name, those of ``obs`` as ``obs['name']``; they are not copied."""
        observed = {f"obs[{key!r}]": value for key, value in self.obs.items()}
        return {**observed, **{name: getattr(self, name) for name in PARTS}}


def _tensor(value: Any, name: str) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value
    array = np.asarray(value)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()  # a tensor can do neither
    try:
        return torch.from_numpy(array)
    except TypeError as error:
        raise BadTrajectory(f"{name} is no array of numbers: {error}") from error
