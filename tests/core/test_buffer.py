from __future__ import annotations

import copy
import pickle

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.actions import apply_middleware
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadArgument, ChainError, UnknownArgument
from ding_buffer.core.item import BufferedData
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check


class ListBuffer(Buffer):
    """A buffer as a user of DI-engine writes one."""

    def __init__(self, size):
        super().__init__(size)
        self.held = []

    @apply_middleware("push")
    def push(self, data, meta=None):
        self.held = [*self.held, BufferedData(data, str(len(self.held)), meta or {})][-self.size :]
        return self.held[-1]

    @apply_middleware("sample")
    def sample(self, size=None, **query):
        return self.held[:size]

    @apply_middleware("update")
    def update(self, index, data=None, meta=None):
        return any(item.index == index for item in self.held)

    @apply_middleware("delete")
    def delete(self, indices):
        self.held = [item for item in self.held if item.index not in indices]

    @apply_middleware("clear")
    def clear(self):
        self.held = []

    def count(self):
        return len(self.held)

    def get(self, position):
        return self.held[position]

    def save_data(self, path):
        raise NotImplementedError

    def load_data(self, path):
        raise NotImplementedError


class Adds(Middleware):
    """Adds to what is pushed."""

    def __init__(self, what=1):
        self.what = what
        self.seen = []

    def push(self, chain, data, meta=None):
        self.seen.append(data)
        return chain(data + self.what, meta=meta)


class AddsMany(Adds):
    def extend(self, chain, batch, meta=None):
        self.seen.append(list(batch))
        return chain([data + self.what for data in batch], meta=meta)


class Counts(Middleware):
    """Notes the batches of extend."""

    def __init__(self):
        self.batches = []

    def extend(self, chain, batch, meta=None):
        self.batches.append(batch)
        return chain(batch, meta=meta)


class Passes(Middleware):
    """Lets everything pass."""


def values(buffer):
    return [buffer.get(position).data for position in range(len(buffer))]


def test_a_users_own_buffer_runs_through_its_layers():
    buffer = ListBuffer(3).use(Adds(1)).use(Adds(10))
    buffer.push(0)
    buffer.push(1, {"env": 2})

    assert [11, 12] == values(buffer)
    assert {"env": 2} == buffer[1].meta
    assert [11, 12] == [item.data for item in buffer.sample(2)]
    assert buffer.update("0")
    buffer.delete("0")
    assert 1 == len(buffer)
    buffer.clear()
    assert 0 == len(buffer)


def test_a_users_own_buffer_is_true_when_empty_and_has_no_views():
    buffer = ListBuffer(3)

    assert bool(buffer)
    with pytest.raises(BadArgument, match="ListBuffer has no views"):
        buffer.view()


def test_a_buffer_without_a_store_takes_layers_that_only_look_at_what_passes():
    buffer = ListBuffer(3).use(clone_object())
    data = [1]
    buffer.push(data)
    data.append(2)

    assert [1] == buffer[0].data
    with pytest.raises(ChainError, match="ListBuffer does not tell"):
        buffer.use(use_time_check(max_use=2))
    assert 1 == len(buffer._middleware)


def test_a_users_own_buffer_says_what_it_is():
    text = ListBuffer(3).use(Adds()).explain()

    assert "ListBuffer" in text
    assert "Adds to what is pushed." in text


def test_the_abstract_methods_are_those_of_di_engine():
    assert {"push", "sample", "update", "delete", "clear", "count", "get", "save_data", "load_data"} == set(
        Buffer.__abstractmethods__
    )


def test_use_returns_the_buffer_and_adds_inside():
    first, second, third = Adds(), Adds(), Adds()
    buffer = DequeBuffer(3)

    assert buffer is buffer.use(first)
    buffer.use([second, [third]])
    assert [first, second, third] == buffer._middleware


def test_nothing_is_added_where_one_of_many_is_refused():
    class Refuses(Middleware):
        def bind(self, buffer):
            raise ChainError("no")

    buffer, fine = DequeBuffer(3), Adds()
    for wrong, kind in (
        (Refuses(), ChainError),
        (None, BadArgument),
        (fine, ChainError),
        (Adds, BadArgument),
    ):
        with pytest.raises(kind):
            buffer.use(fine, wrong)
        assert [] == buffer._middleware
    buffer.use(fine)


