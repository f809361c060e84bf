from __future__ import annotations

import inspect
import itertools

import pytest

from ding_buffer.core.batch import flat
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadQuery
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.testing.middleware_suite import MiddlewareSuite


class Passes(Middleware):
    """Lets everything pass."""


def function(action, chain, *args, **kwargs):
    """Lets everything pass."""
    return chain(*args, **kwargs)


class NeedsAge(Passes):
    """Wants to know ages."""

    takes = ("now",)

    def push(self, chain, data, meta=None):
        if "age" not in (meta or {}):
            raise KeyError("age")
        return chain(data, meta=meta)

    def sample(self, chain, size=None, *, now=None, **query):
        if now is None:
            raise BadQuery("when?")
        return chain(size=size, **query)


class OnlyGroups(Passes):
    """Samples groups only."""

    def sample(self, chain, size=None, **query):
        if "groupby" not in query:
            raise BadQuery("groups only")
        return chain(size=size, **query)


class Remembers(Passes):
    """Returns items it has seen."""

    def __init__(self):
        self.seen = []

    def sample(self, chain, size=None, **query):
        self.seen = [*self.seen, *chain(size=size, **query)]
        return self.seen[:size]


class Hoards(Passes):
    """Keeps payloads."""

    def __init__(self):
        self.kept = []

    def push(self, chain, data, meta=None):
        self.kept.append(data)
        return chain(data, meta=meta)


class Drops(Passes):
    """Loses every third item of many."""

    def extend(self, chain, batch, meta=None):
        return chain([data for place, data in enumerate(batch) if place % 3], meta=None)


class Scribbles(Passes):
    """Writes in what it is given."""

    def push(self, chain, data, meta=None):
        meta["touched"] = True
        return chain(data, meta=meta)


class SwallowsUpdates(Passes):
    """Returns nothing from update."""

    def update(self, chain, index, data=None, meta=None):
        chain(index, data=data, meta=meta)


class EatsKeywords(Passes):
    """Lets no keyword through."""

    def sample(self, chain, size=None, **query):
        query.pop("no_such_keyword", None)
        return chain(size=size, **query)


class Undocumented(Middleware):
    __doc__ = None


class DrawsItself(Passes):
    """Draws by what is not saved: every other one made turns its batches round."""

    made = itertools.count()

    def __init__(self):
        self.backwards = next(self.made) % 2

    def sample(self, chain, size=None, **query):
        batch = chain(size=size, **query)
        return batch[::-1] if self.backwards else batch


class Counts(Passes):
    """Counts samples."""

    def __init__(self):
        self.samples = 0

    def sample(self, chain, size=None, **query):
        self.samples += 1
        return chain(size=size, **query)

    def stats(self):
        return {"samples": self.samples}


class WearsOut(Passes):
    """Deletes what was sampled."""

    def sample(self, chain, size=None, **query):
        batch = chain(size=size, **query)
        self.buffer.delete([item.index for item in flat(batch)])
        return batch


class TakesLists(Passes):
    """Does with a batch what only a list can."""

    def sample(self, chain, size=None, **query):
        return chain(size=size, **query).copy()


class DrawsOtherColumns(Passes):
    """Turns the order of columns round."""

    def sample(self, chain, size=None, **query):
        batch = chain(size=size, **query)
        return batch if isinstance(batch, list) else batch[::-1]


class TestLayerThatDoesNothing(MiddlewareSuite):
    def make_layer(self):
        return Passes()

    def test_each_test_runs_on_each_storage(self, request):
        name = request.node.callspec.params["on_storage"]

        assert self.storages[name] is type(self.make_buffer().store.storage)


def failures(layer, options=None):
    """The names of the tests that a layer fails."""

    class Suite(MiddlewareSuite):
        def make_layer(self):
            return layer() if isinstance(layer, type) else layer

    for name, value in (options or {}).items():
        setattr(Suite, name, value)
    suite, failed = Suite(), []
    for name, test in inspect.getmembers(suite, inspect.ismethod):
        if name.startswith("test_"):
            try:
                test()
            except (Exception, pytest.fail.Exception):  # noqa: BLE001
                failed.append(name)
    return failed


@pytest.mark.parametrize("layer", [Passes, Counts, function])
def test_a_layer_that_does_nothing_passes(layer):
    assert [] == failures(layer)


@pytest.mark.parametrize("layer", [Passes, Counts, function])
def test_a_layer_that_does_nothing_passes_on_columns(layer):
    assert [] == failures(layer, {"make_storage": ColumnStorage})


def test_a_fault_that_shows_on_columns_alone_is_found():
    columns = {"make_storage": ColumnStorage}
    for layer in (TakesLists, DrawsOtherColumns):
        assert [] == failures(layer)
    assert "test_a_sample_hands_out_items_of_the_buffer" in failures(TakesLists, columns)
    assert ["test_the_same_items_are_drawn_wherever_they_lie"] == failures(DrawsOtherColumns, columns)


def test_what_a_layer_needs_can_be_given():
    options = {"query": {"now": 3}, "meta": lambda self, number: {"age": number}}

    assert [] == failures(NeedsAge, options)
    assert "test_a_push_arrives" in failures(NeedsAge)
    assert [] == failures(OnlyGroups, {"kinds": ("groups", "windows")})


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (Remembers, "test_what_another_view_pushes_and_evicts_is_followed"),
        (Remembers, "test_what_another_view_deletes_is_drawn_no_more"),
        (Hoards, "test_it_holds_on_to_no_payload_that_is_gone"),
        (Drops, "test_many_pushed_at_once_arrive_like_one_by_one"),
        (Scribbles, "test_a_push_leaves_the_callers_meta_alone"),
        (SwallowsUpdates, "test_an_update_arrives_and_tells_whether_the_item_was_there"),
        (SwallowsUpdates, "test_any_operations_agree_with_a_plain_list"),
        (EatsKeywords, "test_a_keyword_that_nobody_takes_is_an_error_that_names_it"),
        (Undocumented, "test_it_says_what_it_is_and_what_it_counts"),
        (DrawsItself, "test_a_saved_and_resumed_run_draws_the_same_batches"),
    ],
)
def test_a_fault_is_found(layer, name):
    assert name in failures(layer)


def test_a_layer_that_deletes_what_it_hands_out_is_no_fault_to_the_twin():
    assert "test_any_operations_agree_with_a_plain_list" not in failures(WearsOut)


def test_whoever_does_not_say_how_one_is_made_is_told():
    with pytest.raises(NotImplementedError, match="override make_layer"):
        MiddlewareSuite().make_layer()
