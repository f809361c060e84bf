"""On columns the layer does the same, and all at once."""

from __future__ import annotations

import copy
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.errors import MissingPayloadField
from ding_buffer.core.leaves import leaves_of
from ding_buffer.core.ragged import RaggedColumn
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.schema_spec import Ragged


def transition(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "obs": np.array([number, -number], np.float32),
        "reward": np.float32(number),
        "next_obs": np.array([number + 1, -number - 1], np.float32),
        "terminated": number % 7 == 5,
        "truncated": number % 11 == 9,
        **changes,
    }


def filled(count: int, *layers: Any, storage: Any = None, size: int = 40, **changes: Any) -> DequeBuffer:
    buffer = DequeBuffer(size, storage=storage or ColumnStorage(), seed=0).use(*layers)
    for number in range(count):
        buffer.push(transition(number, **changes), meta={"env": number % 3})
    return buffer


def everything(buffer: DequeBuffer) -> Any:
    """Draws every item, oldest first."""
    return buffer.sample(indices=[item.index for item in buffer])


def listed(item: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    data = {name: np.asarray(part).tolist() for name, part in item.data.items()}
    return data, dict(item.meta)


@pytest.mark.parametrize("query", [{}, {"groupby": "env"}, {"groupby": "env", "unroll_len": 4}])
def test_columns_hold_what_objects_hold(query):
    objects, columns = (filled(50, n_step(4, 0.9), storage=kind()) for kind in (ObjectStorage, ColumnStorage))
    for buffer in (objects, columns):
        buffer.delete([buffer[place].index for place in (3, 17, 30)])
    for _ in range(5):
        expected, batch = objects.sample(2, **query), columns.sample(2, **query)
        assert isinstance(batch, BufferedBatch)
        if "groupby" in query:
            expected, batch = ([item for group in one for item in group] for one in (expected, batch))
        for one, other in zip(expected, batch, strict=True):
            (data, meta), (same, known) = listed(one), listed(other)
            assert data.pop("reward") == pytest.approx(same.pop("reward"), rel=1e-6)
            assert data.pop("discount") == pytest.approx(same.pop("discount"), rel=1e-6)
            assert (data, meta) == (same, known)


def test_return_and_discount_are_columns_of_the_dtype_of_the_reward():
    batch = filled(9, n_step(3, 0.5)).sample(4)

    assert [np.float32] * 2 == [batch.data[name].dtype for name in ("reward", "discount")]
    assert [np.float64, np.int64] == [batch.meta[name].dtype for name in ("discount", "n_step")]
    assert (4,) == batch.data["discount"].shape == batch.meta["discount"].shape == batch.meta["n_step"].shape


def test_the_memory_of_a_batch_is_the_callers():
    buffer = filled(9, n_step(3, 0.5))
    batch = everything(buffer)
    before = [listed(item) for item in everything(buffer)]
    for leaf in (*leaves_of(batch.data), *batch.meta.values()):
        leaf[...] = 0

    assert before == [listed(item) for item in everything(buffer)]
    assert [float(number) for number in range(9)] == [float(item.data["reward"]) for item in buffer]


def test_nested_observations_are_fetched_whole():
    buffer = DequeBuffer(9, storage=ColumnStorage(), seed=0).use(n_step(2, 0.5))
    for number in range(4):
        seen = {"image": np.full((2, 2), number, np.uint8), "rest": (np.float32(number), [number])}
        buffer.push({"reward": 1.0, "next_obs": seen})
    seen = everything(buffer).data["next_obs"]

    assert [1, 2, 3, 3] == seen["image"][:, 0, 0].tolist()
    assert [1, 2, 3, 3] == seen["rest"][0].tolist() == seen["rest"][1][0].tolist()


@pytest.mark.parametrize("shape", [(1,), (2, 3)])
@pytest.mark.parametrize("query", [{}, {"groupby": "env"}])
def test_rewards_of_many_parts_are_summed_part_by_part(shape, query):
    buffer = DequeBuffer(12, storage=ColumnStorage(), seed=0).use(n_step(2, 0.5))
    parts = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    for number in range(12):
        buffer.push({"reward": parts + number, "next_obs": 0}, meta={"env": number % 2})
    batch = buffer.sample(2, **query) if query else everything(buffer)
    lead = (2, 6) if query else (12,)
    steps = batch.meta["n_step"].reshape(*lead, *[1] * len(shape))

    assert (*lead, *shape) == batch.data["reward"].shape == batch.data["discount"].shape
    assert np.array_equal(np.broadcast_to(0.5**steps, batch.data["discount"].shape), batch.data["discount"])
    if not query:
        assert (parts + 0.5 * (parts + 2)).tolist() == batch.data["reward"][0].tolist()


def test_integer_rewards_become_floats():
    batch = everything(filled(4, n_step(2, 0.5), reward=1))

    assert np.float64 == batch.data["reward"].dtype


def test_tensors_stay_tensors():
    torch = pytest.importorskip("torch")
    buffer = filled(
        6,
        n_step(2, 0.5, stream=None),
        reward=torch.tensor([1.0]),
        next_obs=torch.ones(2),
        terminated=torch.tensor(False),
        truncated=torch.tensor([0.0]),
    )
    batch = everything(buffer)

    for name in ("reward", "next_obs", "discount", "terminated", "truncated"):
        assert isinstance(batch.data[name], torch.Tensor), name
    assert torch.float32 == batch.data["reward"].dtype == batch.data["discount"].dtype
    assert [[1.5]] * 5 + [[1.0]] == batch.data["reward"].tolist()
    assert [[0.25]] * 5 + [[0.5]] == batch.data["discount"].tolist()


def test_observations_of_any_length_and_any_kind_are_fetched():
    spec = {"reward": float, "next_obs": {"text": object, "ids": Ragged(np.int64)}}
    buffer = DequeBuffer(9, storage=ColumnStorage(spec), seed=0).use(n_step(2, 0.5))
    for number in range(3):
        buffer.push({"reward": 1.0, "next_obs": {"text": f"say {number}", "ids": np.arange(number)}})
    seen = everything(buffer).data["next_obs"]

    assert ["say 1", "say 2", "say 2"] == list(seen["text"])
    assert isinstance(seen["ids"], RaggedColumn)
    assert [1, 2, 2] == seen["ids"].lengths.tolist()


Named = namedtuple("Named", ["reward", "next_obs", "done"])


def test_named_tuples_stay_what_they_are():
    buffer = DequeBuffer(9, storage=ColumnStorage(), seed=0).use(n_step(2, 0.5))
    for number in range(3):
        buffer.push(Named(1.0, number, number == 2))
    batch = everything(buffer)

    assert Named is type(batch.data)
    assert [1.5, 1.5, 1.0] == batch.data.reward.tolist()
    assert [0.25, 0.0, 0.0] == batch.meta["discount"].tolist()
    assert [1, 2, 2] == batch.data.next_obs.tolist()


def test_fillers_are_blank():
    buffer = DequeBuffer(20, storage=ColumnStorage(), seed=0).use(
        n_step(3, 0.5), padding(policy="none"), group_sample(3)
    )
    for number in range(1, 6):
        buffer.push(transition(number), meta={"env": int(number == 1)})
    batch = buffer.sample(2, groupby="env")
    fillers = ~batch.mask

    assert 2 == fillers.sum()
    for name in ("reward", "next_obs", "discount", "terminated"):
        assert not batch.data[name][fillers].any()
    for name in ("discount", "n_step"):
        assert fillers.tolist() == batch.absent[name].tolist()
    assert batch.data["reward"][batch.mask].all()


def test_a_missing_field_is_named():
    for missing in ("reward", "next_obs"):
        buffer = filled(3, n_step(3, 0.5, **{missing: "missing"}))
        with pytest.raises(MissingPayloadField, match="'missing'"):
            buffer.sample(1)


def test_an_empty_batch_stays_empty():
    assert 0 == len(filled(0, n_step(3, 0.5)).sample(2, ignore_insufficient=True))


@pytest.mark.parametrize("outside", [True, False])
def test_priorities_weigh_what_has_several_steps(outside):
    layers = [PriorityExperienceReplay(), n_step(3, 0.5, stream=None)]
    buffer = filled(5, *(layers if outside else layers[::-1]))
    batch = buffer.sample(32)

    assert (32, 1) == batch.data["priority_IS"].shape
    assert np.minimum(3, 5 - batch.data["obs"][:, 0]).tolist() == batch.meta["n_step"].tolist()


def test_many_pushed_at_once_are_followed_like_one_by_one():
    single = filled(25, n_step(3, 0.5), size=10)
    many = DequeBuffer(10, storage=ColumnStorage(), seed=0).use(n_step(3, 0.5))
    rows = [transition(number) for number in range(25)]
    for start, stop in ((0, 4), (4, 25)):
        columns = {name: np.stack([row[name] for row in rows[start:stop]]) for name in rows[0]}
        many.extend(columns, meta={"env": np.arange(start, stop) % 3})

    assert [listed(item) for item in everything(single)] == [listed(item) for item in everything(many)]


def generic(buffer: DequeBuffer) -> DequeBuffer:
    """Hides the table from the layer, as a storage does whose slots are no rows of it."""
    buffer.store.storage.shared = True
    return buffer


@pytest.mark.parametrize("query", [{}, {"groupby": "env"}, {"groupby": "env", "unroll_len": 4}])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"reward": 2.0},
        {"reward": 3},
        {"reward": np.array([1.5], np.float32), "terminated": np.array([False])},
        {"next_obs": {"a": np.zeros(2), "b": 1}, "done": 0.0},
        {"discount": 5.0},
    ],
)
@pytest.mark.parametrize(
    "layer", [{}, {"next_obs": None}, {"terminated": None}, {"truncated": None, "done": None}]
)
def test_the_kernel_makes_what_is_made_without_it(query, changes, layer):
    fast, slow = (filled(50, n_step(4, 0.9, **layer), **changes) for _ in range(2))
    generic(slow)
    for buffer in (fast, slow):
        buffer.delete([buffer[place].index for place in (3, 17, 30)])
    for _ in range(3):
        batch, expected = fast.sample(2, **query), slow.sample(2, **query)
        batches = zip(*[one if isinstance(one, list) else [one] for one in (batch, expected)], strict=True)
        for one, other in batches:
            assert one.data.keys() == other.data.keys()
            for leaf, same in zip(leaves_of(one.data), leaves_of(other.data), strict=True):
                assert (leaf.dtype, leaf.shape) == (same.dtype, same.shape)
                assert leaf == pytest.approx(same)
            assert one.meta.keys() == other.meta.keys()
            for key, column in one.meta.items():
                assert column == pytest.approx(other.meta[key])


