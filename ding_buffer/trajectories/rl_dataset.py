"""What a training loop expects of a dataset of trajectories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.number_checks import check_whole
from ding_buffer.trajectories.draw_source import DrawSource
from ding_buffer.trajectories.needed_torch import Dataset
from ding_buffer.trajectories.rl_data import PADDED_SAMPLING, RLData
from ding_buffer.trajectories.trajectory_errors import NotConfigured


class RLDataset(ABC, Dataset[RLData]):
    """A torch ``Dataset`` without a length of its own: each item is a new random sequence.

    It has to be configured before use. ``dset_name`` names it in metrics; the name of the class by default.
    ``seed`` makes its draws repeatable, see ``DrawSource``.
    """

    configured = False
    dset_name: str

    def __init__(self, dset_name: str | None = None, *, seed: int | None = None) -> None:
        self.dset_name = type(self).__name__ if dset_name is None else dset_name
        self.draws = DrawSource(seed, f"{type(self).__name__} {self.dset_name}")

    @cached_property
    def draws(self) -> DrawSource:
        """Where its random numbers come from; a subclass need not call our constructor to have one."""
        return DrawSource()

    def configure_from_experiment(self, experiment: Any) -> None:
        """Configures it with what an experiment says of itself.

        ``train_batches_per_epoch``, ``batch_size``, ``accelerator.num_processes``, ``max_seq_len``,
        ``padded_sampling`` and ``has_dset_edit_rights`` are read. Of several processes each draws its own,
        by ``accelerator.process_index``.
        """
        self.configure(**self.settings_of(experiment))

    def settings_of(self, experiment: Any) -> dict[str, Any]:
        """Returns the arguments of ``configure`` that an experiment asks for."""
        self.draws.part_ways(getattr(experiment.accelerator, "process_index", 0))
        batches = experiment.train_batches_per_epoch * experiment.batch_size
        return {
            "items_per_epoch": batches * experiment.accelerator.num_processes,
            "max_seq_len": experiment.max_seq_len,
            "padded_sampling": experiment.padded_sampling,
            "has_edit_rights": experiment.has_dset_edit_rights,
        }

    def configure(
        self,
        items_per_epoch: int,
        max_seq_len: int | None,
        padded_sampling: str,
        has_edit_rights: bool,
    ) -> None:
        """Says how many sequences an epoch has, how long they are at most and where they begin.

        ``max_seq_len=None`` gives whole trajectories; ``padded_sampling`` is explained by
        ``RLData.random_slice``. Without ``has_edit_rights`` nothing stored is deleted, but by ``delete``.
        """
        check_whole("items_per_epoch", items_per_epoch, 0)
        if max_seq_len is not None:
            check_whole("max_seq_len", max_seq_len, 1)
        if padded_sampling not in PADDED_SAMPLING:
            raise BadArgument(
                f"padded_sampling must be one of {', '.join(PADDED_SAMPLING)}, got {padded_sampling!r}."
            )
        self.items_per_epoch, self.max_seq_len = items_per_epoch, max_seq_len
        self.padded_sampling, self.has_edit_rights = padded_sampling, has_edit_rights
        self.configured = True

    def check_configured(self) -> None:
        """Raises ``NotConfigured`` if it is not."""
        if not self.configured:
            raise NotConfigured(
                "Dataset not configured. Call `configure_from_experiment()` first. (Or `configure()`.)"
            )

    def __len__(self) -> int:
        """Returns the number of sequences of an epoch."""
        self.check_configured()
        return self.items_per_epoch

    def __bool__(self) -> bool:
        """Is always true: whether there is one, not whether it is ready."""
        return True

    def __getitem__(self, place: int) -> RLData:
        """Returns a new random sequence, whatever the place, which only has to lie inside the epoch."""
        if not -len(self) <= place < len(self):
            raise IndexError(f"An epoch has {len(self)} sequences, there is no number {place}.")
        drawn = self.draw_shared()
        if self.max_seq_len is None:
            return drawn.copy()
        return drawn.random_slice(self.max_seq_len, self.padded_sampling, rng=self.generator())

    def __iter__(self) -> Iterator[RLData]:
        """Goes through one epoch."""
        for place in range(len(self)):
            yield self[place]

    def generator(self) -> np.random.Generator:
        """Returns the generator for draws in this process."""
        return self.draws.generator()

    @property
    @abstractmethod
    def save_new_trajs_to(self) -> str | None:
        """The folder in which actors write new trajectories, or None."""

    @abstractmethod
    def get_description(self) -> str:
        """Returns the dataset in words."""

    @abstractmethod
    def sample_random_trajectory(self) -> RLData:
        """Returns a random trajectory, whole or at least as long as the longest sequence."""

    def draw_shared(self) -> RLData:
        """Returns the same, where it need not be a copy: nobody writes to it and a part of it is copied."""
        return self.sample_random_trajectory()

    @property
    def ready_for_training(self) -> bool:
        """Whether training may draw from it."""
        return self.configured

    def on_end_of_collection(self, experiment: Any) -> dict[str, Any]:
        """Called after trajectories were collected and before training goes on; returns metrics."""
        return {}

    def delete(self) -> None:
        """Deletes what is stored, where there is such a thing."""
