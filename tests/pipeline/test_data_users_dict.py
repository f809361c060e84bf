from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.data_users_dict import DataUsersDict
from ding_buffer.pipeline.pipeline_errors import CollectorInUse
from ding_buffer.pipeline.replacement_buffer import RandomReplacementBuffer
from ding_buffer.pipeline.sequential_buffer import SequentialBuffer
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.memmap_storage import MemmapStorage
from ding_buffer.structures.clock import ManualClock
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


class Own(Values):
    """Saves and loads in its own way."""

    def save_state(self, path):
        path.write_text(" ".join(map(str, self.held)))

    def load_state(self, path):
        self.held[:] = map(int, path.read_text().split())


class Counting(SequentialBuffer):
    """Saves something more."""

    seen = 0

    def add(self, step_data):
        super().add(step_data)
        self.seen += 1

    def save_state(self, path):
        super().save_state(path)
        path.with_name("seen").write_text(str(self.seen))

    def load_state(self, path):
        super().load_state(path)
        self.seen = int(path.with_name("seen").read_text())


def several(folder, begin: int) -> DataUsersDict:
    """Returns users with three items each, of three moments, and a fourth pending."""
    clock = ManualClock(float(begin))
    buffers: dict[str, Any] = {
        "fields": SequentialBuffer(["x"], 9),
        "random": RandomReplacementBuffer(2, 0.5, seed=begin),
        "own": Own(),
        "counting": Counting(9),
        "layers": DequeBuffer(9, seed=begin).use(PriorityExperienceReplay()),
        "columns": DequeBuffer(9, storage=ColumnStorage()),
        "disk": DequeBuffer(9, storage=MemmapStorage(folder / f"rows {begin}")),
        "last": SequentialBuffer(9),
    }
    users = DataUsersDict({name: DataUser(buffer, False, clock=clock) for name, buffer in buffers.items()})
    for number in range(begin, begin + 8, 2):
        for user in users.values():
            user.update()
        clock.advance(1)
        for name, user in users.items():
            user.collector.collect({"x": number} if name in ("fields", "columns", "disk") else number)
    return users


def content(users: DataUsersDict) -> list:
    """Returns what there is to see of users, after what is pending has followed too."""
    seen = []
    for _ in range(2):
        for user in users.values():
            counts = [user.count_data_added_since(float(time)) for time in range(20)]
            layers = getattr(user.buffer, "buffer", None)
            more = layers.stats() if layers else getattr(user.buffer, "seen", None)
            seen.append((repr(user.get_data()), user.stats(), counts, more))
            user.update()
    return seen


def broken_snapshot(place):
    (place / "buffer.snapshot").write_bytes(b"nothing")
    return CorruptSnapshot


def broken_times(place):
    (place / "timestamps.snapshot").unlink()
    return FileNotFoundError


@pytest.mark.parametrize("damage", [broken_snapshot, broken_times])
def test_no_user_changes_where_the_state_of_the_last_does_not_fit(tmp_path, damage):
    several(tmp_path, 10).save_state(tmp_path / "state")
    users, untouched = several(tmp_path, 0), several(tmp_path, 0)
    whole = several(tmp_path, 0)
    whole.load_state(tmp_path / "state")
    error = damage(tmp_path / "state" / "last")
    with pytest.raises(error):
        users.load_state(tmp_path / "state")

    drawn = [one["random"].sample(9, replace=True) for one in (untouched, users)]
    assert drawn[0] == drawn[1]
    assert content(untouched) == content(users)
    assert {"x": [10, 12, 14, 16]} == whole["fields"].get_data()
    assert [10, 12, 14, 16] == whole["own"].get_data() == whole["last"].get_data()


def test_no_user_changes_where_ctrl_c_breaks_the_loading_off(tmp_path):
    class Interrupted(Own):
        def load_state(self, path):
            raise KeyboardInterrupt

    kept = SequentialBuffer(9)
    users = DataUsersDict.from_data_buffers(kept=kept, other=Interrupted())
    users["kept"].collector.collect(1)
    users.save_state(tmp_path / "state")
    users["kept"].collector.collect(2)
    with pytest.raises(KeyboardInterrupt):
        users.load_state(tmp_path / "state")

    assert ([1], 1) == (kept.get_data(), users["kept"].stats()["pending"])


def test_users_of_one_store_change_together_or_not_at_all(tmp_path):
    store = DequeBuffer(9)
    users = DataUsersDict.from_data_buffers(a=store, b=store.view(), c=SequentialBuffer(9))
    store.push(1)
    users.save_state(tmp_path / "state")
    store.push(2)
    (tmp_path / "state" / "c" / "buffer.snapshot").write_bytes(b"nothing")
    with pytest.raises(CorruptSnapshot):
        users.load_state(tmp_path / "state")

    assert [1, 2] == [item.data for item in store]


def test_an_item_that_a_buffer_refuses_does_not_keep_others_from_being_saved(tmp_path):
    users = DataUsersDict.from_data_buffers(even=Values(), all=SequentialBuffer(5))
    for user in users.values():
        for number in (1, 2):
            user.collector.collect(number)
    users.save_state(tmp_path / "state")

    assert {"even", "all"} == {path.name for path in (tmp_path / "state").iterdir()}
    assert [2] == users["even"].get_data()
    assert 1 == users["even"].stats()["rejected"]


def test_a_save_that_one_user_breaks_leaves_nothing_of_the_others(tmp_path):
    users = made()
    users["other"].collector.collect(object())
    with pytest.raises(BadArgument, match="cannot be written"):
        users.save_state(tmp_path / "state")

    assert [] == list(tmp_path.iterdir())


def test_loading_leaves_to_everybody_the_collector_he_has(tmp_path):
    users = made()
    users.save_state(tmp_path / "state")
    mine = users.data_collectors_dict.acquire("other")
    users.load_state(tmp_path / "state")

    assert {"other"} == users.data_collectors_dict.acquired()
    mine.collect(1)
    assert [1] == users["other"].get_data()
