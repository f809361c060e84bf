"""What leaves is handed over once, with the reason; loads, calls and shared memory: see the other files."""

from __future__ import annotations

import copy
import pickle
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.config.create import create_buffer
from ding_buffer.core.errors import BadArgument, ChainError, ConfigError, NotEnoughItems
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.removals import track_removed
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.testing.middleware_suite import MiddlewareSuite
from tests.middleware.handed_over import Left, made, on_every_storage, push
from tests.middleware.plain_buffer import PlainBuffer


class TestTrackRemoved(MiddlewareSuite):
    def make_layer(self):
        return track_removed(lambda items, reason: None)


@on_every_storage
def test_whatever_leaves_is_handed_over_with_the_reason(storage):
    buffer, left = made(storage)
    indices = push(buffer, range(6))
    assert [("evicted", [0]), ("evicted", [1])] == left.taken()
    assert 1 == buffer.delete(indices[3])
    assert 2 == buffer.delete([indices[4], indices[2], indices[0]])
    assert [("deleted", [3]), ("deleted", [4, 2])] == [
        (why, sorted(n, reverse=True)) for why, n in left.taken()
    ]
    buffer.clear()
    assert [("cleared", [5])] == left.taken()
    buffer.clear()
    buffer.delete(indices)

    assert [] == left.taken()
    assert dict(zip(indices, range(6), strict=True)) == {index: n for index, n, _, _ in left.items}
    assert [{"env": n % 3} for _, n, _, _ in left.items] == [meta for _, _, meta, _ in left.items]
    counts = {"evicted": 2, "deleted": 3, "cleared": 1, "replaced": 0, "failed": 0}
    assert counts == buffer.stats()["track_removed"]


@on_every_storage
def test_an_eviction_after_a_deletion_names_the_right_item(storage):
    buffer, left = made(storage)
    indices = push(buffer, range(4))
    buffer.delete(indices[1])
    indices += push(buffer, range(4, 8))

    assert [(indices[n], n) for n in (1, 0, 2, 3)] == [item[:2] for item in left.items]


@on_every_storage
@pytest.mark.parametrize("count", [3, 4, 9, 23])
def test_what_one_extend_evicts_comes_in_one_call(storage, count):
    buffer, left = made(storage, count=3)
    index = [item.index for item in buffer]
    batch = buffer.extend(
        [{"n": n} for n in range(3, 3 + count)], meta={"env": [n % 3 for n in range(3, 3 + count)]}
    )
    index += [item.index for item in batch]

    assert [("evicted", list(range(count - 1)))] == left.taken()
    assert index[: count - 1] == [item[0] for item in left.items]
    assert [n % 3 for n in range(count - 1)] == [meta["env"] for _, _, meta, _ in left.items]


@on_every_storage
def test_objects_are_handed_over_themselves_and_columns_as_copies(storage):
    kept = []
    buffer = DequeBuffer(2, storage=storage(), seed=0).use(
        track_removed(lambda items, reason: kept.extend(items))
    )
    push(buffer, range(2))
    first = buffer[0]
    push(buffer, range(2, 4))

    assert (first is kept[0]) is not buffer.store.storage.columnar
    assert [0, 1] == [item.data["n"] for item in kept]
    assert [2, 3] == [item.data["n"] for item in buffer]


@on_every_storage
def test_it_does_not_matter_who_removes_and_through_which_view(storage):
    buffer, left = made(storage, size=8, count=8)
    view, other = buffer.view(), []
    view.use(track_removed(lambda items, reason: other.append((reason, [item.data["n"] for item in items]))))
    bare = buffer.view()
    bare.delete(bare[0].index)
    push(bare, [8])
    push(bare, [9])
    view.delete([buffer[0].index])
    buffer.view().clear()

    expected = [("deleted", [0]), ("evicted", [1]), ("deleted", [2]), ("cleared", list(range(3, 10)))]
    assert expected == left.taken()
    assert expected == other


