from __future__ import annotations

import copy
import gc
import inspect
import pickle
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from ding_buffer.core.item import BufferedData
from ding_buffer.core.lock import FairLock
from ding_buffer.structures.index_text import IndexText
from tests.kernels.kept_references import keeps_references
from tests.kernels.push_bench import FIRST, PREFIX, Bench
from tests.kernels.push_kinds import KINDS

PATIENCE = 60


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def elsewhere(work, *args):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *args).result(PATIENCE)


def test_an_item_goes_into_the_next_slot_and_comes_back(kind):
    bench = Bench(kind)
    for serial in range(8):
        meta = {"env": serial}
        data = object()
        item = bench.push(data, meta)
        assert type(item) is BufferedData
        assert bench.items[serial % 3] is item
        assert item.data is data
        assert item.meta is meta
        assert f"{PREFIX}{serial + FIRST:x}" == item.index
        assert (serial + 1, min(3, serial + 1), max(0, serial - 2)) == bench.numbers()
    assert 3 == len(bench.items)
    assert [] == bench.calls


@pytest.mark.parametrize("capacity", [1, 2])
def test_the_smallest_rings_go_round(kind, capacity):
    bench = Bench(kind, capacity)
    items = [bench.push(number) for number in range(5)]
    assert items[-capacity:] == sorted(bench.items, key=lambda item: item.index)


def test_every_way_to_spell_the_arguments_is_taken(kind):
    bench, meta = Bench(kind), {"a": 1}
    metas = [
        item.meta
        for item in (
            bench.push(1),
            bench.push(1, None),
            bench.push(data=1),
            bench.push(1, meta=None),
            bench.push(1, meta),
            bench.push(1, meta=meta),
            bench.push(data=1, meta=meta),
            bench.push(meta=meta, data=1),
            bench.fast(1, meta=meta),
        )
    ]
    assert [{}] * 4 + [meta] * 5 == metas
    assert metas[0] is not metas[1]
    assert [] == bench.calls


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((1, None, 2), {}),
        ((1,), {"data": 1}),
        ((1, {}), {"meta": {}}),
        ((1,), {"priority": 2}),
        ((), {"meta": {}}),
    ],
)
def test_wrong_arguments_raise_what_python_raises(kind, args, kwargs):
    bench = Bench(kind)
    with pytest.raises(TypeError, match=r"\.slow\(\)|push\(\)"):
        bench.push(*args, **kwargs)
    assert (0, 0, 0) == bench.numbers()


def test_what_others_hear_of_later_is_counted_in_the_ring(kind):
    bench = Bench(kind, capacity=4)
    bench.push(0)
    bench.fast.late = True
    for number in range(1, 4):
        bench.push(number)
    assert (3, 0) == (bench.ring.unheard, bench.ring.displaced)
    assert "slow" == bench.push(4), "as many as there is room for would be all"

    bench.ring.unheard = 0
    bench.push(5)
    bench.push(6)
    assert (2, 2) == (bench.ring.unheard, bench.ring.displaced)


def test_what_others_hear_of_later_goes_the_slow_way_while_anybody_holds_the_lock(kind):
    bench = Bench(kind)
    bench.fast.late = True
    with bench.mutex:
        assert "slow" == bench.push(1)
        assert "slow" == elsewhere(bench.push, 1)
    assert (0, 0, 0) == bench.numbers()


class Meta(dict):
    pass


@pytest.mark.parametrize("meta", [[], 3, "", Meta(a=1), (("a", 1),)])
def test_a_meta_that_is_no_plain_dict_goes_the_slow_way(kind, meta):
    bench = Bench(kind)
    assert "slow" == bench.push(1, meta)
    assert "slow" == bench.push(1, meta=meta)
    assert [(1, meta)] * 2 == bench.calls
    assert ((0, 0, 0), []) == (bench.numbers(), bench.items)


def not_alone(bench):
    bench.fast.alone = False


def without_prefix(bench):
    bench.fast.prefix = ""


def not_dense(bench):
    bench.ring.dense = False


def past_the_texts(bench):
    bench.ring.first = bench.ring.base = bench.ring.next = FIRST


def short_list(bench):
    bench.ring.next = 2


