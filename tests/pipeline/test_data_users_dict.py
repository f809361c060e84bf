from __future__ import annotations

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.data_users_dict import DataUsersDict
from ding_buffer.pipeline.pipeline_errors import CollectorInUse
from ding_buffer.pipeline.sequential_buffer import SequentialBuffer
from tests.pipeline.plain_buffers import Values


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


def test_all_users_go_or_none():
    users = made()
    users.data_collectors_dict.acquire("other")
    with pytest.raises(CollectorInUse):
        users.clear()
    assert {"a/b", "other"} == set(users) == set(users.data_collectors_dict)
    users.data_collectors_dict.release("other")
    users.clear()

    assert 0 == len(users) == len(users.data_collectors_dict)


@pytest.mark.parametrize(
    ("name", "user"), [("a", SequentialBuffer(5)), (5, DataUser(SequentialBuffer(5))), ("a", None)]
)
def test_what_is_no_user_with_a_name_is_refused(name, user):
    users = made()
    with pytest.raises(BadArgument, match="a DataUser by its name"):
        users[name] = user

    assert {"a/b", "other"} == set(users) == set(users.data_collectors_dict)


def test_a_subclass_makes_its_own_kind():
    class Own(DataUsersDict):
        """Is one."""

    assert type(Own.from_data_buffers(a=DequeBuffer(5))) is Own


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


def test_a_state_that_does_not_fit_stops_the_loading_there(tmp_path):
    users, others = made(), made()
    for name, item in (("a/b", {"x": 1}), ("other", 1)):
        users[name].collector.collect(item)
    users.save_state(tmp_path / "state")
    (tmp_path / "state" / "other" / "buffer.snapshot").write_bytes(b"nothing")

    with pytest.raises(CorruptSnapshot):
        others.load_state(tmp_path / "state")
    assert {"x": [1]} == others["a/b"].get_data()
    assert [] == others["other"].get_data()


def test_an_item_that_a_buffer_refuses_does_not_keep_others_from_being_saved(tmp_path):
    users = DataUsersDict.from_data_buffers(even=Values(), all=SequentialBuffer(5))
    for user in users.values():
        for number in (1, 2):
            user.collector.collect(number)
    users.save_state(tmp_path / "state")

    assert {"even", "all"} == {path.name for path in (tmp_path / "state").iterdir()}
    assert [2] == users["even"].get_data()
    assert 1 == users["even"].stats()["rejected"]


def test_loading_leaves_to_everybody_the_collector_he_has(tmp_path):
    users = made()
    users.save_state(tmp_path / "state")
    mine = users.data_collectors_dict.acquire("other")
    users.load_state(tmp_path / "state")

    assert {"other"} == users.data_collectors_dict.acquired()
    mine.collect(1)
    assert [1] == users["other"].get_data()
