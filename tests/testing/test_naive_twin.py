from __future__ import annotations

from ding_buffer.testing.naive_twin import NaiveTwin


def filled():
    twin = NaiveTwin(4)
    for number, env in enumerate([0, 1, 0, None, 1]):
        twin.push(number, str(number), {} if env is None else {"env": env})
    return twin


def test_it_keeps_the_newest():
    assert ["1", "2", "3", "4"] == filled().indices()
    assert 4 == len(filled())


def test_it_keeps_metas_of_its_own():
    twin, meta = NaiveTwin(2), {"a": 1}
    twin.push(0, "0", meta)
    meta["a"] = 2

    assert {"a": 1} == twin.items[0].meta


def test_it_updates_by_replacing_or_merging():
    twin = filled()

    assert twin.update("2", "new")
    assert twin.update("2", meta={"a": 1})
    assert twin.update("2", meta={"b": 2}, merge=True)
    assert not twin.update("0", "new")
    item = twin.get("2")
    assert item is not None
    assert ("new", {"a": 1, "b": 2}) == (item.data, item.meta)
    assert twin.get("0") is None


def test_it_deletes_and_clears():
    twin = filled()

    assert 2 == twin.delete(["1", "1", "3", "9"])
    assert ["2", "4"] == twin.indices()
    twin.clear()
    assert 0 == len(twin)


def test_it_knows_ranges_and_groups():
    twin = filled()

    assert ["3", "4"] == twin.in_range(slice(-2, None))
    assert {1: ["1", "4"], 0: ["2"]} == twin.groups("env")
    assert {1: ["4"]} == twin.groups("env", slice(2, None))
