from __future__ import annotations

import copy
import pickle
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from tempfile import gettempdir

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.config.create import create_buffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadArgument, ChainError, ConfigError, CorruptSnapshot, NotEnoughItems
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.removals import track_removed
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.memmap_storage import MemmapStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.shared_storage import SharedStorage
from ding_buffer.testing.middleware_suite import MiddlewareSuite
from tests.middleware.plain_buffer import PlainBuffer
from tests.storages.shared_processes import storage_of

STORAGES = {
    "object": ObjectStorage,
    "column": ColumnStorage,
    "memmap": lambda: MemmapStorage(gettempdir()),
    "shared": lambda: SharedStorage({"n": int}, meta={"env": int, "priority": float}),
}


class Left:
    """Takes what is handed over: the calls, and each item once."""

    def __init__(self):
        self.calls, self.items = [], []

    def __call__(self, items, reason):
        assert isinstance(items, list)
        assert items
        self.calls.append((reason, [item.data["n"] for item in items]))
        self.items += [(item.index, item.data["n"], item.meta, reason) for item in items]

    def taken(self):
        """The calls since this was last asked."""
        calls, self.calls = self.calls, []
        return calls


class TestTrackRemoved(MiddlewareSuite):
    def make_layer(self):
        return track_removed(lambda items, reason: None)


@pytest.fixture(params=STORAGES)
def storage(request):
    return STORAGES[request.param]


def made(storage, *layers, size=4, count=0):
    left = Left()
    buffer = DequeBuffer(size, storage=storage(), seed=0).use(*layers, track_removed(left))
    push(buffer, range(count))
    return buffer, left


def push(buffer, numbers):
    return [buffer.push({"n": n}, meta={"env": n % 3}).index for n in numbers]


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


def test_an_eviction_after_a_deletion_names_the_right_item(storage):
    buffer, left = made(storage)
    indices = push(buffer, range(4))
    buffer.delete(indices[1])
    indices += push(buffer, range(4, 8))

    assert [(indices[n], n) for n in (1, 0, 2, 3)] == [item[:2] for item in left.items]


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


def test_two_in_one_chain_are_both_told_all(storage):
    left, other = Left(), Left()
    buffer = DequeBuffer(2, storage=storage(), seed=0).use(track_removed(left), track_removed(other))
    push(buffer, range(4))
    buffer.extend([{"n": 4}, {"n": 5}, {"n": 6}], meta={"env": [0, 0, 0]})

    assert left.items == other.items
    assert list(range(5)) == [n for _, n, _, _ in left.items]


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


def test_it_goes_on_beside_priorities(storage):
    buffer, left = made(storage, PriorityExperienceReplay())
    push(buffer, range(6))
    buffer.sample(3)
    buffer.delete(buffer[1].index)

    assert [("evicted", [0]), ("evicted", [1]), ("deleted", [3])] == left.taken()


def test_what_a_load_brings_again_has_not_left(storage):
    buffer, left = made(storage, count=3)
    state = copy.deepcopy(buffer.state_dict())
    push(buffer, [3])
    buffer.delete(buffer[1].index)
    left.taken()
    buffer.load_state_dict(state)

    assert [("replaced", [3])] == left.taken()
    assert [0, 1, 2] == [item.data["n"] for item in buffer]
    buffer.load_state_dict(copy.deepcopy(buffer.state_dict()))
    assert [] == left.taken()
    buffer.clear()
    assert [("cleared", [0, 1, 2])] == left.taken()


def test_a_load_of_something_else_replaces_everything_through_any_view(storage):
    buffer, left = made(storage, count=4)
    other = DequeBuffer(4, storage=storage(), seed=0)
    push(other, range(10, 12))
    buffer.view().load_state_dict(other.state_dict())

    assert [("replaced", [0, 1, 2, 3])] == left.taken()
    buffer.load_state_dict(DequeBuffer(4, storage=storage()).state_dict())
    assert [("replaced", [10, 11])] == left.taken()
    assert 0 == len(buffer)


class Refuses(Middleware):
    """Finds fault with every state but its own first."""

    def state_dict(self):
        return {"sound": True}

    def load_state_dict(self, state):
        if not state.get("sound"):
            raise ValueError("unsound")


