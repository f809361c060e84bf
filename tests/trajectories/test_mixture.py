"""Several datasets as one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch.utils.data import DataLoader

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.testing.distribution import surprise
from ding_buffer.trajectories.disk_dataset import DiskTrajDataset
from ding_buffer.trajectories.idle_dataset import DoNothingDataset
from ding_buffer.trajectories.memory_dataset import BufferTrajDataset
from ding_buffer.trajectories.mixture import MixtureOfDatasets
from ding_buffer.trajectories.pad_collate import RLData_pad_collate
from ding_buffer.trajectories.rl_data import RLData
from ding_buffer.trajectories.rl_dataset import RLDataset
from ding_buffer.trajectories.trajectory_errors import NotConfigured, NoTrajectories
from tests.trajectories.made import rl_data, write
from tests.trajectories.test_rl_dataset import experiment

pytestmark = [
    # From Python 3.12 on a fork says that torch has threads.
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
    # Where there is one processor, or a part of one, torch says that two workers are too many.
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


class Switched(RLDataset):
    """Is ready when it is told so, and gives trajectories of ``steps``."""

    def __init__(self, name: str, steps: int = 5, ready: bool = True, saves: str | None = None) -> None:
        super().__init__(name)
        self.steps, self.ready, self.saves, self.deleted = steps, ready, saves, False

    @property
    def save_new_trajs_to(self) -> str | None:
        return self.saves

    @property
    def ready_for_training(self) -> bool:
        return self.ready

    def get_description(self) -> str:
        return f"set {self.dset_name}"

    def sample_random_trajectory(self) -> RLData:
        return rl_data(self.steps)

    def on_end_of_collection(self, experiment: Any) -> dict[str, Any]:
        return {"Size": self.steps}

    def delete(self) -> None:
        self.deleted = True


def mixed(*datasets: RLDataset, weights: Any = None, items: int = 10, **more: Any) -> MixtureOfDatasets:
    given = [1 / len(datasets)] * len(datasets) if weights is None else weights
    made = MixtureOfDatasets(datasets, given, **{"seed": 0, **more})
    made.configure(items, 3, "both", True)
    return made


def drawn(made: MixtureOfDatasets, draws: int = 2000) -> Counter[int]:
    return Counter(len(made.sample_random_trajectory()) for _ in range(draws))


def test_it_draws_in_proportion_to_the_weights() -> None:
    counts = drawn(
        mixed(Switched("a", 1), Switched("b", 2), Switched("c", 3), weights=[0.6, 0.3, 0.1]), 10_000
    )

    assert surprise([counts[1], counts[2], counts[3]], [6000, 3000, 1000]) < 4
    assert surprise([counts[1], counts[2], counts[3]], [5700, 3300, 1000]) > 4  # the test has power


def test_those_that_are_not_ready_are_left_out_and_the_others_scaled_up() -> None:
    counts = drawn(
        mixed(Switched("a", 1), Switched("b", 2, ready=False), Switched("c", 3), weights=[0.2, 0.5, 0.3])
    )

    assert {1, 3} == counts.keys()
    assert pytest.approx(0.4, abs=0.05) == counts[1] / 2000


def test_the_mixture_slices_whatever_its_datasets_would_slice() -> None:
    other = Switched("a", 9)
    made = mixed(other)
    other.max_seq_len = 1

    assert max(len(part) for part in made) == 3


def weights_over(made: MixtureOfDatasets, late: Switched, epochs: int, ready_at: int) -> list[float]:
    weights = []
    for epoch in range(epochs):
        late.ready = epoch >= ready_at
        made.update_dset_weights(epoch)
        weights.append(made.current_weights[1])
    return weights


def test_a_late_dataset_comes_in_slowly_as_measured_on_the_original() -> None:
    late = Switched("b", ready=False)
    made = mixed(Switched("a"), late, weights=[0.6, 0.4], smooth_sudden_starts=4)

    expected = [0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.4]
    assert pytest.approx(expected) == weights_over(made, late, 8, ready_at=3)
    assert 0.6 == made.current_weights[0]


def test_without_smoothing_it_comes_in_at_once() -> None:
    for smooth in (None, 0):
        late = Switched("b", ready=False)
        made = mixed(Switched("a"), late, weights=[0.6, 0.4], smooth_sudden_starts=smooth)

        assert [0, 0, 0.4, 0.4] == weights_over(made, late, 4, ready_at=2)


def test_initial_weights_may_rise_or_fall() -> None:
    late = Switched("b", ready=False)
    made = mixed(
        Switched("a"),
        late,
        weights=[0.6, 0.4],
        smooth_sudden_starts=2,
        initial_sampling_weights=[1.0, 0.2],
    )

    assert 0.8 == pytest.approx(made.current_weights[0])
    assert pytest.approx([0, 0.3, 0.4, 0.4]) == weights_over(made, late, 4, ready_at=1)
    assert 0.6 == made.current_weights[0]


def test_metrics_have_the_names_of_the_datasets() -> None:
    made = mixed(Switched("a", 1), Switched("b", 2, ready=False), weights=[0.25, 0.75])
    drawn(made, 8)
    metrics = made.on_end_of_collection(experiment(epoch=1))

    assert {
        "a Size": 1,
        "a Empirical Sample Weight (Previous Epoch)": 1.0,
        "b Size": 2,
        "b Empirical Sample Weight (Previous Epoch)": 0.0,
        "a Current Sample Weight": 0.25,
        "a Normalized Sample Weight": 1.0,
        "b Current Sample Weight": 0.0,
        "b Normalized Sample Weight": 0.0,
    } == metrics
    again = made.on_end_of_collection(experiment(epoch=2))
    assert 0.0 == again["a Empirical Sample Weight (Previous Epoch)"]


def test_draws_of_loader_workers_are_counted() -> None:
    made = mixed(Switched("a", 1), Switched("b", 2), items=32)
    list(DataLoader(made, batch_size=4, num_workers=2, collate_fn=RLData_pad_collate))
    list(DataLoader(made, batch_size=4, num_workers=2, collate_fn=RLData_pad_collate))
    metrics = made.on_end_of_collection(None)
    shares = [metrics[f"{name} Empirical Sample Weight (Previous Epoch)"] for name in "ab"]

    assert pytest.approx(1.0) == sum(shares)
    assert [share * 64 for share in shares] == [round(share * 64) for share in shares]


def test_an_experiment_configures_all_and_gives_the_epoch() -> None:
    parts = [Switched("a"), Switched("b", ready=False)]
    made = MixtureOfDatasets(parts, [0.5, 0.5], 2)
    made.configure_from_experiment(experiment())

    assert 40 == len(made) == len(parts[0])
    assert all(part.configured and part.max_seq_len == 3 for part in parts)
    parts[1].ready = True
    assert 0.25 == made.on_end_of_collection(SimpleNamespace(epoch=7))["b Current Sample Weight"]
    assert 0.5 == made.on_end_of_collection(None)["b Current Sample Weight"]  # the next epoch


def test_one_saves_and_all_are_deleted_and_described() -> None:
    parts = [Switched("a"), Switched("b", saves="here")]
    made = mixed(*parts, dset_name="both")
    made.delete()

    assert "here" == made.save_new_trajs_to
    assert ("both", "MixtureOfDatasets") == (made.dset_name, mixed(Switched("a")).dset_name)
    assert [True, True] == [part.deleted for part in parts]
    assert "MixtureOfDatasets with 2 datasets\nset a\nset b" == made.get_description()
    assert mixed(Switched("a")).save_new_trajs_to is None


def test_it_is_ready_when_one_is_that_has_a_weight() -> None:
    assert mixed(Switched("a"), Switched("b", ready=False)).ready_for_training
    assert not mixed(Switched("a", ready=False), Switched("b", ready=False)).ready_for_training
    assert not mixed(Switched("a"), Switched("b", ready=False), weights=[0.0, 1.0]).ready_for_training
    assert not MixtureOfDatasets([Switched("a")], [1.0]).ready_for_training


def test_unconfigured_it_says_so() -> None:
    made = MixtureOfDatasets([Switched("a")], [1.0])

    for use in (made.sample_random_trajectory, lambda: made[0], lambda: made.update_dset_weights(0)):
        with pytest.raises(NotConfigured):
            use()
    with pytest.raises(NotConfigured):
        made.on_end_of_collection(experiment())


@pytest.mark.parametrize(
    ("weights", "more", "message"),
    [
        ([1.0], {}, r"requires the same number of datasets \(2\) as sampling weights \(1\)"),
        ([0.5, 0.6], {}, "requires the sum of sampling weights to be 1.0"),
        ([1.5, -0.5], {}, "Each of the sampling weights must be a number in"),
        ([0.5, np.nan], {}, "Each of the sampling weights must be a number in"),
        ([0.5, 0.5], {"smooth_sudden_starts": -1}, "smooth_sudden_starts must be"),
        ([0.5, 0.5], {"initial_sampling_weights": [1.0]}, r"as initial sampling weights \(1\)"),
    ],
)
def test_wrong_settings_are_told(weights: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureOfDatasets([Switched("a"), Switched("b")], weights, **more)


def test_two_savers_or_none_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="Only one dataset can save new trajectories"):
        mixed(Switched("a", saves="x"), Switched("b", saves="y"))
    with pytest.raises(ValueError, match="and one at least"):
        MixtureOfDatasets([], [])


def test_disk_memory_and_experts_mix(tmp_path: Path) -> None:
    replay = DiskTrajDataset(tmp_path, "replay", 5, cache_bytes=10**6)
    demos = DiskTrajDataset(tmp_path, "demos", 0)
    write(demos.protected_path, 2, steps=7)
    demos.pool.refresh()
    buffer = DequeBuffer(size=5, seed=0)
    made = MixtureOfDatasets(
        [demos, BufferTrajDataset(buffer, "memory"), DoNothingDataset()], [0.25, 0.5, 0.25], 2, seed=0
    )
    made.configure(16, 3, "both", True)
    assert {7} == drawn(made, 50).keys()
    assert replay.save_new_trajs_to == MixtureOfDatasets([replay, demos], [0.5, 0.5]).save_new_trajs_to

    buffer.push(rl_data(4))
    metrics = made.on_end_of_collection(experiment(epoch=1))
    assert {4, 7} == drawn(made, 50).keys()
    assert 0.25 == metrics["memory Current Sample Weight"]
    assert 2 == metrics["demos Trajectory Files Saved in Protected Replay Buffer"]
    assert 16 == len(list(made))


def test_one_that_was_emptied_is_skipped_until_none_is_left(tmp_path: Path) -> None:
    demos = DiskTrajDataset(tmp_path, "demos", 5)
    paths = write(demos.fifo_path, 2, steps=7)
    demos.pool.refresh()
    made = mixed(demos, Switched("b", 2))
    for path in paths:
        path.unlink()

    assert {2} == drawn(made, 50).keys()
    alone = mixed(demos)
    with pytest.raises(NoTrajectories, match="None of the datasets demos is ready"):
        alone[0]