def test_the_same_layer_twice_in_one_call_is_refused():
    layer = Adds()
    with pytest.raises(ChainError, match="Adds is given twice"):
        DequeBuffer(3).use(layer, layer)


def test_many_pushed_are_one_call_where_every_layer_that_pushes_extends():
    many, counts = AddsMany(5), Counts()
    buffer = DequeBuffer(9).use(many).use(Middleware()).use(counts)
    buffer.extend(iter([1, 2]))

    assert [6, 7] == values(buffer)
    assert [[1, 2]] == many.seen
    assert [[6, 7]] == counts.batches


def test_many_pushed_are_pushed_one_by_one_where_a_layer_only_pushes():
    one, many, counts = Adds(10), AddsMany(5), Counts()
    buffer = DequeBuffer(9).use(counts).use(one).use(many)
    items = buffer.extend([1, 2], meta={"env": [3, 4]})

    assert [16, 17] == values(buffer) == [item.data for item in items]
    assert [{"env": 3}, {"env": 4}] == [item.meta for item in buffer]
    assert [1, 2] == one.seen
    assert [11, 12] == many.seen
    assert [[1, 2]] == counts.batches


def test_many_pushed_reach_a_function_one_by_one():
    seen = []

    def function(action, chain, *args, **kwargs):
        seen.append((action, args, kwargs))
        return chain(*args, **kwargs)

    buffer = DequeBuffer(9).use(function)
    buffer.extend([1, 2])
    buffer.extend([])

    assert [("push", (1,), {"meta": {}}), ("push", (2,), {"meta": {}})] == seen


def test_many_pushed_into_a_users_own_buffer_pass_every_layer_once():
    one, many, counts = Adds(10), AddsMany(5), Counts()
    buffer = ListBuffer(9)
    assert [1, 2] == [item.data for item in buffer.extend(iter([1, 2]))]
    buffer.use(counts).use(many)
    buffer.extend((number for number in (3, 4)), meta={"env": [5, 6]})
    buffer.use(one)
    buffer.extend([7])

    assert [1, 2, 8, 9, 22] == values(buffer)
    assert [{"env": 5}, {"env": 6}] == [item.meta for item in buffer.held[2:4]]
    assert [[3, 4], [7]] == counts.batches
    assert [3, 4, 7] == many.seen


class Wants(Middleware):
    """Takes a keyword and needs a key."""

    takes = ("now",)
    needs = ("age", "origin")

    def sample(self, chain, size=None, *, now=None, **query):
        return chain(size=size, **query)


def test_what_the_layers_take_and_need_can_be_asked():
    class Other(Middleware):
        takes = ("level", "now")

    buffer = DequeBuffer(3).use(Wants()).use(lambda action, chain, *args, **kwargs: chain(*args, **kwargs))
    assert (frozenset({"now"}), frozenset({"age", "origin"})) == (buffer.takes, buffer.needs)
    buffer.use(Other())

    assert frozenset({"now", "level"}) == buffer.takes
    assert (frozenset(), frozenset()) == (DequeBuffer(3).takes, DequeBuffer(3).needs)
    assert (frozenset(), frozenset()) == (buffer.view().takes, buffer.view().needs)


def test_what_the_layers_of_a_users_own_buffer_take_and_need_can_be_asked():
    buffer = ListBuffer(3).use(Wants())

    assert (frozenset({"now"}), frozenset({"age", "origin"})) == (buffer.takes, buffer.needs)


def test_a_function_may_say_what_it_takes_and_needs():
    def function(action, chain, *args, **kwargs):
        return chain(*args, **kwargs)

    function.takes, function.needs = ("now",), ("age",)  # type: ignore[attr-defined]
    buffer = DequeBuffer(3).use(function)

    assert (frozenset({"now"}), frozenset({"age"})) == (buffer.takes, buffer.needs)


