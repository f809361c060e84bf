from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence

import numpy as np
import pytest

from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.errors import BadArgument
from ding_buffer.core.item import BufferedData
from tests.core.column_batches import Pair, Step, made, numbers_of, text_of

LACKS = np.array([False, True, False, False, True, False])


def test_it_is_a_sequence_of_items():
    batch = made()

    assert isinstance(batch, Sequence)
    assert 6 == len(batch)
    for number, item in enumerate(batch):
        assert text_of(number) == item.index == batch[number].index == batch[number - 6].index
        assert [float(number)] * 3 == item.data["obs"].tolist()
        assert (number, f"item {number}") == (item.data["n"], item.data["name"])
        assert [number] * (number % 3) == item.data["tokens"].tolist()
        assert {"env": number % 2, "score": number / 2, "note": "x"} == item.meta


def test_numbers_of_items_are_python_numbers_where_python_has_them():
    item = made(2, {"a": np.array([1.5, 2.5]), "b": np.zeros(2, np.float32), "c": np.array([True, False])})[1]

    assert (float, np.float32, bool) == tuple(type(item.data[key]) for key in "abc")
    assert (int, float, str) == tuple(type(item.meta[key]) for key in ("env", "score", "note"))


@pytest.mark.parametrize("place", [6, -7])
def test_a_place_beyond_the_last_is_an_index_error(place):
    with pytest.raises(IndexError):
        made()[place]


def test_a_key_that_an_item_lacks_is_not_in_its_meta():
    batch = made(absent={"score": LACKS})

    assert (~LACKS).tolist() == ["score" in item.meta for item in batch]
    assert [True, False] == ["score" in item.meta for item in batch[np.array([3, 1])]]


@pytest.mark.parametrize(
    "place",
    [slice(1, 4), slice(None, None, 2), slice(None, None, -1), slice(4, 1, -2), slice(3, 3), slice(-2, None)],
    ids=str,
)
def test_a_slice_is_a_batch_of_these_items(place):
    part = made(absent={"score": LACKS})[place]

    assert isinstance(part, BufferedBatch)
    assert list(range(6))[place] == numbers_of(part) == (part.slots - 10).tolist() == part.data["n"].tolist()
    assert [text_of(number) for number in range(6)[place]] == part.index
    assert LACKS[place].tolist() == part.absent["score"].tolist()


def test_an_array_of_places_or_bools_picks_items():
    assert [4, 4, 5, 0] == numbers_of(made()[np.array([4, 4, -1, 0])])
    assert [1, 4] == numbers_of(made()[LACKS])


def test_a_slice_shares_memory_and_an_array_of_places_does_not():
    batch = made()

    assert np.shares_memory(batch.data["obs"], batch[1:3].data["obs"])
    assert not np.shares_memory(batch.data["obs"], batch[np.array([1, 2])].data["obs"])


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        ((np.arange(3), [np.arange(3) * 2]), (2, [4])),
        (Pair(np.arange(3), {"x": np.arange(3) * 2}), Pair(2, {"x": 4})),
        (Step(np.arange(3), np.arange(3) * 2), Step(2, 4)),
        (np.arange(3), 2),
    ],
)
def test_payloads_keep_their_containers(data, payload):
    assert payload == made(3, data)[2].data
    assert type(payload) is type(made(3, data)[np.array([0, 2])][1].data)


def test_lists_and_batches_are_added_to_lists():
    batch, other = made(2), [BufferedData("x", "y", {})]

    for both, numbers in ((batch + other, [0, 1, "x"]), (other + batch, ["x", 0, 1])):
        assert list is type(both)
        assert numbers == [item.data if item.data == "x" else item.data["n"] for item in both]
    assert [0, 1, 0, 1] == [item.data["n"] for item in batch + made(2)]
    with pytest.raises(TypeError):
        batch + 1


# Groups.