@pytest.mark.parametrize("hinder", [not_alone, without_prefix, not_dense, past_the_texts, short_list])
def test_what_is_not_the_common_case_goes_the_slow_way_with_nothing_changed(kind, hinder):
    bench = Bench(kind)
    hinder(bench)
    before = bench.numbers()
    assert "slow" == bench.push(1)
    assert "slow" == bench.push(1, meta={"a": 2})
    assert [(1, None), (1, {"a": 2})] == bench.calls
    assert (before, []) == (bench.numbers(), bench.items)


def test_the_lock_may_be_held_by_this_thread_and_by_no_other(kind):
    bench = Bench(kind)
    with bench.mutex:
        assert 1 == bench.push(1).data
        assert "slow" == elsewhere(bench.push, 2)
    assert 3 == elsewhere(bench.push, 3).data
    assert [(2, None)] == bench.calls
    assert bench.mutex.acquire(False)
    bench.mutex.release()
    assert not bench.mutex._is_owned()


def test_the_lock_may_be_the_mutex_of_a_fair_lock(kind):
    lock = FairLock()
    lock.mutex = kind.Mutex()
    bench = Bench(kind)
    fast = kind.FastPush(bench.ring, lock, BufferedData, bench.slow, bench.items)
    fast.alone, fast.prefix = True, PREFIX
    assert 1 == fast.push(1).data
    with lock:
        assert "slow" == elsewhere(fast.push, 2)


def test_what_the_slow_way_raises_comes_out(kind):
    bench = Bench(kind)

    def slow(data, meta=None):
        raise KeyError(data)

    fast = kind.FastPush(bench.ring, bench.mutex, BufferedData, slow, bench.items)
    with pytest.raises(KeyError, match="7"):
        fast.push(7)
    assert fast.slow is slow
    assert not bench.mutex._is_owned()


def test_texts_are_those_of_the_index(kind):
    text = IndexText()
    bench = Bench(kind, capacity=10)
    bench.fast.prefix = text.write(0)[:16]
    assert text.write(0)[:16] == bench.fast.prefix
    for start in (0, 15, 4094, 8191, 1 << 20, (1 << 36) - 1, (1 << 60) - 3):
        bench.ring.first = bench.ring.base = bench.ring.next = start
        bench.ring.count = 0
        bench.items.clear()
        assert [text.write(serial) for serial in range(start, start + 3)] == [
            bench.push(None).index for _ in range(3)
        ]


def test_another_prefix_begins_at_once(kind):
    bench = Bench(kind)
    bench.push(1)
    bench.fast.prefix = "f" * 16
    assert "f" * 16 + "1000000000000001" == bench.push(1).index
    for prefix, error in (
        ("f" * 15, ValueError),
        ("G" * 16, ValueError),
        ("é" * 8, ValueError),
        (3, TypeError),
    ):
        with pytest.raises(error, match="prefix must be"):
            bench.fast.prefix = prefix
    assert "f" * 16 == bench.fast.prefix


def test_what_gives_way_dies_after_everything_is_in_its_place(kind):
    bench = Bench(kind, capacity=1)
    seen = []

    class Payload:
        def __del__(self):
            seen.append((bench.numbers(), bench.items[0].data, bench.push("again").index[16:]))

    bench.push(Payload())
    bench.push("new")
    assert [((2, 1, 1), "new", "1000000000000002")] == seen
    assert "again" == bench.items[0].data
    assert (3, 1, 2) == bench.numbers()


def test_the_collector_may_run_a_push_within_a_push(kind):
    bench = Bench(kind, capacity=50)

    class Knot:
        def __init__(self):
            self.self = self

        def __del__(self):
            bench.push("inner")

    before = gc.get_threshold()
    try:
        gc.set_threshold(1, 1, 1)
        for _ in range(100):
            Knot()
            bench.push("outer", None)
    finally:
        gc.set_threshold(*before)
        gc.collect()
    serials, pushed = [int(item.index[16:], 16) - FIRST for item in bench.items], bench.ring.next
    assert 200 == pushed + len(bench.calls)
    assert list(range(pushed - 50, pushed)) == sorted(serials)
    assert all(serial % 50 == slot for slot, serial in enumerate(serials))


