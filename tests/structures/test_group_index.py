from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.structures.group_index import GroupIndex

VALUES = st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["a", ("b", 1)]))
STEP = st.one_of(
    st.tuples(st.just("add"), VALUES),
    st.tuples(st.just("add"), VALUES),
    st.tuples(st.just("evict"), st.none()),
    st.tuples(st.just("remove"), st.lists(st.integers(0, 50), min_size=1, max_size=5)),
    st.tuples(st.just("move"), st.tuples(st.integers(0, 50), VALUES)),
    st.tuples(st.just("clear"), st.none()),
)
CAPACITY = 30


def agree(index, held):
    """``held`` is the value of each item by its serial, whose slot is the serial modulo the capacity."""
    index.check()
    right: dict = {}
    for serial, value in sorted(held.items()):
        if value is not None:
            right.setdefault(value, []).append(serial)
    assert right == {group.value: group.serials[group.head :] for group in index.groups}
    assert len(right) == len(index)
    for value, serials in right.items():
        group = index.get(value)
        assert [serial % CAPACITY for serial in serials] == group.slots[group.head :]
        assert len(serials) == len(group)
        for low, high in ((serials[0], serials[-1]), (serials[0] + 1, serials[-1] + 1), (0, 0), (0, 10**6)):
            start, stop = group.between(low, high)
            assert [serial for serial in serials if low <= serial < high] == group.serials[start:stop]
    for serial, value in held.items():
        group = index.of(serial % CAPACITY)
        assert value == (None if group is None else group.value)


@settings(max_examples=150)
@given(st.lists(STEP, max_size=60))
def test_it_agrees_with_a_dict_of_values(steps):
    index, serial = GroupIndex(), 0
    held: dict = {}
    for step, what in steps:
        serials = sorted(held)
        if step == "add":
            if len(held) == CAPACITY or (serials and serial - serials[0] >= CAPACITY):
                index.evict(serials[0] % CAPACITY)
                del held[serials[0]]
            index.add(serial % CAPACITY, serial, what)
            held[serial] = what
            serial += 1
        elif step == "clear":
            index.clear()
            held = {}
        elif not held:
            continue
        elif step == "evict":
            index.evict(serials[0] % CAPACITY)
            del held[serials[0]]
        elif step == "remove":
            gone = sorted({serials[place % len(serials)] for place in what})
            index.remove([one % CAPACITY for one in gone], gone)
            held = {one: value for one, value in held.items() if one not in gone}
        else:
            moved = serials[what[0] % len(serials)]
            index.move(moved % CAPACITY, moved, what[1])
            held[moved] = what[1]
        agree(index, held)


def made(*values):
    index = GroupIndex()
    for serial, value in enumerate(values):
        index.add(serial, serial, value)
    return index


def test_an_item_without_a_value_belongs_to_no_group():
    index = made("a", None, "a")

    assert ["a"] == [group.value for group in index.groups]
    assert index.of(1) is None
    assert index.of(99) is None
    assert index.get(None) is None


def test_a_group_goes_with_its_last_item():
    index = made("a", "b", "a")
    index.remove([0, 2], [0, 2])

    assert ["b"] == [group.value for group in index.groups]
    assert index.get("a") is None


def test_an_item_moved_back_stands_where_it_stood():
    index = made("a", "a", "a", "b")
    index.move(1, 1, "b")
    assert [1, 3] == index.get("b").serials
    index.move(1, 1, "a")

    assert [0, 1, 2] == index.get("a").serials


def test_an_item_moved_to_its_own_group_stays_where_the_group_is():
    index = made("a", "b")
    index.move(0, 0, "a")

    assert ["a", "b"] == [group.value for group in index.groups]


def test_values_that_are_equal_are_one_group():
    assert 1 == len(made(1, 1.0, True))


def test_long_groups_forget_their_oldest_without_keeping_their_places():
    index = made(*["a"] * 1000)
    for slot in range(900):
        index.evict(slot)

    assert 300 > len(index.get("a").slots)
    assert list(range(900, 1000)) == index.get("a").slots[index.get("a").head :]
    index.check()


def test_groups_can_be_put_in_the_order_they_had():
    index = made("a", "b", "c", "d", "b")
    index.remove([0], [0])
    order = [group.value for group in index.groups]
    twin = GroupIndex()
    for serial, value in ((1, "b"), (2, "c"), (3, "d"), (4, "b")):
        twin.add(serial, serial, value)
    assert order != [group.value for group in twin.groups]
    twin.reorder(index.order())

    assert order == [group.value for group in twin.groups]
    twin.check()


@pytest.mark.parametrize("order", [[], [0], [0, 2], [0, 1, 2], [0, 0]])
def test_an_order_of_other_groups_is_refused(order):
    index = made("a", "b", "a")

    with pytest.raises(ValueError, match="groups"):
        index.reorder(order)
    index.check()


def test_what_does_not_fit_together_is_noticed():
    for spoil in (
        lambda index: index.get("a").serials.reverse(),
        lambda index: setattr(index.get("a"), "place", 1),
        lambda index: index.get("a").slots.reverse() or index._of_slot.__setitem__(0, index.get("b")),
        lambda index: index.get("a").slots.append(9),
        lambda index: index._of_slot.__setitem__(4, index.get("b")),
        lambda index: index._by_value.__setitem__("c", index.get("b")),
    ):
        index = made("a", "b", "a", "b", None)
        index.check()
        spoil(index)
        with pytest.raises(ValueError, match=r"."):
            index.check()
