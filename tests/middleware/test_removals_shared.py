"""What leaves memory that processes share, whoever pushes it out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.middleware.removals import track_removed
from ding_buffer.storages.shared_storage import SharedStorage
from tests.middleware.handed_over import made, push
from tests.storages.shared_processes import storage_of


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