@on_every_storage
def test_two_in_one_chain_are_both_told_all(storage):
    left, other = Left(), Left()
    buffer = DequeBuffer(2, storage=storage(), seed=0).use(track_removed(left), track_removed(other))
    push(buffer, range(4))
    buffer.extend([{"n": 4}, {"n": 5}, {"n": 6}], meta={"env": [0, 0, 0]})

    assert left.items == other.items
    assert list(range(5)) == [n for _, n, _, _ in left.items]


@on_every_storage
def test_what_is_used_up_is_handed_over_after_the_sample_and_once(storage):
    buffer, left = made(storage, use_time_check(max_use=2), count=4)
    drawn: Counter[int] = Counter()
    for _ in range(4):
        drawn.update(item.data["n"] for item in buffer.sample(2, replace=True))
        gone = {n for n, uses in drawn.items() if uses >= 2}
        assert sorted(gone) == sorted(n for _, n, _, _ in left.items)
        if len(buffer) == 0:
            break

    assert len(left.items) == len({index for index, *_ in left.items})
    assert {"deleted"} == {reason for *_, reason in left.items}


@pytest.mark.parametrize("inside", [True, False])
def test_what_is_stale_is_handed_over_although_the_sample_fails(inside):
    left = Left()
    layers = [staleness_check(max_staleness=5), track_removed(left)]
    buffer = DequeBuffer(4, seed=0).use(*(layers if inside else layers[::-1]))
    for n in range(3):
        buffer.push({"n": n}, meta={"train_iter_data_collected": n})

    with pytest.raises(NotEnoughItems):
        buffer.sample(2, train_iter_sample_data=7)
    assert [("deleted", [0, 1])] == left.taken()


@on_every_storage
def test_it_goes_on_beside_priorities(storage):
    buffer, left = made(storage, PriorityExperienceReplay())
    push(buffer, range(6))
    buffer.sample(3)
    buffer.delete(buffer[1].index)

    assert [("evicted", [0]), ("evicted", [1]), ("deleted", [3])] == left.taken()


# Nothing lost, nothing twice.


@given(data=st.data(), size=st.integers(1, 6), columns=st.booleans())
def test_what_was_pushed_is_held_or_was_handed_over_once(data, size, columns):
    buffer, left = made(ColumnStorage if columns else ObjectStorage, use_time_check(max_use=3), size=size)
    views, saved = [buffer, buffer.view()], []
    pushed: dict[str, int] = {}

    def take_in(items):
        pushed.update((item.index, item.data["n"]) for item in items)

    for _ in range(data.draw(st.integers(1, 14))):
        view, kind = data.draw(st.sampled_from(views)), data.draw(st.integers(0, 6))
        numbers = range(len(pushed), len(pushed) + data.draw(st.integers(1, 2 * size + 1)))
        if kind == 0:
            take_in([view.push({"n": numbers[0]}, meta={"env": 1})])
        elif kind == 1:
            take_in(view.extend([{"n": n} for n in numbers], meta={"env": [n % 3 for n in numbers]}))
        elif kind == 2:
            view.delete(data.draw(st.lists(st.sampled_from([*pushed, "unknown"]), max_size=4)))
        elif kind == 3 and len(buffer):
            view.sample(data.draw(st.integers(1, 5)), replace=True)
        elif kind == 4:
            view.clear()
        elif kind == 5:
            saved.append((copy.deepcopy(buffer.state_dict()), {item.index for item in buffer}))
        elif saved:
            state, inside = data.draw(st.sampled_from(saved))
            held, told = {item.index for item in buffer}, len(left.items)
            view.load_state_dict(copy.deepcopy(state))
            assert held - inside == {index for index, *_ in left.items[told:]}
            # What comes back can leave once more.
            left.items = [item for item in left.items if item[0] not in inside]
        buffer.store.check()
        here = [(item.index, item.data["n"]) for item in buffer]
        assert sorted(pushed.items()) == sorted([*here, *(item[:2] for item in left.items)])


