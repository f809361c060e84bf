from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.structures.ring_index import RingIndex
from tests.kernels.push_kinds import KINDS


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.mark.parametrize("kind", KINDS)
@given(capacity=st.integers(1, 7), pushed=st.integers(0, 30), base=st.integers(0, 5))
def test_it_counts_as_a_list_of_serials_does(kind, capacity, pushed, base):
    ring = kind.RingCounter(capacity)
    held: list[int] = []
    ring.next = ring.base = ring.first = base
    for serial in range(base, base + pushed):
        held = [*held, serial][-capacity:]
        assert (serial - base) % capacity == ring.advance()
        assert (serial + 1, len(held), held[0], base) == (ring.next, ring.count, ring.first, ring.base)
    assert ring.dense is True
    assert capacity == ring.capacity


def test_it_does_not_advance_where_slots_are_not_arithmetic(kind):
    ring = kind.RingCounter(3)
    ring.dense = False
    with pytest.raises(ValueError, match="this ring cannot advance: its next slot is not arithmetic"):
        ring.advance()
    assert (0, 0, 0) == (ring.next, ring.count, ring.first)


def test_it_goes_on_to_the_last_serial_and_no_further(kind):
    ring = kind.RingCounter(3)
    ring.next = ring.first = (1 << 60) - 1
    ring.base = 7
    assert ((1 << 60) - 8) % 3 == ring.advance()
    with pytest.raises(ValueError, match="cannot advance"):
        ring.advance()
    assert 1 << 60 == ring.next


@pytest.mark.parametrize("capacity", [0, -1])
def test_there_must_be_a_slot(kind, capacity):
    with pytest.raises(ValueError, match="capacity must be at least 1"):
        kind.RingCounter(capacity)


@pytest.mark.parametrize(
    "spread", [copy.copy, copy.deepcopy, lambda ring: pickle.loads(pickle.dumps(ring, 0))]
)
def test_a_copy_goes_on_by_itself(kind, spread):
    ring = kind.RingCounter(3)
    for _ in range(5):
        ring.advance()
    other = spread(ring)
    assert (5, 3, 2, 0, True) == (other.next, other.count, other.first, other.base, other.dense)
    ring.advance()
    assert (5, 2) == (other.next, other.advance())


@pytest.mark.parametrize("spread", [copy.copy, copy.deepcopy, lambda ring: pickle.loads(pickle.dumps(ring))])
def test_the_attributes_of_a_subclass_are_copied_too(spread):
    ring = RingIndex(4)
    for _ in range(6):
        ring.advance()
    for removes in (False, True):
        if removes:
            ring.remove(ring.live()[1:2])
        other = spread(ring)
        assert type(other) is RingIndex
        assert ring.live().tolist() == other.live().tolist()
        assert (ring.dense, ring.next, ring.count) == (other.dense, other.next, other.count)
        other.check()


@pytest.fixture
def strict_ring():
    module: Any = KINDS[1].values[0]
    if module is None:
        pytest.skip("it is not built")
    return module.RingCounter(3)


def test_numbers_are_whole_and_fit_64_bits(strict_ring):
    for name in ("capacity", "next", "count", "first", "base"):
        with pytest.raises(OverflowError):
            setattr(strict_ring, name, 1 << 63)
        with pytest.raises(TypeError):
            setattr(strict_ring, name, 1.5)
        with pytest.raises(TypeError):
            delattr(strict_ring, name)
    with pytest.raises(TypeError):
        strict_ring.dense = 1
    assert (3, 0, True) == (strict_ring.capacity, strict_ring.next, strict_ring.dense)


@pytest.mark.parametrize("name", ["capacity", "next", "count", "first", "base"])
@pytest.mark.parametrize("number", [-(1 << 63), -1, (1 << 60) + 1, (1 << 63) - 1])
def test_numbers_that_make_no_sense_are_refused_where_they_would_matter(strict_ring, name, number):
    setattr(strict_ring, name, number)
    if (name, number > 0) == ("capacity", True):
        assert 0 == strict_ring.advance()
    else:
        with pytest.raises(ValueError, match="cannot advance"):
            strict_ring.advance()
