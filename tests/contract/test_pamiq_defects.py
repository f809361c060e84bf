"""The defects of PAMIQ-Core's data module, each by its number in the contract, and that ours lacks them."""

from __future__ import annotations

import pickle
import random
import threading

import pytest

from ding_buffer.buffers import snapshot
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.data_users_dict import DataUsersDict
from ding_buffer.pipeline.dict_replacement_buffer import DictRandomReplacementBuffer
from ding_buffer.pipeline.dict_sequential_buffer import DictSequentialBuffer
from ding_buffer.pipeline.replacement_buffer import RandomReplacementBuffer
from ding_buffer.pipeline.sequential_buffer import SequentialBuffer
from ding_buffer.pipeline.timestamping_queues_dict import TimestampingQueuesDict
from tests.pipeline.plain_buffers import Values
from tests.pipeline.written_pickles import Command, write_fields, write_user

FIELDS = ["state", "action"]
ALL = [SequentialBuffer, RandomReplacementBuffer, DictSequentialBuffer, DictRandomReplacementBuffer]


def step(number: int) -> dict:
    return {"state": f"s{number}", "action": f"a{number}"}


def in_step(data) -> bool:
    return [state[1:] for state in data["state"]] == [action[1:] for action in data["action"]]


def filled(kind, count: int, size: int = 100, **settings):
    buffer = kind(FIELDS, size, **settings)
    for number in range(count):
        buffer.add(step(number))
    return buffer


