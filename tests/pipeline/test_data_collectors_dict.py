from __future__ import annotations

import threading

import pytest

from ding_buffer.pipeline.data_collector import DataCollector
from ding_buffer.pipeline.data_collectors_dict import DataCollectorsDict
from ding_buffer.pipeline.pipeline_errors import CollectorInUse, UnknownCollector


def made() -> tuple[DataCollectorsDict, DataCollector, DataCollector]:
    one, other = DataCollector(3), DataCollector(3)
    return DataCollectorsDict({"one": one}, other=other), one, other


def test_one_component_at_a_time_has_a_collector():
    collectors, one, other = made()

    assert one is collectors.acquire("one")
    assert other is collectors.acquire("other")
    for _ in range(2):
        with pytest.raises(KeyError, match="Data collector 'one' is already acquired"):
            collectors.acquire("one")
    assert {"one", "other"} == collectors.acquired()
    collectors.release("one")
    assert one is collectors.acquire("one")


def test_an_unknown_name_is_told():
    collectors, _, _ = made()
    for call in (collectors.acquire, collectors.release):
        with pytest.raises(KeyError, match="Data collector 'third' not found"):
            call("third")


def test_only_what_is_acquired_can_be_released():
    collectors, _, _ = made()
    with pytest.raises(UnknownCollector, match="not acquired"):
        collectors.release("one")


def test_indexing_acquires_nothing_and_gives_nothing_away_that_somebody_has():
    collectors, one, _ = made()

    assert one is collectors["one"]
    assert one is collectors.acquire("one")
    with pytest.raises(CollectorInUse):
        collectors["one"]
    assert "one" in collectors
    assert ["one", "other"] == sorted(collectors)


def test_what_somebody_has_is_neither_replaced_nor_removed():
    collectors, one, _ = made()
    collectors.acquire("one")
    with pytest.raises(CollectorInUse):
        collectors["one"] = DataCollector(3)
    with pytest.raises(CollectorInUse):
        del collectors["one"]
    collectors["one"] = one
    collectors.release("one")
    del collectors["one"]
    with pytest.raises(KeyError):
        collectors["one"]


def test_nothing_that_a_dictionary_can_do_gets_around_who_has_what():
    collectors, one, other = made()
    collectors.acquire("other")
    for call in (
        lambda: collectors.get("other"),
        lambda: collectors.pop("other", None),
        lambda: collectors.popitem() and collectors.popitem(),
        lambda: collectors.setdefault("other", one),
        lambda: collectors.update(other=one),
        lambda: dict(collectors),
    ):
        with pytest.raises(CollectorInUse, match="must release it first"):
            call()

    assert {"other": other} == collectors.data
    collectors.release("other")
    assert other is collectors.get("other", one) is collectors.pop("other", None)
    assert one is collectors.get("other", one) is collectors.pop("other", one)
    with pytest.raises(KeyError):
        collectors.pop("other")


def test_all_go_or_none():
    collectors, one, other = made()
    collectors.acquire("other")
    with pytest.raises(CollectorInUse):
        collectors.clear()
    assert {"one": one, "other": other} == collectors.data
    collectors.release("other")
    collectors.clear()

    assert 0 == len(collectors)


def test_of_many_threads_that_want_it_one_gets_it():
    for _ in range(50):
        collectors, _, _ = made()
        got: list[str] = []
        begin = threading.Barrier(4)

        def want(collectors=collectors, got=got, begin=begin):
            begin.wait()
            try:
                collectors.acquire("one")
                got.append("it")
            except CollectorInUse:
                got.append("")

        threads = [threading.Thread(target=want) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert ["", "", "", "it"] == sorted(got)