def test_nothing_is_kept_alive_or_dropped_too_often(kind):
    bench, data, meta = Bench(kind, capacity=2), object(), {"a": object()}

    def turn():
        for alone in (True, False):
            bench.fast.alone = alone
            bench.push(data, meta)
            bench.push(data=data, meta=meta)
        bench.calls.clear()
        bench.items.clear()
        bench.ring.next = bench.ring.count = bench.ring.first = 0

    assert not keeps_references(turn, (), [data, meta, BufferedData, bench.items, bench.ring, bench.mutex])


def test_threads_push_without_losing_anything(kind):
    bench = Bench(kind, capacity=100)
    lock = FairLock()
    lock.mutex = bench.mutex

    def slow(data, meta=None):
        with lock:
            serial, slot = bench.ring.next, bench.ring.advance()
            item = BufferedData(data, f"{PREFIX}{serial + FIRST:x}", {})
            bench.items[slot : slot + 1] = [item]
            return item

    fast = kind.FastPush(bench.ring, lock, BufferedData, slow, bench.items)
    fast.alone, fast.prefix = True, PREFIX

    def work(number):
        texts = set()
        for _ in range(500):
            texts.add(fast.push(number).index)
            if not number:
                with lock:
                    pass
        return texts

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(work, range(4)))
    assert 2000 == len(set().union(*parts)) == bench.ring.next
    assert 100 == bench.ring.count == len(bench.items)


def test_it_is_collected_with_what_it_stands_on(kind):
    class Home:
        def __init__(self):
            self.bench = Bench(kind)
            self.fast = kind.FastPush(self.bench.ring, self.bench.mutex, BufferedData, self.slow, [])

        def slow(self, data, meta=None):
            return self

    gone = weakref.ref(Home())
    gc.collect()
    assert gone() is None


def test_there_is_no_copy_of_it(kind):
    for spread in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle 'FastPush' object"):
            spread(Bench(kind).fast)


class NoSlots:
    pass


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ring": 3}, "RingCounter"),
        ({"mutex": 3}, r"."),
        ({"mutex": threading.Lock()}, r"."),
        ({"item_type": NoSlots}, "slot data"),
        ({"item_type": 3}, r"."),
        ({"slow": 3}, "a callable as slow"),
        ({"target": ()}, r"."),
        ({"target": {}}, "the target is a list, without versions, or a tuple"),
        ({"target": Meta()}, "the target is"),
        ({"versions": 3}, "the target is"),
        ({"more": 3}, r"."),
    ],
)
def test_it_is_not_made_of_anything_else(kind, change, message):
    parts = {
        "ring": kind.RingCounter(3),
        "mutex": kind.Mutex(),
        "item_type": BufferedData,
        "slow": print,
        "target": [],
        **change,
    }
    with pytest.raises((TypeError, AttributeError), match=message):
        kind.FastPush(**parts)


def test_it_has_the_signature_of_a_push(kind):
    assert ["data", "meta"] == list(inspect.signature(Bench(kind).push).parameters)


def test_without_memory_everything_stays_as_it_was(kind):
    memory = pytest.importorskip("_testcapi")
    for filled in (0, 3):
        for place in range(12):
            bench = Bench(kind)
            for number in range(filled):
                bench.push(number)
            push, before, items, error, item = bench.push, bench.numbers(), [*bench.items], None, None
            trace = sys.gettrace()
            sys.settrace(None)  # whoever measures coverage takes memory of its own
            gc.disable()  # what it does to objects of before takes memory as well
            memory.set_nomemory(place, place + 1)
            try:
                item = push(7)
            except MemoryError as raised:
                error = raised
            finally:
                memory.remove_mem_hooks()
                gc.enable()
                sys.settrace(trace)
            if error is None:
                assert filled + 1 == bench.ring.next
                assert bench.items[filled % 3] is item
            else:
                assert before == bench.numbers()
                assert items == [item for item in bench.items if item is not None]
            assert bench.push(8).index == f"{PREFIX}{bench.ring.next - 1 + FIRST:x}"
            assert not bench.mutex._is_owned()