@on_every_storage
def test_threads_that_push_and_delete_lose_nothing_and_hand_nothing_over_twice(storage):
    lock = threading.Lock()
    told: list[tuple[str, int, str]] = []

    def to(items, reason):
        with lock:
            told.extend((item.index, item.data["n"], reason) for item in items)

    buffer = DequeBuffer(50, storage=storage(), seed=0).use(track_removed(to))

    def pushes(number):
        own = buffer if number % 2 else buffer.view()
        done = push(own, range(number * 1000, number * 1000 + 150))
        for start in range(150, 300, 10):
            numbers = range(number * 1000 + start, number * 1000 + start + 10)
            batch = own.extend([{"n": n} for n in numbers], meta={"env": [n % 3 for n in numbers]})
            done += [item.index for item in batch]
        return done

    def deletes(number):
        own = buffer.view()
        for turn in range(60):
            with own.store.lock:
                live = [item.index for item in own]
            own.delete(live[number::7])
            if turn % 29 == 28:
                own.clear()
        return []

    with ThreadPoolExecutor(5) as pool:
        jobs = [
            *(pool.submit(pushes, number) for number in range(3)),
            *(pool.submit(deletes, n) for n in range(2)),
        ]
        pushed = [index for job in jobs for index in job.result(120)]

    held = [item.index for item in buffer]
    assert 900 == len(pushed)
    assert Counter(pushed) == Counter([*held, *(index for index, _, _ in told)])
    counts = Counter(reason for *_, reason in told)
    assert {key: counts[key] for key in ("evicted", "deleted", "cleared")} == {
        key: buffer.stats()[key] for key in ("evicted", "deleted", "cleared")
    }


# Copies, configs, misuse.


def test_a_deep_copy_tells_the_same_function_of_its_own_items():
    lock = threading.Lock()  # such as stands behind a file remover: it cannot be copied
    told = []

    class Receiver:
        def __init__(self):
            self.lock = lock

        def take(self, items, reason):
            with self.lock:
                told.append((reason, [item.data["n"] for item in items]))

    buffer = DequeBuffer(2, seed=0).use(track_removed(Receiver().take))
    push(buffer, range(3))
    twin = copy.deepcopy(buffer)
    push(twin, [7])
    buffer.clear()

    assert [("evicted", [0]), ("evicted", [1]), ("cleared", [1, 2])] == told
    assert (2, 1) == (twin.stats()["track_removed"]["evicted"], buffer.stats()["track_removed"]["evicted"])
    assert (0, 2) == (twin.stats()["track_removed"]["cleared"], buffer.stats()["track_removed"]["cleared"])


PICKLED: list = []


def receive(items, reason):
    PICKLED.append((reason, [item.data["n"] for item in items]))


def test_a_pickled_buffer_goes_on_telling():
    PICKLED.clear()
    buffer = DequeBuffer(2, seed=0).use(track_removed(receive))
    push(buffer, range(3))
    twin = pickle.loads(pickle.dumps(buffer))
    push(twin, [7])

    assert [("evicted", [0]), ("evicted", [1])] == PICKLED
    assert 2 == twin.stats()["track_removed"]["evicted"]


@pytest.mark.parametrize("wrong", [None, 5, "print", list, Left])
def test_what_is_no_function_is_refused(wrong):
    with pytest.raises(BadArgument, match=r"track_removed needs a function to\(items, reason\)"):
        track_removed(wrong)


def test_a_buffer_that_does_not_tell_what_happens_to_items_is_refused():
    with pytest.raises(ChainError, match="track_removed follows what happens to items"):
        PlainBuffer(3).use(track_removed(print))


def test_a_config_in_python_names_the_function_and_a_text_is_refused():
    left = Left()
    buffer = create_buffer({"type": "deque", "size": 2, "middleware": [{"type": "removals", "to": left}]})
    push(buffer, range(3))

    assert [("evicted", [0])] == left.taken()
    with pytest.raises(ConfigError, match=r"to: expected a function \(a Python object\), got the text"):
        create_buffer({"type": "deque", "size": 2, "middleware": [{"type": "track_removed", "to": "print"}]})
