from __future__ import annotations

import copy
import itertools
import pickle
import random
import threading
from pathlib import Path

import pytest

from ding_buffer import pipeline
from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.dict_sequential_buffer import DictSequentialBuffer
from ding_buffer.pipeline.mark import Mark
from ding_buffer.pipeline.replacement_buffer import RandomReplacementBuffer
from ding_buffer.pipeline.sequential_buffer import SequentialBuffer
from ding_buffer.structures.clock import ManualClock
from tests.pipeline.plain_buffers import SimpleBuffer, Values
from tests.pipeline.written_pickles import write_user
from tests.storages.broken_off import broken_off


def made(size=100, **settings) -> tuple[DataUser, ManualClock]:
    clock = ManualClock(100.0)
    return DataUser(SequentialBuffer(["a"], size), clock=clock, **settings), clock


def collect(user: DataUser, *numbers: int) -> None:
    for number in numbers:
        user.collector.collect({"a": number})


def test_data_with_fields_arrives_when_update_is_called():
    user, _ = made()
    collect(user, 1, 2)

    assert ({"a": []}, 0) == (user.get_data(), len(user))
    user.update()
    assert ({"a": [1, 2]}, 2) == (user.get_data(), len(user))
    user.update()
    assert {"a": [1, 2]} == user.get_data() == user.buffer.get_data()


@pytest.mark.parametrize("buffer", [lambda: SequentialBuffer(9), Values, lambda: DequeBuffer(9)])
def test_values_arrive_when_they_are_asked_for(buffer):
    user = DataUser(buffer())
    user.collector.collect(2)
    user.collector.collect(4)

    assert [2, 4] == user.get_data()
    user.collector.collect(6)
    assert 3 == len(user.sample(3))


def test_mappings_with_exact_keys_arrive_when_they_are_asked_for_unless_told_otherwise():
    explicit, implicit = (DataUser(DictSequentialBuffer(["a"], 5), auto) for auto in (False, None))
    for user in (explicit, implicit):
        user.collector.collect({"a": 1})

    assert {"a": []} == explicit.get_data()
    assert {"a": [1]} == implicit.get_data()


def test_either_can_be_asked_for():
    user, _ = made(auto_update=True)
    collect(user, 1)
    assert {"a": [1]} == user.get_data()
    values: DataUser = DataUser(SequentialBuffer(5), False)
    values.collector.collect(1)
    assert [] == values.get_data()


def test_a_sample_is_random_items_in_the_form_of_all_data():
    user, _ = made()
    collect(user, *range(50))
    user.update()

    assert 8 == len(set(user.sample(8)["a"]))
    simple: DataUser = DataUser(SimpleBuffer(["a", "b"], 10))
    for number in range(10):
        simple.collector.collect({"a": number, "b": -number})
    simple.update()
    batch = simple.sample(4)
    assert [-number for number in batch["a"]] == batch["b"]


def test_a_refused_item_is_left_out_and_the_others_go_in():
    buffer = Values()
    user = DataUser(buffer, False)
    for number in (2, 3, 4, 5, 6):
        user.collector.collect(number)
    with pytest.raises(ValueError, match="3 is odd"):
        user.update()

    assert [2, 4, 6] == buffer.held
    assert {"size": 3, "pending": 0, "added": 3, "dropped": 0, "rejected": 2} == user.stats()
    user.update()


class Broken(SimpleBuffer):
    """Is broken off once, in the middle of its third item."""

    def add(self, step_data):
        if step_data["a"] == 2 and not hasattr(self, "was"):
            self.was = True
            raise KeyboardInterrupt
        super().add(step_data)


def test_what_had_no_turn_when_an_update_was_broken_off_is_pending_again():
    user: DataUser = DataUser(Broken(["a"], 10))
    collect(user, *range(5))
    with pytest.raises(KeyboardInterrupt):
        user.update()
    collect(user, 5)

    assert {"size": 2, "pending": 3, "added": 2, "dropped": 0, "rejected": 1} == user.stats()
    user.update()
    assert {"a": [0, 1, 3, 4, 5]} == user.get_data()


def test_wherever_an_update_is_broken_off_every_item_is_counted_and_at_most_one_is_missing():
    place, lines = "anywhere", itertools.count(1)
    while place:
        user, _ = made(size=4)
        collect(user, *range(6))
        place = broken_off(user.update, next(lines), str(Path(pipeline.__file__).parent))
        counts = user.stats()
        user.update()
        held = user.get_data()["a"]

        assert (4, 2) == (counts["added"] + counts["pending"] + counts["rejected"], counts["dropped"]), place
        assert counts["rejected"] <= 1
        assert len(held) in (user.added, user.added + counts["rejected"])
        assert [number for number in (2, 3, 4, 5) if number in held] == held
    assert next(lines) > 80