def test_of_a_load_that_is_taken_back_nobody_hears(storage):
    buffer, left = made(storage, Refuses(), count=3)
    other = DequeBuffer(4, storage=storage(), seed=0).use(Refuses())
    push(other, range(10, 12))
    state = other.state_dict()
    state["layers"][0]["state"] = {"bent": True}
    before = [item.index for item in buffer]
    with pytest.raises(CorruptSnapshot, match="unsound"):
        buffer.load_state_dict(state)
    with pytest.raises(CorruptSnapshot):
        buffer.load_state_dict({})

    assert [] == left.taken()
    assert before == [item.index for item in buffer]
    assert 0 == buffer.stats()["track_removed"]["replaced"]
    buffer.clear()
    assert [("cleared", [0, 1, 2])] == left.taken()


def test_what_was_deleted_before_a_refused_load_is_still_told(storage):
    buffer, left = made(storage, Refuses(), count=3)
    state = copy.deepcopy(buffer.state_dict())
    state["layers"][0]["state"] = {"bent": True}
    with buffer.store.lock:
        buffer.delete(buffer[0].index)
        with pytest.raises(CorruptSnapshot):
            buffer.load_state_dict(state)
        assert [] == left.taken()

    assert [("deleted", [0])] == left.taken()
    assert [1, 2] == [item.data["n"] for item in buffer]


def test_what_a_load_replaced_before_a_refused_one_is_told_alone(storage):
    buffer, left = made(storage, Refuses(), count=3)
    others = [DequeBuffer(4, storage=storage(), seed=0).use(Refuses()) for _ in range(2)]
    push(others[0], [10, 11])
    push(others[1], [20])
    state, bent = (other.state_dict() for other in others)
    bent["layers"][0]["state"] = {"bent": True}
    with buffer.store.lock:
        buffer.load_state_dict(state)
        with pytest.raises(CorruptSnapshot, match="unsound"):
            buffer.load_state_dict(bent)

    assert [("replaced", [0, 1, 2])] == left.taken()
    assert [10, 11] == [item.data["n"] for item in buffer]


