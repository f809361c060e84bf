"""What every layer must do, as a test class to inherit from."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.batch import stored
from ding_buffer.core.chain import Middleware, layer_name
from ding_buffer.core.errors import ChainError, NotEnoughItems, UnknownArgument
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.testing.buffer_checks import check_buffer
from ding_buffer.testing.twin_driver import KINDS


class _Payload:
    """Something that can be watched being let go."""


class MiddlewareSuite:
    """What a buffer's users expect whatever layer they add.

    Whoever ships a layer inherits and runs pytest::

        class TestMyLayer(MiddlewareSuite):
            query = {"my_keyword": 3}                # goes with every sample
            kinds = ("groups", "windows")            # the ways to sample that it allows, KINDS by default

            def make_layer(self):
                return MyLayer(limit=100)

            def meta(self, number):                  # what it needs of the n-th item's meta
                return {"limit": number}

    The layer is to let items be drawn a dozen times (a limit of uses, an age) in the form made here. Each
    test runs on each of ``storages``: a batch is a list of items there, or a ``BufferedBatch``.
    """

    query: Mapping[str, Any] = {}
    kinds: tuple[str, ...] = KINDS
    storages: Mapping[str, Callable[[], Any]] = {"objects": ObjectStorage, "columns": ColumnStorage}
    """The storages that buffers are to have, by name."""
    make_storage: Callable[[], Any] = ObjectStorage
    """What ``make_buffer`` makes a buffer's storage with."""

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Lets pytest run each test on each storage."""
        metafunc.parametrize("on_storage", list(self.storages), indirect=True)

    @pytest.fixture(autouse=True)
    def on_storage(self, request: Any) -> None:
        """Puts the buffers of a test on one of ``storages``."""
        self.make_storage = self.storages[request.param]

    def make_layer(self) -> Any:
        """Returns a new layer."""
        raise NotImplementedError("A layer's test class says how one is made: override make_layer().")

    def meta(self, number: int) -> dict[str, Any]:
        """Returns the meta that the layer needs of the n-th item."""
        return {}

    def payload(self, number: int) -> Any:
        """Returns the n-th payload, another for each n."""
        return number

    def same(self, left: Any, right: Any) -> bool:
        """Tells whether two payloads are alike."""
        return bool(left == right)

    def make_buffer(self, size: int = 20) -> Any:
        """Returns an empty buffer without layers."""
        return DequeBuffer(size, storage=self.make_storage(), seed=0)

    def filled(self, count: int, size: int = 20) -> Any:
        """Returns a buffer with the layer and ``count`` items in four groups."""
        buffer = self.make_buffer(size).use(self.make_layer())
        self.fill(buffer, 0, count)
        return buffer

    def fill(self, buffer: Any, first: int, count: int) -> list[str]:
        """Pushes items and returns their indices."""
        numbers = range(first, first + count)
        return [buffer.push(self.payload(n), meta={**self.meta(n), "env": n % 4}).index for n in numbers]

    def drawn(self, buffer: Any, size: int = 3, **query: Any) -> list[str]:
        """Draws in the first of ``kinds`` and returns the indices."""
        if self.kinds[0] in ("groups", "windows"):
            query = {"groupby": "env", **query}
        return [item.index for item in stored(buffer.sample(size, **{**query, **self.query}))]

    def test_a_push_arrives(self) -> None:
        buffer = self.make_buffer().use(self.make_layer())
        item = buffer.push(self.payload(0), meta=self.meta(0))

        assert 1 == len(buffer)
        assert item.index == buffer[0].index
        assert self.meta(0).keys() <= buffer[0].meta.keys()

    def test_a_push_leaves_the_callers_meta_alone(self) -> None:
        meta = {**self.meta(0), "env": 1}
        before = dict(meta)
        self.make_buffer().use(self.make_layer()).push(self.payload(0), meta=meta)

        assert before == meta

    def test_many_pushed_at_once_arrive_like_one_by_one(self) -> None:
        one_by_one = self.filled(5)
        metas = [{**self.meta(n), "env": n % 4} for n in range(5)]
        columns = {key: [meta[key] for meta in metas] for key in metas[0]}
        for meta in (metas, columns):
            at_once = self.make_buffer().use(self.make_layer())
            items = at_once.extend([self.payload(n) for n in range(5)], meta=meta)

            assert [item.index for item in at_once] == [item.index for item in items]
            assert [item.meta for item in one_by_one] == [item.meta for item in at_once]
            at_once.store.check()

    def test_a_sample_hands_out_items_of_the_buffer(self) -> None:
        buffer = self.filled(12)
        held = {item.index for item in buffer}
        drawn = self.drawn(buffer)

        assert drawn
        assert set(drawn) <= held

    def test_an_update_arrives_and_tells_whether_the_item_was_there(self) -> None:
        buffer = self.filled(5)
        index = buffer[2].index

        assert buffer.update(index, data=self.payload(9), meta={**self.meta(9), "note": 1}) is True
        assert 1 == buffer[2].meta["note"]
        assert buffer.update("no such index", meta=self.meta(9)) is False
        assert 1 == buffer.stats()["late_updates"]

    def test_an_update_of_many_arrives_and_tells_which_were_there(self) -> None:
        buffer = self.filled(5)
        gone = buffer[0].index
        buffer.delete(gone)
        indices = [buffer[1].index, gone, buffer[3].index]
        there = buffer.update(indices, meta={"note": [5, 6, 7]})

        assert [True, False, True] == np.asarray(there).tolist()
        assert [None, 5, None, 7] == [item.meta.get("note") for item in buffer]

    def test_a_deletion_arrives_and_tells_how_many_went(self) -> None:
        buffer = self.filled(6)
        indices = [item.index for item in buffer]

        assert 1 == buffer.delete(indices[0])
        assert 2 == buffer.delete(iter([indices[2], indices[2], indices[0], indices[4]]))
        assert [indices[1], indices[3], indices[5]] == [item.index for item in buffer]

    def test_after_clear_nothing_is_left_and_it_goes_on(self) -> None:
        buffer = self.filled(12)
        self.drawn(buffer)
        buffer.clear()

        assert 0 == len(buffer)
        with pytest.raises(NotEnoughItems):
            self.drawn(buffer)
        new = set(self.fill(buffer, 20, 12))
        assert set(self.drawn(buffer)) <= new

    def test_it_holds_on_to_no_payload_that_is_gone(self) -> None:
        buffer = self.make_buffer(size=2).use(self.make_layer())
        seen = []
        for number in range(6):
            buffer.push(_Payload(), meta={**self.meta(number), "env": number % 4})
            seen.append(weakref.ref(buffer[-1].data))
        self.drawn(buffer, 1)
        buffer.delete(buffer[0].index)
        gc.collect()
        assert [None] * 5 == [ref() for ref in seen[:5]]
        buffer.clear()
        gc.collect()
        assert seen[5]() is None

    def test_what_another_view_deletes_is_drawn_no_more(self) -> None:
        buffer = self.filled(16)
        self.drawn(buffer)
        gone = [item.index for item in buffer][::2]
        buffer.view().delete(gone)

        for _ in range(6):
            assert not set(self.drawn(buffer, 2)) & set(gone)
        buffer.store.check()

    def test_what_another_view_pushes_and_evicts_is_followed(self) -> None:
        buffer = self.filled(8, size=8)
        self.drawn(buffer)
        old = {item.index for item in buffer}
        self.fill(buffer.view(), 8, 8)

        for _ in range(6):
            drawn = set(self.drawn(buffer, 2))
            assert drawn <= {item.index for item in buffer}
            assert not drawn & old

    def test_what_another_view_loads_is_followed(self) -> None:
        buffer, other = self.filled(8), self.filled(12, size=12)
        self.drawn(buffer)
        buffer.view().load_state_dict(other.state_dict())

        assert [item.index for item in other] == [item.index for item in buffer]
        for _ in range(6):
            assert set(self.drawn(buffer, 2)) <= {item.index for item in other}

    def test_what_another_view_clears_is_followed(self) -> None:
        buffer = self.filled(8)
        buffer.view().clear()

        with pytest.raises(NotEnoughItems):
            self.drawn(buffer)

    def test_items_that_were_there_first_are_taken_in(self) -> None:
        buffer = self.make_buffer()
        held = set(self.fill(buffer, 0, 12))
        buffer.use(self.make_layer())
        drawn: set[str] = set()
        for _ in range(8):
            drawn.update(self.drawn(buffer, 3))

        assert drawn
        assert drawn <= held

    def test_a_deep_copy_goes_its_own_way_after_the_same_next_batch(self) -> None:
        buffer = self.filled(12)
        self.drawn(buffer)
        twin = copy.deepcopy(buffer)

        assert self.drawn(buffer) == self.drawn(twin)
        twin.clear()
        assert set(self.drawn(buffer)) <= {item.index for item in buffer}
        for layer in twin._middleware:
            assert not isinstance(layer, Middleware) or twin is layer.buffer

    def test_a_saved_and_resumed_run_draws_the_same_batches(self) -> None:
        buffer = self.filled(12)
        self.drawn(buffer)
        buffer.delete([item.index for item in buffer][1::5])
        resumed = self.make_buffer().use(self.make_layer())
        resumed.load_state_dict(copy.deepcopy(buffer.state_dict()))

        for _ in range(4):
            assert self.drawn(buffer, 2) == self.drawn(resumed, 2)
        assert [item.meta for item in buffer] == [item.meta for item in resumed]

    def test_it_is_refused_where_it_is_used_a_second_time(self) -> None:
        layer = self.make_layer()
        if isinstance(layer, Middleware):
            home = self.make_buffer().use(layer)
            for buffer in (home, home.view(), self.make_buffer()):
                with pytest.raises(ChainError, match=layer_name(layer)):
                    buffer.use(layer)
            with pytest.raises(ChainError):
                self.make_buffer().use(*[self.make_layer()] * 2)

    def test_an_empty_buffer_is_short_and_not_broken(self) -> None:
        buffer = self.make_buffer().use(self.make_layer())

        with pytest.raises(NotEnoughItems):
            self.drawn(buffer)
        assert [] == self.drawn(buffer, ignore_insufficient=True)
        assert 0 == buffer.delete(["no such index"])
        assert 0 == len(buffer.extend([]))
        buffer.clear()
        assert 0 == len(buffer)

    def test_a_keyword_that_nobody_takes_is_an_error_that_names_it(self) -> None:
        with pytest.raises(UnknownArgument, match="no_such_keyword"):
            self.drawn(self.filled(12), no_such_keyword=1)

    def test_it_says_what_it_is_and_what_it_counts(self) -> None:
        buffer = self.filled(12)
        layer = buffer._middleware[0]

        assert layer_name(layer) in buffer.explain()
        assert "no description" not in buffer.explain()
        if isinstance(layer, Middleware) and layer.stats():
            assert layer.stats() == buffer.stats()[layer_name(layer)]

    def test_any_operations_agree_with_a_plain_list(self) -> None:
        options: dict[str, Any] = {"meta": self.meta, "query": self.query, "kinds": self.kinds}
        options |= {"payload": self.payload, "same": self.same}
        for seed, size in enumerate([1, 3, 8, 20]):
            buffer = self.make_buffer(size).use(self.make_layer())
            check_buffer(buffer, seed=seed, **options)

    def test_the_same_items_are_drawn_wherever_they_lie(self) -> None:
        drawn = self._drawn_over_a_life()
        self.make_storage = ObjectStorage

        assert drawn == self._drawn_over_a_life()

    def _drawn_over_a_life(self) -> list[list[int]]:
        """Returns the numbers of what is drawn, in several ways, between all that can happen to items."""
        buffer = self.filled(26)
        numbers = {item.index: number for number, item in enumerate(buffer, start=6)}
        metas = [{**self.meta(number), "env": number % 4} for number in range(26, 40)]
        found = []
        for happens in (
            lambda: None,
            lambda: buffer.delete([item.index for item in buffer][2::5]),
            lambda: buffer.extend([self.payload(number) for number in range(26, 33)], meta=metas[:7]),
            lambda: buffer.update([buffer[3].index, buffer[5].index], meta={"env": [3, 3]}),
            lambda: buffer.extend([self.payload(number) for number in range(33, 40)], meta=metas[7:]),
            lambda: buffer.load_state_dict(copy.deepcopy(buffer.state_dict())),
        ):
            happens()
            for item in buffer:
                numbers.setdefault(item.index, len(numbers) + 6)
            for kind in self.kinds:
                query: dict[str, Any] = {"groupby": "env"} if kind in ("groups", "windows") else {}
                query |= {"unroll_len": 2} if kind == "windows" else {}
                query |= {"replace": True} if kind == "replace" else {}
                query |= {"sample_range": slice(-9, None)} if kind == "range" else {}
                found.append([numbers[index] for index in self.drawn(buffer, 2, **query)])
        return found