class Slow(SimpleBuffer):
    """Waits within ``add`` until it may go on."""

    def __init__(self):
        super().__init__(["a"], 10)
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def add(self, step_data):
        self.begun.set()
        assert self.may_go_on.wait(60)
        super().add(step_data)


def test_after_an_update_everything_is_in_though_another_thread_was_adding_it():
    buffer = Slow()
    user: DataUser = DataUser(buffer)
    collect(user, 1)
    seen: list[int] = []

    def update_and_look():
        user.update()
        seen.append(len(user))

    first, second = threading.Thread(target=user.update), threading.Thread(target=update_and_look)
    first.start()
    assert buffer.begun.wait(60)
    second.start()
    second.join(0.05)  # it has nothing of its own to add, and waits all the same
    assert second.is_alive()
    buffer.may_go_on.set()
    first.join()
    second.join()

    assert [1] == seen


def test_what_is_dropped_is_counted():
    user, _ = made(size=3)
    collect(user, *range(10))
    user.update()

    assert {"a": [7, 8, 9]} == user.get_data()
    assert (3, 7) == (user.stats()["added"], user.stats()["dropped"])


def test_items_are_counted_by_the_time_they_were_collected():
    user, clock = made()
    collect(user, 1, 2)
    clock.advance(1)
    collect(user, 3)
    clock.advance(1)
    user.update()

    assert [3, 1, 0, 0] == [user.count_data_added_since(time) for time in (99.0, 100.0, 101.0, 500.0)]
    assert [3, 1] == [user.count_data_added_since(time) for time in (99.9, 100.5)]
    collect(user, 4)
    assert 0 == user.count_data_added_since(101.0)  # pending ones are not there yet


def test_the_count_stays_right_where_the_clock_is_set_back():
    times = iter([5.0, 6.0, 2.0, 3.0])
    user: DataUser = DataUser(SequentialBuffer(9), clock=lambda: next(times))
    for number in range(4):
        user.collector.collect(number)
    user.update()

    assert [4, 3, 2, 1, 0] == [user.count_data_added_since(time) for time in (1.0, 2.0, 4.0, 5.0, 6.0)]


def test_from_a_mark_the_count_is_exact_though_the_clock_stands():
    user, _ = made()
    collect(user, 1, 2)
    user.update()
    mark = user.mark()
    collect(user, 3, 4, 5)

    assert (100.0, 2, 0) == (mark, mark.added, user.count_data_added_since(mark))
    user.update()
    assert 3 == user.count_data_added_since(mark) == user.added - mark.added
    assert 0 == user.count_data_added_since(user.mark())
    assert 0 == user.count_data_added_since(float(mark))  # a bare time ties


def test_to_another_user_a_mark_is_a_time():
    user, _ = made()
    collect(user, *range(5))
    user.update()
    mark = pickle.loads(pickle.dumps(user.mark()))
    resumed, later = made()
    later.advance(1)
    collect(resumed, 1, 2)
    resumed.update()

    assert 0 == user.count_data_added_since(mark)
    assert 2 == resumed.count_data_added_since(mark) == resumed.count_data_added_since(Mark(100.0, 0))


def test_a_count_by_time_ends_at_the_room_and_one_from_a_mark_does_not():
    user, clock = made(size=3)
    mark = user.mark()
    for number in range(8):
        clock.advance(1)
        collect(user, number)
        user.update()

    assert (3, 8) == (user.count_data_added_since(0.0), user.count_data_added_since(mark))


def test_more_may_be_counted_than_are_held_where_some_are_left_out():
    random.seed(0)
    user: DataUser = DataUser(RandomReplacementBuffer(3, 0.5))
    for number in range(20):
        user.collector.collect(number)
    user.update()

    assert (6, 3, 14) == (user.count_data_added_since(0.0), len(user), user.stats()["dropped"])


def test_it_needs_a_buffer():
    with pytest.raises(BadArgument, match="got list"):
        DataUser([])  # type: ignore[arg-type]