def test_groups_of_one_length_are_blocks():
    groups = made().grouped([3, 3])

    assert (2, [3, 3]) == (len(groups), groups.lengths.tolist())
    assert ((2, 3, 3), (2, 3), (2, 3), (2, 3)) == (
        groups.data["obs"].shape,
        groups.data["n"].shape,
        groups.slots.shape,
        groups.meta["env"].shape,
    )
    assert [text_of(number) for number in range(6)] == groups.index
    assert [[0, 1, 2], [3, 4, 5]] == [numbers_of(group) for group in groups]


def test_groups_of_several_lengths_lie_behind_each_other():
    groups = made().grouped([1, 0, 3, 2])

    assert 4 == len(groups)
    assert (6,) == groups.slots.shape
    assert [[0], [], [1, 2, 3], [4, 5]] == [numbers_of(group) for group in groups]
    assert [4, 5] == numbers_of(groups[-1])


@pytest.mark.parametrize("lengths", [[3, 3], [1, 0, 3, 2], [6], [2, 2, 2]])
def test_opened_groups_are_the_flat_batch_again(lengths):
    opened = made(absent={"score": LACKS}).grouped(lengths).opened()

    assert opened.lengths is None
    assert list(range(6)) == numbers_of(opened) == (opened.slots - 10).tolist()
    assert (6, 3) == opened.data["obs"].shape
    assert LACKS.tolist() == opened.absent["score"].tolist()
    assert opened is opened.opened()


def test_groups_share_memory_with_the_flat_batch():
    batch = made()
    groups = batch.grouped([2, 2, 2])
    groups.data["obs"][0, 1, 2] = 99

    assert 99 == batch.data["obs"][1, 2] == groups.opened().data["obs"][1, 2]


def test_some_groups_are_picked_by_a_slice_or_places():
    groups = made().grouped([1, 3, 2])

    assert [[4, 5], [0]] == [numbers_of(group) for group in groups[np.array([2, 0])]]
    assert [[1, 2, 3], [4, 5]] == [numbers_of(group) for group in groups[1:]]
    assert [[4, 5], [1, 2, 3], [0]] == [numbers_of(group) for group in groups[::-1]]
    assert (2, 3) == made().grouped([3, 3])[::-1].slots.shape
    assert [[3, 4, 5], [0, 1, 2]] == made().grouped([3, 3])[::-1].data["n"].tolist()


def test_fields_without_numbers_can_be_opened():
    groups = made(4, {"n": np.arange(4), "nothing": np.zeros((4, 0))}).grouped([2, 2])

    assert (2, 2, 0) == groups.data["nothing"].shape
    assert (4, 0) == groups.opened().data["nothing"].shape


def test_groups_of_no_items_are_groups():
    groups = made(0).grouped([0, 0])

    assert [[], []] == [list(group) for group in groups]
    assert [] == list(groups.opened())


# Fillers.


def test_fillers_are_blank_and_items_of_nothing():
    columns = {
        "n": np.arange(4),
        "text": np.array(["a", "b", "c", "d"]),
        "day": np.array(["2020-01-01"] * 4, dtype="M8[D]"),
        "name": np.array(list("abcd"), dtype=object),
        "tokens": made(4).data["tokens"],
    }
    batch = made(4, columns).pick(np.array([3, 1, 2, 2]), mask=np.array([True, False, True, False]))

    assert [True, False, True, False] == batch.mask.tolist()
    assert [3, 0, 2, 0] == batch.data["n"].tolist()
    assert ["d", "", "c", ""] == batch.data["text"].tolist()
    assert ["d", None, "c", None] == batch.data["name"].tolist()
    assert np.datetime64(0, "D") == batch.data["day"][1]
    assert [[], [], [2, 2], []] == [row.tolist() for row in batch.data["tokens"]]
    assert [13, -1, 12, -1] == batch.slots.tolist()
    assert [text_of(3), None, text_of(2), None] == batch.index
    assert isinstance(batch[1], BufferedData)
    assert None is batch[1].data
    assert [None, None] == [getattr(batch[1], name) for name in ("index", "meta")]
    assert [3, None, 2, None] == numbers_of(batch)