def test_a_storage_that_begins_anew_is_read_anew():
    buffer = filled(9, n_step(2, 0.5, stream=None))
    buffer.sample(2)
    buffer.clear()
    for reward in (1.0, 2.0):
        buffer.push({"more": 0, "reward": reward, "next_obs": 1}, meta={"env": 0})
    batch = everything(buffer)

    assert [2.0, 2.0] == batch.data["reward"].tolist()
    assert np.float64 == batch.data["reward"].dtype


def test_a_copy_reads_its_own_memory():
    buffer = filled(6, n_step(2, 0.5, stream=None))
    before = [listed(item) for item in everything(buffer)]
    twin = copy.deepcopy(buffer)
    for item in twin:
        twin.update(item.index, data={**item.data, "reward": np.float32(-1)}, meta=item.meta)

    assert {-1.5, -1.0} == set(everything(twin).data["reward"].tolist())
    assert before == [listed(item) for item in everything(buffer)]


def test_a_key_of_the_meta_with_the_name_of_a_result_gives_way():
    buffer = filled(4, n_step(2, 0.5, stream=None))
    buffer.push(transition(4), meta={"env": 0, "n_step": "old", "discount": None})
    batch = everything(buffer)

    assert [2, 2, 2, 2, 1] == batch.meta["n_step"].tolist()
    assert {} == batch.absent
