"""When the function is called, in which thread, and what becomes of its errors."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.middleware.removals import track_removed
from ding_buffer.middleware.stale import staleness_check
from tests.middleware.handed_over import Left, on_every_storage, push


@on_every_storage
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


@on_every_storage
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


@on_every_storage
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


@on_every_storage
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
        own = (threading.get_ident(), "cleared", [1, 2])
        assert own in told  # the other, let go on, may be the first to tell
        pushed.result(60)

    told.remove(own)
    assert [("evicted", [0])] == [(reason, numbers) for _, reason, numbers in told]
    assert threading.get_ident() != told[0][0]
