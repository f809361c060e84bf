"""Several datasets as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.number_checks import check_number, check_whole
from ding_buffer.trajectories.needed_torch import torch
from ding_buffer.trajectories.rl_data import RLData
from ding_buffer.trajectories.rl_dataset import RLDataset
from ding_buffer.trajectories.shared_counts import SharedCounts, shared
from ding_buffer.trajectories.trajectory_errors import NoTrajectories


class MixtureOfDatasets(RLDataset):
    """Draws from one of ``datasets``, with the probabilities ``sampling_weights``, which sum to 1.

    Those that are not ready are left out and the weights of the others scaled up. A dataset that becomes
    ready in epoch r comes in slowly: with ``smooth_sudden_starts=S`` its weight rises in equal steps from
    ``initial_sampling_weights``, 0 by default, and is full after S epochs, that is in epoch r + S - 1. One
    that is ready from the start has its full weight, unless an initial one is given for it.
    """

    def __init__(
        self,
        datasets: Sequence[RLDataset],
        sampling_weights: Sequence[float],
        smooth_sudden_starts: int | None = None,
        dset_name: str | None = None,
        *,
        initial_sampling_weights: Sequence[float] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(dset_name, seed=seed)
        _check_weights("sampling weights", datasets, sampling_weights)
        if not np.isclose(sum(sampling_weights), 1.0):
            raise BadArgument(
                "MixtureOfDatasets requires the sum of sampling weights to be 1.0, "
                f"got {sum(sampling_weights)}."
            )
        if initial_sampling_weights is not None:
            _check_weights("initial sampling weights", datasets, initial_sampling_weights)
        if smooth_sudden_starts is not None:
            check_whole("smooth_sudden_starts", smooth_sudden_starts, 0)
        folders = [dataset.save_new_trajs_to for dataset in datasets if dataset.save_new_trajs_to is not None]
        if len(folders) > 1:
            raise BadArgument("Only one dataset can save new trajectories.")
        self.datasets, self.sampling_weights = list(datasets), list(sampling_weights)
        self.smooth_sudden_starts = smooth_sudden_starts
        self.initial_sampling_weights = initial_sampling_weights
        self.names = _distinct([dataset.dset_name for dataset in datasets])
        """What the metrics call the datasets: their names, those that occur again with a number."""
        self._weights = shared(torch.zeros(len(self.datasets), dtype=torch.float64))
        self._saves_to = folders[0] if folders else None
        self._initial: list[float] = []
        self._ready_since: dict[int, int] = {}
        self._epoch = 0
        self._counts = SharedCounts(self.names)
        self._counted = self._counts.totals()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        shared(self._weights)

    @property
    def current_weights(self) -> list[float]:
        """The weights of this epoch, not yet scaled up where one is 0."""
        weights: list[float] = self._weights.tolist()
        return weights

    @property
    def save_new_trajs_to(self) -> str | None:
        """The folder of the one dataset that has one."""
        return self._saves_to

    @property
    def ready_for_training(self) -> bool:
        """Whether there is a dataset to draw from."""
        return self.configured and any(
            dataset.ready_for_training
            for dataset, weight in zip(self.datasets, self.sampling_weights, strict=True)
            if weight > 0
        )

    def configure_from_experiment(self, experiment: Any) -> None:
        """Configures every dataset and itself with what an experiment says."""
        for dataset in self.datasets:
            dataset.configure_from_experiment(experiment)
        super().configure(**self.settings_of(experiment))
        self._begin()

    def configure(
        self,
        items_per_epoch: int,
        max_seq_len: int | None,
        padded_sampling: str,
        has_edit_rights: bool,
    ) -> None:
        """Configures every dataset and itself."""
        for dataset in self.datasets:
            dataset.configure(items_per_epoch, max_seq_len, padded_sampling, has_edit_rights)
        super().configure(items_per_epoch, max_seq_len, padded_sampling, has_edit_rights)
        self._begin()

    def update_dset_weights(self, epoch: int) -> None:
        """Sets the weights of an epoch: 0 for a dataset that is not ready."""
        self.check_configured()
        self._epoch = epoch
        for place, dataset in enumerate(self.datasets):
            ready = dataset.ready_for_training
            if ready:
                self._ready_since.setdefault(place, epoch)
            self._weights[place] = self._weight(place, epoch) if ready else 0.0

    def sample_random_trajectory(self) -> RLData:
        """Returns a trajectory of one of the datasets; raises ``NoTrajectories`` where none has any."""
        return self._drawn(lambda dataset: dataset.sample_random_trajectory())

    def draw_shared(self) -> RLData:
        """Returns the same, in memory that may be shared."""
        return self._drawn(lambda dataset: dataset.draw_shared())

    def on_end_of_collection(self, experiment: Any) -> dict[str, Any]:
        """Lets every dataset do its part, sets the weights of ``experiment.epoch`` and returns all metrics.

        An experiment without an epoch counts as the next one. Draws in loader workers are counted too.
        """
        self.check_configured()
        metrics: dict[str, Any] = {}
        totals = self._counts.totals()
        drawn = {name: totals[name] - self._counted[name] for name in self.names}
        self._counted = totals
        for name, dataset in zip(self.names, self.datasets, strict=True):
            told = dataset.on_end_of_collection(experiment)
            metrics.update({f"{name} {key}": value for key, value in told.items()})
            share = drawn[name] / max(sum(drawn.values()), 1)
            metrics[f"{name} Empirical Sample Weight (Previous Epoch)"] = share
        self.update_dset_weights(getattr(experiment, "epoch", self._epoch + 1))
        scale = sum(self.current_weights) or 1.0
        for name, weight in zip(self.names, self.current_weights, strict=True):
            metrics[f"{name} Current Sample Weight"] = weight
            metrics[f"{name} Normalized Sample Weight"] = weight / scale
        return metrics

    def delete(self) -> None:
        """Deletes what every dataset stores."""
        for dataset in self.datasets:
            dataset.delete()

    def get_description(self) -> str:
        """Returns all datasets in words."""
        told = [dataset.get_description() for dataset in self.datasets]
        return "\n".join([f"MixtureOfDatasets with {len(told)} datasets", *told])

    def _begin(self) -> None:
        if self.initial_sampling_weights is not None:
            self._initial = list(self.initial_sampling_weights)
        else:
            ready = [dataset.ready_for_training for dataset in self.datasets]
            self._initial = [
                weight * there for weight, there in zip(self.sampling_weights, ready, strict=True)
            ]
        self._ready_since.clear()
        self.update_dset_weights(0)

    def _weight(self, place: int, epoch: int) -> float:
        initial, full = self._initial[place], self.sampling_weights[place]
        if not self.smooth_sudden_starts:
            return full
        epochs = epoch - self._ready_since[place] + 1
        share = min(max(epochs / self.smooth_sudden_starts, 0.0), 1.0)
        return full if share == 1.0 else initial + (full - initial) * share

    def _drawn(self, draw: Callable[[RLDataset], RLData]) -> RLData:
        self.check_configured()
        weights = self._weights.numpy().copy()
        while weights.sum() > 0:
            place = int(self.generator().choice(len(weights), p=weights / weights.sum()))
            try:
                drawn = draw(self.datasets[place])
            except NoTrajectories:
                weights[place] = 0.0  # it has been emptied since the weights were set
                continue
            self._counts.add(self.names[place])
            return drawn
        raise NoTrajectories(
            f"None of the datasets {', '.join(self.names)} is ready, or all have been emptied. "
            "Collect first; on_end_of_collection() and update_dset_weights() look which are ready."
        )


def _check_weights(name: str, datasets: Sequence[RLDataset], weights: Sequence[float]) -> None:
    if not datasets or len(datasets) != len(weights):
        raise BadArgument(
            f"MixtureOfDatasets requires the same number of datasets ({len(datasets)}) as {name} "
            f"({len(weights)}), and one at least."
        )
    for weight in weights:
        check_number(f"Each of the {name}", weight, 0.0, 1.0)


def _distinct(names: Sequence[str]) -> list[str]:
    made: list[str] = []
    for name in names:
        number, tried = 2, name
        while tried in made:
            tried, number = f"{name} {number}", number + 1
        made.append(tried)
    return made
