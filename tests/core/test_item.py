from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from ding_buffer.core.item import BufferedData


def test_it_is_made_of_data_index_and_meta_in_this_order():
    item = BufferedData([1], "abc", {"env": 2})

    assert ([1], "abc", {"env": 2}) == (item.data, item.index, item.meta)
    assert item == BufferedData(data=None, index="abc", meta={})


def test_it_can_be_changed_and_takes_no_other_attribute():
    item = BufferedData(1, "abc", {})
    item.data, item.meta = 2, {"a": 1}

    assert (2, {"a": 1}) == (item.data, item.meta)
    with pytest.raises(AttributeError):
        item.other = 1  # type: ignore[attr-defined]


def test_items_are_compared_by_index_whatever_their_payloads():
    one = BufferedData(np.zeros(3), "abc", {})

    assert one == BufferedData(np.ones(3), "abc", {})
    assert one != BufferedData(one.data, "abd", {})
    assert one != "abc"
    assert 1 == len({one, BufferedData(None, "abc", {})})


def test_it_shows_all_it_holds():
    assert "BufferedData(data=1, index='abc', meta={'a': 2})" == repr(BufferedData(1, "abc", {"a": 2}))


def test_it_survives_copying_and_pickling():
    item = BufferedData([1], "abc", {"a": [2]})
    for twin in (copy.copy(item), copy.deepcopy(item), pickle.loads(pickle.dumps(item))):
        assert (item.data, item.index, item.meta) == (twin.data, twin.index, twin.meta)
    assert copy.deepcopy(item).data is not item.data
