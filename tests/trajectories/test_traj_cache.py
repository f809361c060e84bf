"""Trajectories that need not be read again, against a twin that is a list."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.trajectories.traj_cache import TrajCache
from tests.trajectories.made import frozen_traj


class Sized:
    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes


def test_what_was_put_in_is_given_by_reference() -> None:
    cache, traj = TrajCache(10**6), frozen_traj()
    cache.put("a", 1, traj)

    assert traj is cache.get("a", 1)
    assert (1, traj.nbytes) == (len(cache), cache.nbytes)
    assert (1, 0) == (cache.hits, cache.misses)


def test_another_stamp_is_another_file() -> None:
    cache = TrajCache(10)
    cache.put("a", 1, Sized(3))

    assert cache.get("a", 2) is None
    assert (0, 0) == (len(cache), cache.nbytes)
    assert (0, 1) == (cache.hits, cache.misses)


def test_without_room_nothing_is_kept() -> None:
    cache = TrajCache(0)
    cache.put("a", 1, Sized(1))

    assert cache.get("a", 1) is None


def test_one_that_is_too_large_does_not_drive_the_others_out() -> None:
    cache = TrajCache(10)
    cache.put("a", 1, Sized(10))
    cache.put("b", 1, Sized(11))

    assert cache.get("a", 1) is not None
    assert cache.get("b", 1) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["get", "put", "drop"]), st.integers(0, 5), st.integers(0, 6)), max_size=40
    )
)
def test_what_was_used_last_is_kept(calls: list[tuple[str, int, int]]) -> None:
    cache = TrajCache(10)
    naive: list[tuple[int, Sized]] = []  # the one used last is last
    for call, key, size in calls:
        found = [entry for entry in naive if entry[0] == key]
        if call == "get":
            assert cache.get(key, "stamp") is (found[0][1] if found else None)
            naive = [entry for entry in naive if entry[0] != key] + found
        else:
            naive = [entry for entry in naive if entry[0] != key]
            if call == "put":
                traj = Sized(size)
                cache.put(key, "stamp", traj)
                naive.append((key, traj))
                while sum(entry[1].nbytes for entry in naive) > 10:
                    del naive[0]
            else:
                cache.drop(key)
        assert len(naive) == len(cache)
        assert sum(entry[1].nbytes for entry in naive) == cache.nbytes


def test_a_copy_in_another_process_begins_empty() -> None:
    cache = TrajCache(10)
    cache.put("a", 1, Sized(3))
    copy = pickle.loads(pickle.dumps(cache))

    assert (10, 0, 0) == (copy.max_bytes, copy.nbytes, len(copy))
    assert 1 == len(cache)
