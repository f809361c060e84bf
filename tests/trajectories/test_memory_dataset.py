"""Trajectories in a buffer, whatever its layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.schema_spec import Ragged
from ding_buffer.trajectories.memory_dataset import BufferTrajDataset
from ding_buffer.trajectories.pad_collate import RLData_pad_collate
from ding_buffer.trajectories.trajectory_errors import BadTrajectory, NoTrajectories
from tests.trajectories.made import frozen_traj, rl_data, same, trajectory
from tests.trajectories.test_rl_dataset import experiment

pytestmark = [
    # From Python 3.12 on a fork says that torch has threads.
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
    # Where there is one processor, or a part of one, torch says that two workers are too many.
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


def dataset(buffer: DequeBuffer, items: int = 8, length: int | None = 3, **more: Any) -> BufferTrajDataset:
    made = BufferTrajDataset(buffer, **more)
    made.configure(items, length, "both", True)
    return made


def filled(count: int = 6) -> DequeBuffer:
    buffer = DequeBuffer(size=50, seed=0)
    for place in range(count):
        buffer.push(frozen_traj(5, first=place))
    return buffer


@pytest.mark.parametrize(
    "payload",
    [frozen_traj(), frozen_traj().to_dict(), rl_data()],
    ids=["frozen", "mapping", "tensors"],
)
def test_a_trajectory_in_any_form_is_drawn(payload: Any) -> None:
    buffer = DequeBuffer(size=5, seed=0)
    item = buffer.push(payload)
    drawn = dataset(buffer).sample_random_trajectory()

    assert rl_data() == drawn
    assert item.index == drawn.source


def test_a_recorded_one_is_frozen() -> None:
    buffer = DequeBuffer(size=5, seed=0)
    buffer.push(trajectory(4))

    assert [1, 2, 3, 4] == dataset(buffer).sample_random_trajectory().rews[:, 0].tolist()


def test_columns_of_trajectories_of_different_lengths_are_drawn() -> None:
    spec = {
        key: Ragged(value.dtype, (None, *value.shape[1:])) for key, value in frozen_traj().to_dict().items()
    }
    buffer = DequeBuffer(size=5, storage=ColumnStorage(spec), seed=0)
    for steps in (2, 4):
        buffer.push(frozen_traj(steps).to_dict())
    made = dataset(buffer, length=None)

    assert {2, 4} == {len(made.sample_random_trajectory()) for _ in range(30)}
    assert rl_data(4) in [made[0] for _ in range(30)]


def test_something_else_is_told() -> None:
    buffer = DequeBuffer(size=5, seed=0)
    buffer.push(3)

    with pytest.raises(BadTrajectory, match="got int"):
        dataset(buffer)[0]


def test_it_is_ready_with_the_minimum_and_tells_its_size() -> None:
    made = dataset(filled(2), dset_min_size=2, dset_name="expert")
    empty = dataset(filled(0), dset_min_size=0)

    assert made.ready_for_training
    assert not dataset(filled(1), dset_min_size=2).ready_for_training
    assert not empty.ready_for_training
    assert {"Trajectories in Buffer": 2} == made.on_end_of_collection(experiment())
    assert made.save_new_trajs_to is None
    assert "expert" in made.get_description()
    with pytest.raises(NoTrajectories, match="The buffer of BufferTrajDataset has none"):
        empty[0]


def test_items_are_never_written_to() -> None:
    buffer = DequeBuffer(size=5, seed=0)
    held = [buffer.push(payload).data for payload in (frozen_traj(), rl_data(), frozen_traj().to_dict())]
    made = dataset(buffer, items=60)
    for part in [*made, *[made.sample_random_trajectory() for _ in range(20)]]:
        part.rews.fill_(99)
        part.obs["x"].fill_(99)

    assert same(frozen_traj(), held[0])
    assert rl_data() == held[1]
    assert frozen_traj().rews.tolist() == held[2]["rews"].tolist()


def test_a_relabeler_that_edits_in_place_gets_a_copy() -> None:
    def doubles(traj: Any) -> Any:
        traj.rews *= 2
        return traj

    buffer = filled(1)
    made = dataset(buffer, relabeler=doubles)

    for _ in range(3):
        assert [0, 2, 4, 6, 8] == made.sample_random_trajectory().rews[:, 0].tolist()


def test_priorities_are_drawn_by_and_sources_update_them() -> None:
    buffer = DequeBuffer(size=50, seed=0).use(PriorityExperienceReplay(priority_power_factor=1.0))
    items = [buffer.push(frozen_traj(5, first=place), meta={"priority": 1.0}) for place in range(4)]
    made = dataset(buffer, items=400)
    buffer.update([item.index for item in items], meta={"priority": [0.0, 0.0, 1.0, 3.0]})
    batch = RLData_pad_collate(list(made))

    assert {items[2].index, items[3].index} == set(batch.sources)
    assert pytest.approx(300, abs=40) == batch.sources.count(items[3].index)
    assert buffer.update(batch.sources, meta={"priority": [1.0] * 400}).all()


def test_a_use_limit_runs_out() -> None:
    buffer = DequeBuffer(size=50, seed=0).use(use_time_check(max_use=2))
    buffer.push(frozen_traj())
    made = dataset(buffer)
    made[0]
    made[0]

    with pytest.raises(NoTrajectories):
        made[0]


def test_a_query_goes_along() -> None:
    made = dataset(filled(), query={"sample_range": slice(-1, None)}, length=None)

    assert {5.0} == {float(part.rews[0]) for part in made}


def test_loader_workers_draw_different_items() -> None:
    made = dataset(filled(40), items=64, length=None, seed=1)
    loader = DataLoader(
        made,
        batch_size=16,
        num_workers=2,
        collate_fn=RLData_pad_collate,
        generator=torch.Generator().manual_seed(0),
    )
    batches = [batch.rews[:, 0, 0].tolist() for batch in loader]

    assert 4 == len({tuple(batch) for batch in batches})
    assert len(set(np.concatenate(batches).tolist())) > 20


def test_a_relabeler_that_is_none_is_refused_at_once() -> None:
    wrong: Any = "final"
    with pytest.raises(ValueError, match="relabeler must be"):
        BufferTrajDataset(DequeBuffer(3), relabeler=wrong)
