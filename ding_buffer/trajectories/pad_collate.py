"""Sequences of different lengths as one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

from ding_buffer.trajectories.frozen_traj import PARTS
from ding_buffer.trajectories.needed_torch import pad_sequence, torch
from ding_buffer.trajectories.rl_data import RLData
from ding_buffer.trajectories.trajectory_errors import BadTrajectory

MAGIC_PAD_VAL = 4.0
"""What fills up shorter sequences: 4 among ints, True among flags. ``Batch.mask`` says where."""


@dataclass(eq=False)
class Batch:
    """B sequences, filled up at their end to the M transitions of the longest.

    ``obs`` maps names to (B, M + 1, ...), ``rl2s`` is (B, M + 1, 1 + A), ``rews`` and ``dones`` (B, M, 1),
    ``actions`` (B, M, A), ``time_idxs`` (B, M + 1, 1). ``lengths`` (B,) counts the true transitions, all M
    where it is not given, and ``mask`` (B, M, 1) is true for them. ``sources`` says where each comes from.
    """

    obs: dict[str, torch.Tensor]
    rl2s: torch.Tensor
    rews: torch.Tensor
    dones: torch.Tensor
    actions: torch.Tensor
    time_idxs: torch.Tensor
    _: KW_ONLY
    lengths: torch.Tensor = None  # type: ignore[assignment]
    mask: torch.Tensor = None  # type: ignore[assignment]
    sources: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        count, longest = self.actions.shape[:2]
        if self.lengths is None:
            self.lengths = torch.full((count,), longest, device=self.actions.device)
        if self.mask is None:
            steps = torch.arange(longest, device=self.lengths.device)
            self.mask = (steps < self.lengths[:, None]).unsqueeze(-1)

    def to(self, device: Any) -> Batch:
        """Moves every tensor and returns the batch itself."""
        return self._each(lambda tensor: tensor.to(device))

    def pin_memory(self) -> Batch:
        """Moves every tensor to where a device can fetch it and returns the batch itself."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Any) -> Batch:
        for field in fields(self):
            held = getattr(self, field.name)
            if isinstance(held, dict):
                setattr(self, field.name, {key: change(value) for key, value in held.items()})
            elif isinstance(held, torch.Tensor):
                setattr(self, field.name, change(held))
        return self


def RLData_pad_collate(samples: Sequence[RLData]) -> Batch:  # noqa: N802 (the name it is known by)
    """Returns a batch of sequences; the ``collate_fn`` of a torch ``DataLoader``.

    Raises ``BadTrajectory`` where they do not have the same observations, shapes and dtypes.
    """
    if not samples:
        raise BadTrajectory("A batch needs at least one sequence.")
    due = _kinds(samples[0])
    for sample in samples[1:]:
        kinds = _kinds(sample)
        if kinds != due:
            raise BadTrajectory(
                f"The sequences of a batch differ: {kinds} in one ({sample.source}), "
                f"{due} in another ({samples[0].source})."
            )
    return Batch(
        obs={key: _padded([sample.obs[key] for sample in samples]) for key in samples[0].obs},
        **{name: _padded([getattr(sample, name) for sample in samples]) for name in PARTS},
        lengths=torch.tensor([len(sample) for sample in samples]),
        sources=tuple(sample.source for sample in samples),
    )


def _padded(parts: list[torch.Tensor]) -> torch.Tensor:
    return pad_sequence(parts, batch_first=True, padding_value=MAGIC_PAD_VAL)


def _kinds(sample: RLData) -> dict[str, tuple[Any, ...]]:
    """Returns what has to be the same of every sequence of a batch: the shape of a row and the dtype."""
    return {name: (*value.shape[1:], value.dtype) for name, value in sample.tensors().items()}