def test_the_layers_of_the_house_say_what_they_take_and_need():
    staleness = DequeBuffer(3).use(staleness_check(max_staleness=2))

    assert {"train_iter_sample_data"} == staleness.takes
    assert {"train_iter_data_collected"} == staleness.needs
    assert frozenset() == DequeBuffer(3).use([use_time_check(), clone_object()]).needs


def test_an_error_about_an_unknown_keyword_names_those_that_layers_take():
    buffer = DequeBuffer(3).use(Wants())
    buffer.push(1)

    assert [1] == [item.data for item in buffer.sample(1, now=5)]
    with pytest.raises(UnknownArgument, match=r"'nwo'.*unroll_len, now"):
        buffer.sample(1, nwo=5)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda buffer: pickle.loads(pickle.dumps(buffer))])
def test_a_copy_of_a_users_own_buffer_has_items_and_bound_layers_of_its_own(copied):
    layer = Adds(10)
    buffer = ListBuffer(9).use(layer).use(Passes())
    buffer.push(1, {"env": 0})
    twin = copied(buffer)
    twin.push(2)
    buffer.push(3)
    buffer.push(4)
    mine = twin._middleware[0]

    assert (ListBuffer, 9) == (type(twin), twin.size)
    assert [11, 12] == values(twin)
    assert [11, 13, 14] == values(buffer)
    assert mine is not layer
    assert ([1, 2], [1, 3, 4]) == (mine.seen, layer.seen)
    assert (twin, buffer) == (mine.buffer, layer.buffer)
    assert ["Adds", "Passes"] == [type(one).__name__ for one in twin._middleware]
    assert twin._lock is not buffer._lock
    twin[0].meta["env"] = 5
    assert {"env": 0} == buffer[0].meta
    assert "Adds to what is pushed." in twin.explain()
    twin.use(Adds(100))
    assert 2 == len(buffer._middleware)


def test_a_deep_copy_of_a_users_own_buffer_can_be_taken_by_a_thread_that_holds_its_lock():
    buffer = ListBuffer(3).use(Adds())
    with buffer._lock:
        twin = copy.deepcopy(buffer)
        assert not twin._lock._is_owned()
    twin.push(1)

    assert [2] == values(twin)


def test_a_deep_copy_shares_a_layer_that_is_a_plain_function():
    seen = []

    def function(action, chain, *args, **kwargs):
        seen.append(action)
        return chain(*args, **kwargs)

    twin = copy.deepcopy(ListBuffer(3).use(function))
    twin.push(1)

    assert ["push"] == seen
    assert [function] == twin._middleware


def test_a_buffer_that_something_else_holds_is_copied_once():
    layer = Adds()
    buffer = ListBuffer(3).use(layer)
    (twin, other), mine = copy.deepcopy(([buffer, buffer], layer))

    assert twin is other is not buffer
    assert [mine] == twin._middleware
    assert twin is mine.buffer


def test_a_shallow_copy_is_a_view_or_refused_and_takes_no_layer_away():
    layer = Adds()
    buffer = ListBuffer(3).use(layer)
    with pytest.raises(BadArgument, match="ListBuffer has no views"):
        copy.copy(buffer)
    assert buffer is layer.buffer

    other = DequeBuffer(3)
    assert other.store is copy.copy(other).store


def test_shares_of_the_time_appear_after_64_calls_of_any_kind():
    for act in (lambda buffer: buffer.push(1), lambda buffer: (buffer.push(1), buffer.update("x", meta={}))):
        buffer = DequeBuffer(9).use(Adds())
        assert "shares of the time appear after" in buffer.explain()
        for _ in range(64):
            act(buffer)
        assert "%" in buffer.explain()
        assert "appear after" not in buffer.explain()


def test_a_layer_may_call_other_actions_of_its_buffer():
    class Trims(Middleware):
        """Keeps two items."""

        def push(self, chain, data, meta=None):
            item = chain(data, meta=meta)
            while len(self.buffer) > 2:
                self.buffer.delete(self.buffer[0].index)
            return item

    buffer = DequeBuffer(9).use(Trims())
    for number in range(200):
        buffer.push(number)

    assert [198, 199] == values(buffer)
