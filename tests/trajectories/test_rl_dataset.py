"""What a training loop expects of a dataset."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from torch.utils.data import DataLoader

from ding_buffer.trajectories.pad_collate import RLData_pad_collate
from ding_buffer.trajectories.rl_data import RLData
from ding_buffer.trajectories.rl_dataset import RLDataset
from ding_buffer.trajectories.trajectory_errors import NotConfigured
from tests.trajectories.made import rl_data

pytestmark = [
    # From Python 3.12 on a fork says that torch has threads.
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
    # Where there is one processor, or a part of one, torch says that two workers are too many.
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


class Own(RLDataset):
    """As a user writes it: what is stored is returned."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.stored = rl_data(30)

    @property
    def save_new_trajs_to(self) -> None:
        return None

    def get_description(self) -> str:
        return "own"

    def sample_random_trajectory(self) -> RLData:
        return self.stored


def own(max_seq_len: int | None = 4, items: int = 6, **more: Any) -> Own:
    made = Own(**more)
    made.configure(items, max_seq_len, "both", True)
    return made


def experiment(**changes: Any) -> SimpleNamespace:
    return SimpleNamespace(
        **{
            "train_batches_per_epoch": 5,
            "batch_size": 4,
            "max_seq_len": 3,
            "padded_sampling": "left",
            "has_dset_edit_rights": False,
            "epoch": 0,
            "accelerator": SimpleNamespace(
                num_processes=2, is_main_process=True, wait_for_everyone=lambda: None
            ),
            **changes,
        }
    )


def test_it_is_named_after_its_class_unless_it_is_told() -> None:
    assert ("Own", "mine") == (Own().dset_name, Own(dset_name="mine").dset_name)


def test_before_it_is_configured_it_says_so() -> None:
    made = Own()

    assert bool(made)
    assert not made.ready_for_training
    for use in (lambda: len(made), lambda: made[0], lambda: list(made), made.check_configured):
        with pytest.raises(NotConfigured, match=r"not configured. Call `configure_from_experiment\(\)`"):
            use()


def test_an_experiment_configures_it() -> None:
    made = Own()
    made.configure_from_experiment(experiment())

    assert made.ready_for_training
    assert (40, 3, "left", False) == (
        len(made),
        made.max_seq_len,
        made.padded_sampling,
        made.has_edit_rights,
    )


def test_the_processes_of_an_experiment_draw_differently() -> None:
    def drawn(process: int) -> list[RLData]:
        made, told = Own(seed=0), experiment()
        told.accelerator.process_index = process
        made.configure_from_experiment(told)
        return list(made)

    assert drawn(0) != drawn(1)
    assert drawn(1) == drawn(1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((-1, 3, "none", True), "items_per_epoch must be"),
        ((5, 0, "none", True), "max_seq_len must be"),
        ((5, None, "all", True), "padded_sampling must be one of none, left, right, both"),
    ],
)
def test_wrong_settings_are_told(settings: Any, message: str) -> None:
    made = Own()
    with pytest.raises(ValueError, match=message):
        made.configure(*settings)
    assert not made.configured


def test_each_item_is_a_part_and_an_epoch_ends() -> None:
    made = own(items=6)
    parts = list(made)

    assert 6 == len(parts)
    assert all(1 <= len(part) <= 4 for part in parts)
    assert len(made[-6]) <= 4
    for place in (6, -7):
        with pytest.raises(IndexError, match="An epoch has 6 sequences"):
            made[place]


def test_whole_trajectories_are_copies_too() -> None:
    made = own(max_seq_len=None)
    made[0].rews.zero_()
    own_part = made[0]

    assert 30 == len(own_part)
    assert rl_data(30) == made.stored


def test_a_seed_repeats_the_parts() -> None:
    assert list(own(seed=3)) == list(own(seed=3))
    assert list(own(seed=3)) != list(own(seed=4))


def test_the_rest_does_nothing_by_default() -> None:
    made = own()
    made.delete()

    assert {} == made.on_end_of_collection(experiment())


def test_a_subclass_that_calls_no_constructor_works() -> None:
    class Plain(Own):
        def __init__(self) -> None:
            self.stored = rl_data(9)

    made = Plain()
    assert not made.configured
    made.configure(3, 4, "none", False)
    assert [4, 4, 4] == [len(part) for part in made]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_makes_batches_of_it(workers: int) -> None:
    loader = DataLoader(own(items=12), batch_size=4, num_workers=workers, collate_fn=RLData_pad_collate)
    batches = list(loader)

    assert 3 == len(batches)
    assert all(len(batch.lengths) == 4 and batch.rews.shape[1] <= 4 for batch in batches)