def test_picking_with_fillers_leaves_the_batch_alone():
    batch = made()
    batch.pick(np.arange(6), mask=LACKS)

    assert list(range(6)) == numbers_of(batch)
    assert batch.mask is None
    assert [0, 1, 2, 0, 1, 2] == batch.data["tokens"].lengths.tolist()


def test_fillers_stay_fillers_in_groups_parts_and_opened():
    groups = made().pick(np.array([0, 1, 2, 5]), [2, 2], np.array([True, True, True, False]))

    assert [[0, 1], [2, None]] == [numbers_of(group) for group in groups]
    assert [[True, True], [True, False]] == groups.mask.tolist()
    assert [2, None] == numbers_of(groups[1])
    assert [[2, None], [0, 1]] == [numbers_of(group) for group in groups[::-1]]
    assert [None] == numbers_of(groups.opened()[-1:])
    assert [0, None] == numbers_of(groups.opened().pick(np.array([0, 3])))
    assert [0, 1, 2] == numbers_of(groups.without_fillers())
    twice = groups.opened().pick(np.arange(4), mask=np.array([False, True, True, True]))
    assert [None, 1, 2, None] == numbers_of(twice)


def test_without_fillers_a_batch_is_itself():
    batch = made()

    assert batch is batch.without_fillers()


def test_a_mask_that_hides_nothing_is_none():
    assert made().pick(np.arange(3), mask=np.ones(3, bool)).mask is None


# Changes and copies.


def test_a_changed_batch_has_other_columns_and_leaves_the_first():
    batch = made(absent={"score": LACKS, "note": LACKS}).grouped([3, 3])
    changed = batch.changed(data={"n": -batch.data["n"]}, meta={"score": np.ones((2, 3)), "new": batch.slots})

    assert [[0, -1, -2], [-3, -4, -5]] == changed.data["n"].tolist()
    assert ["env", "score", "note", "new"] == list(changed.meta)
    assert [{"note"}, {"score", "note"}] == [set(changed.absent), set(batch.absent)]
    assert [[0, -1, -2], [-3, -4, -5]] == [numbers_of(group) for group in changed]
    assert "new" not in batch.meta
    assert "obs" in batch.data


def test_mapped_columns_keep_who_lacks_them():
    mapped = made(absent={"score": LACKS}).mapped(lambda column: column)

    assert (~LACKS).tolist() == ["score" in item.meta for item in mapped]


@pytest.mark.parametrize("make", [copy.deepcopy, lambda batch: pickle.loads(pickle.dumps(batch))])
def test_a_deep_copy_is_alike_and_shares_nothing(make):
    batch = made(absent={"score": LACKS}).grouped([2, 4])
    twin = make(batch)
    batch.data["n"][:] = -1
    batch.meta["env"][:] = -1

    assert [[0, 1], [2, 3, 4, 5]] == [numbers_of(group) for group in twin]
    assert list(batch.index) == list(twin.index)
    assert [0, 1, 0, 1, 0, 1] == twin.meta["env"].tolist()
    assert LACKS.tolist() == twin.absent["score"].tolist()


def test_an_empty_batch_of_nothing_known_is_empty_in_every_way():
    batch = BufferedBatch(None, np.empty(0, np.int64), made(0).index, {})

    assert not batch
    assert [] == list(batch) == list(batch[:]) == list(batch[::-1])
    assert 0 == batch.nbytes


def test_it_says_what_it_holds_and_how_many_bytes_that_takes():
    batch = made(4, {"obs": np.zeros((4, 2), np.float32), "name": np.array(list("abcd"), dtype=object)})

    assert "BufferedBatch(4 items, meta=['env', 'score', 'note'])" == repr(batch)
    assert "BufferedBatch(4 items in 2 groups, meta=['env', 'score', 'note'])" == repr(batch.grouped([1, 3]))
    assert 4 * 2 * 4 + 4 * 8 == batch.nbytes


# Other libraries.


