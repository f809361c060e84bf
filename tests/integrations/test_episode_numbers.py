from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.integrations import episode_numbers
from ding_buffer.integrations.episode_numbers import EpisodeNumbers


def test_each_number_is_given_once() -> None:
    numbers = EpisodeNumbers()

    assert [0, 1, 2] == numbers.take(3).tolist()
    assert [] == numbers.take(0).tolist()
    assert [3] == numbers.take(1).tolist()
    assert 4 == numbers.next


def test_each_number_is_given_once_to_many_threads() -> None:
    numbers = EpisodeNumbers()
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda _: numbers.take(3).tolist(), range(500)))

    assert list(range(1500)) == sorted(number for three in taken for number in three)


def test_skipping_goes_forwards_only() -> None:
    numbers = EpisodeNumbers()
    numbers.skip_to(10)
    numbers.skip_to(4)

    assert [10, 11] == numbers.take(2).tolist()


def test_a_buffer_and_its_views_share_their_numbers_and_another_has_its_own() -> None:
    buffer, other = DequeBuffer(size=3), DequeBuffer(size=3)
    EpisodeNumbers.of(buffer).take(5)

    assert 5 == EpisodeNumbers.of(buffer.view()).next
    assert 0 == EpisodeNumbers.of(other).next


def test_numbers_go_with_their_buffer() -> None:
    class Foreign:
        """A buffer without a store."""

    buffer = Foreign()
    numbers, known = weakref.ref(EpisodeNumbers.of(buffer)), weakref.ref(buffer)
    gc.collect()
    assert numbers() is EpisodeNumbers.of(buffer)
    assert known in episode_numbers._NUMBERS.keyrefs()
    del buffer
    gc.collect()

    assert numbers() is None
    assert known not in episode_numbers._NUMBERS.keyrefs()