def together(*works) -> list[BaseException]:
    """Runs each in a thread of its own, the first until it is done, and returns what they raised."""
    stop, failures = threading.Event(), []

    def run(work, once):
        try:
            while not stop.is_set():
                work()
                if once:
                    stop.set()
        except BaseException as error:
            failures.append(error)
            stop.set()
            raise

    threads = [threading.Thread(target=run, args=(work, not place)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_p1_an_item_without_a_field_puts_no_column_out_of_step() -> None:
    queues, buffer = TimestampingQueuesDict(FIELDS, 9), SequentialBuffer(FIELDS, 9)
    user: DataUser = DataUser(SequentialBuffer(FIELDS, 9))
    for put in (queues.append, buffer.add, user.collector.collect):
        put(step(0))
        for broken in ({"state": "s1"}, {"action": "a1"}):
            with pytest.raises(KeyError):
                put(broken)
        put(step(2))
    user.update()

    assert [step(0), step(2)] == [queues.popleft()[0], queues.popleft()[0]]
    assert {"state": ["s0", "s2"], "action": ["a0", "a2"]} == buffer.get_data() == user.get_data()


def test_p2_the_length_is_loaded_with_the_data(tmp_path) -> None:
    write_fields(tmp_path / "theirs", {"state": [1, 2, 3], "action": [4, 5, 6]})
    filled(SequentialBuffer, 3).save_state(tmp_path / "ours")
    for name in ("theirs", "ours"):
        buffer = SequentialBuffer(FIELDS, 9)
        buffer.load_state(tmp_path / name)
        assert 3 == len(buffer) == len(buffer.get_data()["state"])


@pytest.mark.parametrize("kind", ALL)
def test_p3_nobody_reads_half_of_what_is_added(kind) -> None:
    buffer = filled(kind, 200, 150)
    numbers = iter(range(200, 10**9))

    def read():
        for _ in range(100):
            assert in_step(buffer.get_data())

    assert [] == together(read, lambda: buffer.add(step(next(numbers))))


def test_p4_updates_at_once_keep_the_order_and_counting_meanwhile_is_safe() -> None:
    user: DataUser = DataUser(SequentialBuffer(FIELDS, 10**6))

    def collect():
        for number in range(5000):
            user.collector.collect(step(number))

    failures = together(collect, user.update, user.update, lambda: user.count_data_added_since(0.0))
    user.update()

    assert [] == failures
    assert [f"s{number}" for number in range(5000)] == user.get_data()["state"]


def test_p4_an_update_waits_for_the_one_before_it() -> None:
    begun, may_go_on = threading.Event(), threading.Event()

    class Waiting(SequentialBuffer):
        def add(self, step_data):
            if step_data == 0:
                begun.set()
                assert may_go_on.wait(60)
            super().add(step_data)

    user: DataUser = DataUser(Waiting(9), False)
    user.collector.collect(0)
    first, second = threading.Thread(target=user.update), threading.Thread(target=user.update)
    first.start()
    assert begun.wait(60)
    user.collector.collect(1)
    second.start()
    second.join(0.05)
    may_go_on.set()
    first.join()
    second.join()

    assert [0, 1] == user.get_data()


def test_p5_a_bad_item_is_told_to_the_collector_and_takes_nobody_along() -> None:
    user: DataUser = DataUser(DictSequentialBuffer(FIELDS, 9))
    for number in range(5):
        if number == 2:
            with pytest.raises(ValueError, match="do not match"):
                user.collector.collect({"state": 2})
        else:
            user.collector.collect(step(number))
    user.update()
    own = Values()
    refusing: DataUser = DataUser(own)  # whose add() refuses what nobody could know beforehand
    for number in (0, 1, 2, 4):
        refusing.collector.collect(number)
    with pytest.raises(ValueError, match="1 is odd"):
        refusing.get_data()

    assert ["s0", "s1", "s3", "s4"] == user.get_data()["state"]
    assert ([0, 2, 4], 1) == (own.held, refusing.stats()["rejected"])


@pytest.mark.parametrize("first", [FIELDS, None])
def test_p6_edges_of_random_replacement_neither_divide_by_zero_nor_ask_for_all_memory(first) -> None:
    def made(size, *more):
        arguments = (size, *more) if first is None else (first, size, *more)
        return RandomReplacementBuffer(*arguments)

    never, none = made(2, 0.0), made(0)
    for number in range(9):
        never.add(step(number))
        none.add(step(number))

    assert (2, 0) == (len(never), len(none))
    for wrong in (0, -1, -0.5):
        with pytest.raises(ValueError, match="expected_survival_length must be positive"):
            made(5, None, wrong)
    assert 0 == len(made(0, None, 10))
    assert made(1000, None, 1e6).max_queue_size <= 16_000


@pytest.mark.parametrize("kind", [DictSequentialBuffer, DictRandomReplacementBuffer])
def test_p7_a_subclass_says_how_it_is_saved(kind, tmp_path) -> None:
    calls = []

    class Own(kind):  # type: ignore[misc]
        def save_state(self, path):
            calls.append("save")
            super().save_state(path)

        def load_state(self, path):
            calls.append("load")
            super().load_state(path)

    user: DataUser = DataUser(Own(FIELDS, 4))
    user.save_state(tmp_path / "state")
    user.load_state(tmp_path / "state")

    assert ["save", "load"] == calls
    assert not {"save_state", "load_state"} & set(vars(user.buffer))


def test_p8_neither_dots_nor_slashes_lead_astray(tmp_path) -> None:
    for version in ("v1.0", "v1.5"):
        buffer: SequentialBuffer = SequentialBuffer(3)
        buffer.add(version)
        buffer.save_state(tmp_path / version)
    names = ["a/b", "../x", ".."]
    fields: SequentialBuffer = SequentialBuffer(names, 3)
    fields.add({name: name for name in names})
    fields.save_state(tmp_path / "fields")
    for version in ("v1.0", "v1.5"):
        buffer.load_state(tmp_path / version)
        assert [version] == buffer.get_data()
    fields.load_state(tmp_path / "fields")

    assert {name: [name] for name in names} == fields.get_data()
    assert {"v1.0.snapshot", "v1.5.snapshot", "fields"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("kind", [DictSequentialBuffer, DictRandomReplacementBuffer])
def test_p9_other_keys_are_refused_when_they_are_loaded_and_a_text_is_no_list_of_keys(kind, tmp_path) -> None:
    (tmp_path / "theirs.pkl").write_bytes(pickle.dumps([step(0), {"state": 1}]))
    filled(kind, 2).save_state(tmp_path / "ours")
    for keys, name in ((FIELDS, "theirs"), (["state"], "ours"), (["state", "x"], "ours")):
        buffer = kind(keys, 5)
        with pytest.raises(CorruptSnapshot):
            buffer.load_state(tmp_path / name)
        assert {key: [] for key in keys} == buffer.get_data()
    with pytest.raises(TypeError, match="the one text 'state'"):
        kind("state", 5)


@pytest.mark.parametrize("kind", [SequentialBuffer, RandomReplacementBuffer])
def test_p9_names_may_come_from_a_generator(kind) -> None:
    buffer = kind((name for name in FIELDS), 3)
    buffer.add(step(1))
    buffer.add(step(2))

    assert {"state": ["s1", "s2"], "action": ["a1", "a2"]} == buffer.get_data()


def test_p10_what_is_pending_does_not_follow_what_is_loaded(tmp_path) -> None:
    user: DataUser = DataUser(SequentialBuffer(FIELDS, 9))
    user.collector.collect(step(1))
    user.save_state(tmp_path / "state")
    user.collector.collect(step(99))
    user.load_state(tmp_path / "state")
    user.update()

    assert ["s1"] == user.get_data()["state"]
    assert 1 == user.stats()["dropped"]


def test_p11_a_collector_is_one_components_until_it_is_released() -> None:
    users = DataUsersDict.from_data_buffers(main=SequentialBuffer(FIELDS, 9))
    collectors = users.data_collectors_dict
    mine = collectors.acquire("main")
    for way_round in (
        lambda: collectors.acquire("main"),
        lambda: collectors["main"],
        lambda: users.__setitem__("main", DataUser(SequentialBuffer(FIELDS, 9))),
        lambda: users.__delitem__("main"),
    ):
        with pytest.raises(KeyError, match="already acquired"):
            way_round()
    assert mine is users["main"].collector  # what is collected still arrives
    collectors.release("main")
    users["main"] = DataUser(SequentialBuffer(FIELDS, 9))
    assert mine is not collectors.acquire("main")
    collectors.release("main")
    del users["main"]
    assert "main" not in collectors


def test_p12_a_trainer_that_marks_where_it_was_misses_nothing_and_counts_nothing_twice() -> None:
    clock = [5.0]  # stands still: the system is paused
    user: DataUser = DataUser(SequentialBuffer(FIELDS, 2), clock=lambda: clock[0])
    seen, mark = 0, user.mark()
    for number in range(100):
        user.collector.collect(step(number))
        if number % 7 == 0:
            user.update()
            here = user.mark()
            seen += user.count_data_added_since(mark)
            user.collector.collect(step(-number))  # between counting and going on
            mark = here
    user.update()
    seen += user.count_data_added_since(mark)

    assert seen == user.added
    assert user.added + user.stats()["dropped"] == 100 + 15


def test_p13_nothing_is_lost_without_being_counted_and_a_batch_copies_nothing_else(monkeypatch) -> None:
    user: DataUser = DataUser(SequentialBuffer(FIELDS, 10))
    for number in range(25):
        user.collector.collect(step(number))
    user.update()
    counts = user.stats()
    monkeypatch.setattr(SequentialBuffer, "get_data", None)

    assert 25 == counts["added"] + counts["dropped"]
    assert 15 == counts["dropped"]
    batch = user.sample(4)
    assert in_step(batch)
    assert 4 == len(batch["state"])


@pytest.mark.parametrize("kind", ALL)
def test_p14_loading_runs_nothing(kind, tmp_path) -> None:
    mark = tmp_path / "pwned"
    write_fields(tmp_path / "fields", {"state": [1, Command(mark)], "action": [1, 2]})
    (tmp_path / "one.pkl").write_bytes(pickle.dumps([{"state": Command(mark), "action": 1}]))
    write_user(tmp_path / "user", {"state": [1], "action": [2]}, [])
    (tmp_path / "user" / "timestamps.pkl").write_bytes(pickle.dumps(Command(mark)))
    buffer = filled(kind, 2)
    for name in ("fields", "one"):
        with pytest.raises(CorruptSnapshot):
            buffer.load_state(tmp_path / name)
    with pytest.raises(CorruptSnapshot):
        DataUser(buffer).load_state(tmp_path / "user")

    assert not mark.exists()
    assert 2 == len(buffer)


@pytest.mark.parametrize("kind", [SequentialBuffer, DictSequentialBuffer])
def test_p14_a_save_that_fails_leaves_what_was_there(kind, tmp_path, monkeypatch) -> None:
    buffer = filled(kind, 3)
    buffer.save_state(tmp_path / "first")
    before = sorted(tmp_path.rglob("*"))

    def no_room(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(snapshot, "write_arrays", no_room)
    for name in ("second",) if kind is SequentialBuffer else ("first", "second"):
        with pytest.raises(OSError, match="no space"):
            buffer.save_state(tmp_path / name)

    assert before == sorted(tmp_path.rglob("*"))
    buffer.load_state(tmp_path / "first")
    assert 3 == len(buffer)


def test_p14_a_seeded_buffer_has_a_generator_of_its_own_which_is_saved(tmp_path) -> None:
    random.seed(1)
    state = random.getstate()
    buffer = filled(RandomReplacementBuffer, 300, 20, replace_probability=0.5, seed=3)
    buffer.save_state(tmp_path / "state")
    resumed = RandomReplacementBuffer(FIELDS, 20, 0.5, seed=8)
    resumed.load_state(tmp_path / "state")
    for one in (buffer, resumed):
        for number in range(300, 400):
            one.add(step(number))

    assert buffer.get_data() == resumed.get_data()
    assert buffer.sample(5) == resumed.sample(5)
    assert state == random.getstate()