def test_arrays_become_tensors_that_share_their_memory():
    torch = pytest.importorskip("torch")
    batch = made(absent={"score": LACKS})
    converted = batch.to_torch()
    converted.data["obs"][0, 0] = 7
    converted.meta["score"][1] = 8

    assert (torch.float32, torch.int64) == (converted.data["obs"].dtype, converted.data["n"].dtype)
    assert 7 == batch.data["obs"][0, 0]
    assert 8 == batch.meta["score"][1]
    assert isinstance(converted.meta["env"], torch.Tensor)
    assert converted.data["name"] is batch.data["name"]
    assert converted.data["tokens"] is batch.data["tokens"]
    assert converted.meta["note"] is batch.meta["note"]
    assert (~LACKS).tolist() == ["score" in item.meta for item in converted]
    assert isinstance(batch.data["obs"], np.ndarray)


def test_tensors_of_groups_keep_their_shape_and_their_items():
    pytest.importorskip("torch")
    groups = made().grouped([3, 3]).to_torch()

    assert (2, 3, 3) == tuple(groups.data["obs"].shape)
    assert [[0, 1, 2], [3, 4, 5]] == [[int(n) for n in numbers_of(group)] for group in groups]
    assert [[3, 4, 5], [0, 1, 2]] == [[int(n) for n in numbers_of(group)] for group in groups[::-1]]


def test_a_device_gets_a_copy():
    torch = pytest.importorskip("torch")
    converted = made().to_torch(device="meta")

    assert "meta" == converted.data["obs"].device.type == converted.meta["env"].device.type
    assert torch.device("cpu") == made().to_torch(device="cpu").data["obs"].device


def test_a_batch_turned_round_becomes_tensors_too():
    pytest.importorskip("torch")
    batch = made()[::-1].to_torch()

    assert [5, 4, 3, 2, 1, 0] == batch.data["n"].tolist() == batch[::-1][::-1].data["n"].tolist()


def test_tensors_are_blanked_where_fillers_stand():
    torch = pytest.importorskip("torch")
    batch = made(3, {"n": torch.arange(3)}).pick(np.array([2, 1]), mask=np.array([True, False]))

    assert [2, 0] == batch.data["n"].tolist()


def test_each_column_goes_to_other_libraries_without_a_copy():
    batch = made()

    assert np.shares_memory(np.from_dlpack(batch.data["obs"]), batch.data["obs"])
    assert np.shares_memory(np.from_dlpack(batch.meta["score"]), batch.meta["score"])


def test_a_tree_is_made_of_the_whole_batch():
    torch = pytest.importorskip("torch")
    trees = pytest.importorskip("treetensor.torch")
    batch = made(2, {"obs": np.zeros((2, 3)), "inner": {"x": np.arange(2)}})
    tree = batch.to_treetensor()
    tree.obs[0, 0] = 5

    assert isinstance(tree, trees.Tensor)
    assert torch.equal(torch.arange(2), tree.inner.x)
    assert 5 == batch.data["obs"][0, 0]


def test_a_tree_needs_named_fields():
    with pytest.raises(BadArgument, match=r"A tree needs named fields; this batch holds a tuple\."):
        made(2, (np.arange(2),)).to_treetensor()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"a": np.arange(2), "text": np.array(["x", None], dtype=object)}, "text"),
        ({"a": {"day": np.zeros(2, "M8[D]"), "pair": (np.arange(2), np.arange(2))}}, r"a\.day, a\.pair"),
        ({"a": np.arange(2), 3: np.arange(2)}, "data"),
        ({"a": {3: np.arange(2)}}, "a"),
    ],
)
def test_what_is_no_tensor_by_a_name_is_named_where_a_tree_is_wanted(data, named):
    pytest.importorskip("torch")
    with pytest.raises(BadArgument, match=f"these parts of the batch are none: {named}\\."):
        made(2, data).to_treetensor()


def test_columns_that_torch_has_no_dtype_for_stay_arrays():
    pytest.importorskip("torch")
    wide, days = np.arange(2).astype(np.longdouble), np.zeros(2, "M8[D]")
    tensors = made(2, {"wide": wide, "days": days}).to_torch().data

    assert days is tensors["days"]
    assert wide is tensors["wide"]