def test_what_was_saved_comes_back_with_the_times(tmp_path):
    user, clock = made()
    collect(user, 1, 2)
    clock.advance(5)
    collect(user, 3)
    user.save_state(tmp_path / "state")
    other, _ = made()
    other.load_state(tmp_path / "state")

    assert {"a": [1, 2, 3]} == user.get_data() == other.get_data()
    assert (3, 1) == (other.count_data_added_since(0.0), other.count_data_added_since(100.0))
    assert ["state"] == [path.name for path in tmp_path.iterdir()]
    with pytest.raises(FileExistsError):
        user.save_state(tmp_path / "state")


def test_an_item_that_is_refused_now_is_no_reason_to_save_nothing(tmp_path):
    class Even(SequentialBuffer):
        def add(self, step_data):
            if step_data % 2:
                raise ValueError("odd")
            super().add(step_data)

    user, other = DataUser(Even(9)), DataUser(SequentialBuffer(9))
    for number in (2, 3, 4):
        user.collector.collect(number)
    user.save_state(tmp_path / "state")
    other.load_state(tmp_path / "state")

    assert [2, 4] == other.get_data()
    assert 1 == user.stats()["rejected"]


@pytest.mark.parametrize("buffer", [lambda: SequentialBuffer(["a"], 9), lambda: SequentialBuffer(9), Values])
def test_a_copy_goes_on_for_itself(buffer):
    for copied in (copy.deepcopy, lambda user: pickle.loads(pickle.dumps(user))):
        user = DataUser(buffer(), True)
        item = {"a": 2} if user.buffer.field_rows else 2
        user.collector.collect(item)
        other = copied(user)
        other.collector.collect(item)

        assert ({"a": [2, 2]} if user.buffer.field_rows else [2, 2]) == other.get_data()
        assert (2, 0) == (len(other), len(user))
        user.update()
        assert (2, 1) == (len(other), len(user))


def test_what_the_original_saved_comes_back(tmp_path):
    write_user(tmp_path / "state", {"a": [1, 2, 3]}, [1.0, 2.0, 2.0])
    user, _ = made(size=2)
    user.load_state(tmp_path / "state")

    assert {"a": [2, 3]} == user.get_data()
    assert 2 == user.count_data_added_since(1.0)


def test_what_does_not_fit_changes_nothing(tmp_path):
    user, _ = made()
    collect(user, 1)
    user.update()
    collect(user, 2)
    write_user(tmp_path / "times", {"a": [1]}, ["noon"])  # type: ignore[list-item]
    write_user(tmp_path / "large", {"a": [1]}, [10**400])
    write_user(tmp_path / "fields", {"b": [1]}, [1.0])
    (tmp_path / "empty").mkdir()
    for name, error in (
        ("times", CorruptSnapshot),
        ("large", CorruptSnapshot),
        ("fields", FileNotFoundError),
        ("empty", FileNotFoundError),
        ("none", FileNotFoundError),
    ):
        with pytest.raises(error):
            user.load_state(tmp_path / name)

    assert ({"a": [1]}, 1, 1) == (user.get_data(), user.collector.pending, user.count_data_added_since(0.0))


def test_a_failed_save_leaves_nothing(tmp_path):
    user, _ = made()
    user.collector.collect({"a": object()})
    with pytest.raises(BadArgument, match="cannot be written"):
        user.save_state(tmp_path / "state")

    assert [] == list(tmp_path.iterdir())


def test_updates_reads_and_counts_in_threads_agree():
    user: DataUser = DataUser(SimpleBuffer(["a", "b"], 100_000))
    stop = threading.Event()
    failures: list[Exception] = []
    counted = [0]

    def run(work):
        try:
            while not stop.is_set():
                work()
        except Exception as error:
            failures.append(error)
            raise

    def read():
        data = user.get_data()
        assert [-number for number in data["a"]] == data["b"]

    def count():
        assert user.count_data_added_since(0.0) <= user.added

    mark = user.mark()

    def count_on():
        nonlocal mark
        here = user.mark()
        counted[0] += here.added - mark.added
        mark = here

    threads = [
        threading.Thread(target=run, args=(work,))
        for work in (user.update, user.update, read, count, count_on)
    ]
    for thread in threads:
        thread.start()
    for number in range(4000):
        user.collector.collect({"a": number, "b": -number})
    stop.set()
    for thread in threads:
        thread.join()
    user.update()
    counted[0] += user.count_data_added_since(mark)

    assert [] == failures
    assert list(range(4000)) == user.get_data()["a"]
    assert 4000 == user.added == user.count_data_added_since(0.0) == counted[0]
