from __future__ import annotations

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.data_users_dict import DataUsersDict
from ding_buffer.pipeline.pipeline_errors import CollectorInUse
from ding_buffer.pipeline.sequential_buffer import SequentialBuffer


def made() -> DataUsersDict:
    return DataUsersDict.from_data_buffers({"a/b": SequentialBuffer(["x"], 5)}, other=DequeBuffer(5))


def test_it_makes_a_user_of_each_buffer_and_knows_their_collectors():
    users = made()
    collectors = users.data_collectors_dict

    assert {"a/b", "other"} == set(users) == set(collectors)
    collectors.acquire("a/b").collect({"x": 1})
    users["a/b"].update()
    assert {"x": [1]} == users["a/b"].get_data()
    assert collectors is users.data_collectors_dict
    assert 0 == len(DataUsersDict.from_data_buffers())


def test_a_user_that_is_removed_takes_its_collector_along():
    users = made()
    del users["other"]
    users.pop("a/b")

    assert 0 == len(users) == len(users.data_collectors_dict)
    with pytest.raises(KeyError):
        del users["other"]


def test_nobody_collects_for_a_user_that_is_gone():
    users = made()
    users.data_collectors_dict.acquire("other")
    with pytest.raises(CollectorInUse):
        users["other"] = DataUser(SequentialBuffer(5))
    with pytest.raises(CollectorInUse):
        del users["other"]
    assert users["other"].collector is users.data_collectors_dict._found("other")
    users.data_collectors_dict.release("other")
    users["other"] = new = DataUser(SequentialBuffer(5))
    assert new.collector is users.data_collectors_dict.acquire("other")


def test_all_states_go_into_one_directory_whatever_the_names(tmp_path):
    users, others = made(), made()
    for number in range(3):
        users["a/b"].collector.collect({"x": number})
        users["other"].collector.collect(number)
    users.save_state(tmp_path / "state")
    others.load_state(tmp_path / "state")

    assert {"x": [0, 1, 2]} == others["a/b"].get_data()
    assert [0, 1, 2] == others["other"].get_data()
    assert ["state"] == [path.name for path in tmp_path.iterdir()]
    assert ["a%2Fb", "other"] == sorted(path.name for path in (tmp_path / "state").iterdir())
    with pytest.raises(FileExistsError):
        users.save_state(tmp_path / "state")


def test_nothing_is_loaded_where_one_is_missing(tmp_path):
    users = made()
    users["other"].collector.collect(1)
    users.save_state(tmp_path / "state")
    more = made()
    more["third"] = DataUser(SequentialBuffer(5))

    with pytest.raises(FileNotFoundError, match="'third'"):
        more.load_state(tmp_path / "state")
    assert [] == more["other"].get_data()


def test_loading_leaves_to_everybody_the_collector_he_has(tmp_path):
    users = made()
    users.save_state(tmp_path / "state")
    mine = users.data_collectors_dict.acquire("other")
    users.load_state(tmp_path / "state")

    assert {"other"} == users.data_collectors_dict.acquired()
    mine.collect(1)
    assert [1] == users["other"].get_data()