def test_a_file_with_damaged_rows_takes_nothing_away(tmp_path):
    buffer, left = made(ColumnStorage, size=64)
    buffer.extend({"n": np.arange(64)}, meta={"env": np.zeros(64, dtype=int)})
    buffer.save_data(tmp_path / "saved")
    content = bytearray((tmp_path / "saved").read_bytes())
    content[len(content) // 2] ^= 255
    (tmp_path / "spoiled").write_bytes(content)
    with pytest.raises(CorruptSnapshot):
        buffer.view().load_data(tmp_path / "spoiled")

    assert [] == left.taken()
    buffer.load_data(tmp_path / "saved")
    assert [] == left.taken()
    assert 64 == len(buffer)


# When it is called.


def test_it_is_called_when_the_action_is_done_and_the_buffer_is_free(storage):
    seen = []

    def to(items, reason):
        with ThreadPoolExecutor(1) as pool:  # whoever comes now need not wait
            seen.append((reason, pool.submit(lambda: [item.data["n"] for item in buffer]).result(60)))

    buffer = DequeBuffer(2, storage=storage(), seed=0).use(track_removed(to))
    push(buffer, range(3))
    with buffer.store.lock:
        buffer.delete(buffer[0].index)
        push(buffer, [3])
        assert [("evicted", [1, 2])] == seen
    buffer.clear()

    assert [("evicted", [1, 2]), ("deleted", [2, 3]), ("cleared", [])] == seen


def test_it_may_use_the_buffer_in_every_way(storage):
    calls = []

    def to(items, reason):
        numbers = [item.data["n"] for item in items]
        calls.append((reason, numbers))
        if reason == "evicted":
            buffer.sample(1)
            buffer.delete(buffer[0].index)
            push(buffer, [100 + numbers[0]])
            buffer.update([buffer[-1].index], meta={"env": [5]})
        if reason == "cleared":
            push(buffer, [7])

    buffer = DequeBuffer(3, storage=storage(), seed=0).use(track_removed(to))
    push(buffer, range(4))
    assert [("evicted", [0]), ("deleted", [1])] == calls
    assert [2, 3, 100] == [item.data["n"] for item in buffer]
    buffer.clear()
    buffer.store.check()

    assert [7] == [item.data["n"] for item in buffer]
    assert [("cleared", [2, 3, 100])] == calls[2:]


def test_an_error_is_raised_by_the_action_which_is_done_all_the_same(storage):
    told = []

    def to(items, reason):
        told.append((reason, [item.data["n"] for item in items]))
        raise OSError("no room")

    buffer = DequeBuffer(2, storage=storage(), seed=0).use(track_removed(to))
    indices = push(buffer, range(2))
    with pytest.raises(OSError, match="no room"):
        buffer.push({"n": 2}, meta={"env": 0})
    with pytest.raises(OSError, match="no room"):
        buffer.extend([{"n": 3}, {"n": 4}, {"n": 5}], meta={"env": [0, 0, 0]})
    with pytest.raises(OSError, match="no room"):
        buffer.delete(buffer[0].index)
    with pytest.raises(OSError, match="no room"):
        buffer.clear()
    buffer.delete(indices)
    buffer.store.check()

    assert [("evicted", [0]), ("evicted", [1, 2, 3]), ("deleted", [4]), ("cleared", [5])] == told
    assert 6 == buffer.stats()["track_removed"]["failed"]
    assert not buffer.store.lock._is_owned()
    assert {} == buffer.store.lock.due


def test_an_error_keeps_nothing_else_from_being_handed_over():
    left = Left()

    def to(items, reason):
        left(items, reason)
        raise OSError(reason)

    buffer = DequeBuffer(2, seed=0).use(track_removed(to), track_removed(left))
    push(buffer, range(2))
    buffer.store.lock.acquire()
    push(buffer, [2])
    buffer.delete(buffer[0].index)
    buffer.clear()
    with pytest.raises(OSError, match="cleared") as raised:
        buffer.store.lock.release()

    expected = [("evicted", [0]), ("deleted", [1]), ("cleared", [2])]
    assert sorted([*expected, *expected]) == sorted(left.taken())
    assert ["deleted", "evicted"] == [
        str(e) for e in (raised.value.__context__, raised.value.__context__.__context__)
    ]


@pytest.mark.parametrize("event", ["on_evicted", "on_deleted", "on_cleared", "on_filled"])
@pytest.mark.parametrize("told_first", [True, False])
def test_what_went_in_an_action_that_was_broken_off_went_for_the_reason_of_that_action(
    storage, event, told_first
):
    left = Left()
    struck: list[bool] = []

    class Strikes(Middleware):
        pass

    def strike(self, *slots):
        if struck:
            struck.clear()
            raise KeyboardInterrupt

    setattr(Strikes, event, strike)
    tracker = track_removed(left)
    buffer = DequeBuffer(3, storage=storage(), seed=0)
    buffer.use(*((tracker, Strikes()) if told_first else (Strikes(), tracker)))
    actions = {
        "on_evicted": ("evicted", lambda: buffer.push({"n": 9}, meta={"env": 0})),
        "on_deleted": ("deleted", lambda: buffer.delete([buffer[0].index, buffer[2].index])),
        "on_cleared": ("cleared", buffer.clear),
        "on_filled": ("evicted", lambda: buffer.push({"n": 9}, meta={"env": 0})),
    }
    reason, act = actions[event]
    for _ in range(2):  # what was told once is not told again, and does not pass for another's
        push(buffer, range(5))
        left.taken()
        before = [item.data["n"] for item in buffer]
        struck.append(True)
        with pytest.raises(KeyboardInterrupt):
            act()

        gone = sorted({*before} - {item.data["n"] for item in buffer})
        assert gone
        assert [(reason, gone)] == [(why, sorted(numbers)) for why, numbers in left.taken()]
    buffer.store.check()
    buffer.clear()
    stats = buffer.stats()
    assert [stats[key] for key in ("evicted", "deleted", "cleared")] == [
        stats["track_removed"][key] for key in ("evicted", "deleted", "cleared")
    ]


def test_an_error_of_the_action_and_one_of_the_function_are_both_told():
    def to(items, reason):
        raise OSError(reason)

    buffer = DequeBuffer(4, seed=0).use(staleness_check(max_staleness=1), track_removed(to))
    buffer.push({"n": 0}, meta={"train_iter_data_collected": 0})
    with pytest.raises(OSError, match="deleted") as raised:
        buffer.sample(1, train_iter_sample_data=7)

    assert isinstance(raised.value.__context__, NotEnoughItems)


def test_a_thread_that_waits_in_an_action_hands_its_items_over_itself():
    told, waiting = [], threading.Event()

    class Waits(Middleware):
        def push(self, chain, data, meta=None):
            item = chain(data, meta=meta)
            if data["n"] == 2:
                waiting.set()
                buffer.store.wait_for(lambda: len(buffer) == 0, timeout=60)
            return item

    def to(items, reason):
        told.append((threading.get_ident(), reason, [item.data["n"] for item in items]))

    buffer = DequeBuffer(2, seed=0).use(Waits(), track_removed(to))
    push(buffer, range(2))
    with ThreadPoolExecutor(1) as pool:
        pushed = pool.submit(buffer.push, {"n": 2})
        assert waiting.wait(60)
        buffer.clear()
        assert [(threading.get_ident(), "cleared", [1, 2])] == told[:1]
        pushed.result(60)

    assert [("evicted", [0])] == [(reason, numbers) for _, reason, numbers in told[1:]]
    assert threading.get_ident() != told[1][0]


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


# Memory that processes share.


def pair(size, writers=1):
    """A buffer, one of the same memory that tells, and what it has told: numbers, None where unreadable."""
    one = DequeBuffer(size, storage=SharedStorage({"n": int}, writers=writers, meta={"env": int}), seed=0)
    told = []

    def to(items, reason):
        told.append((reason, [(item.index, item.data and item.data["n"], item.meta) for item in items]))

    storage = SharedStorage.attach(storage_of(one).name)
    return one, DequeBuffer(size, storage=storage, seed=0).use(track_removed(to)), told


def test_what_other_processes_push_out_is_handed_over_when_it_is_noticed():
    one, other, told = pair(4)
    push(one, range(4))
    indices = [item.index for item in other]
    push(one, range(4, 6))
    assert [] == told
    assert 4 == len(other)

    assert [("evicted", [(indices[n], n, {"env": n}) for n in range(2)])] == told
    assert [2, 3, 4, 5] == [item.data["n"] for item in other]


def test_what_others_have_written_over_already_comes_without_its_payload():
    one, other, told = pair(4)
    push(one, range(4))
    indices = [item.index for item in other]
    push(one, range(4, 40))
    assert 4 == len(other)

    assert [("evicted", [(indices[n], None, {"env": n % 3}) for n in range(4)])] == told
    assert [36, 37, 38, 39] == [item.data["n"] for item in other]


def test_what_gives_way_and_can_still_be_read_comes_with_its_payload():
    one, other, told = pair(8, writers=2)
    two = DequeBuffer(8, storage=SharedStorage.attach(storage_of(one).name, 1), seed=0)
    push(two, range(4))
    assert 4 == len(other)
    push(two, range(4, 5))
    assert 4 == len(other)
    push(one, range(10, 14))
    other.delete([other[0].index, other[-1].index])

    assert [("evicted", 1), ("deleted", 2)] == [(reason, len(items)) for reason, items in told]
    assert [1, 13] == sorted(number for _, number, _ in told[1][1])
    assert (1, 2) == (other.stats()["evicted"], other.stats()["deleted"])


def test_the_rows_that_this_process_needs_anew_are_told_as_evicted():
    buffer, left = made(lambda: SharedStorage({"n": int}, writers=2, meta={"env": int}), size=8)
    push(buffer, range(7))
    buffer.extend([{"n": n} for n in range(7, 13)], meta={"env": [0] * 6})

    assert {"evicted"} == {reason for reason, _ in left.taken()}
    gone = [n for _, n, _, _ in left.items]
    assert list(range(13)) == sorted([*gone, *(item.data["n"] for item in buffer)])
    assert len(gone) == buffer.stats()["evicted"]


def test_what_was_overwritten_before_it_was_seen_was_never_here():
    one, other, told = pair(4)
    push(one, range(20))

    assert [16, 17, 18, 19] == [item.data["n"] for item in other]
    assert [] == told
    one.clear()
    one.delete(other[0].index)
    assert 4 == len(other)
    assert [] == told


@given(steps=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), max_size=12))
def test_what_came_here_is_held_or_was_handed_over_whatever_others_do(steps):
    one, other, told = pair(6)
    came: dict[str, int] = {}
    made_so_far = 0

    class Notes(Middleware):
        def on_filled(self, slots):
            came.update((other.store.storage.item(slot).index, 1) for slot in slots)

    other.use(Notes())
    for kind, count in steps:
        if kind < 2:
            numbers = range(made_so_far, made_so_far + count)
            one.extend([{"n": n} for n in numbers], meta={"env": list(numbers)})
            made_so_far += count
        elif kind == 2:
            other.delete([item.index for item in other][:count:2])
        elif kind == 3 and len(other):
            other.sample(count, replace=True)
        elif kind == 4 and count > 6:
            other.clear()
        other.store.check()
    held = [item.index for item in other]
    indices = [index for _, items in told for index, _, _ in items]

    assert sorted(came) == sorted([*held, *indices])
    assert all(number in (None, meta["env"]) for _, items in told for _, number, meta in items)


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
