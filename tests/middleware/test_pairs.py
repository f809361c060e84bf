"""Every ordered pair of shipped layers, on every storage: right, or refused with the reason and the fix."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import ding_buffer.middleware
from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.batch import flat, shaped_like
from ding_buffer.core.copies import clone
from ding_buffer.core.errors import ChainError
from ding_buffer.core.item import BufferedData
from ding_buffer.middleware.clone import CloneObject, clone_object
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.monitoring import Monitor
from ding_buffer.middleware.n_steps import NStep, n_step
from ding_buffer.middleware.pad import Padding
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.range_view import sample_range_view
from ding_buffer.middleware.rate_limits import RateLimit
from ding_buffer.middleware.removals import TrackRemoved
from ding_buffer.middleware.replacement import RandomReplacement, random_replacement
from ding_buffer.middleware.reservoir_sampling import Reservoir
from ding_buffer.middleware.sequences import SequenceReplay, sequence
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.structures.slot_uses import SlotUses
from tests.middleware import pair_oracles as expect
from tests.middleware.pair_walk import CAPACITY, Walk
from tests.middleware.pairs import HOW, LAYERS, SHORTER, STEPS, STORAGES, TABLE, refusal, table, unfit, walk
from tests.middleware.plain_buffer import PlainBuffer

UNFIT = [(storage, layer) for storage in STORAGES for layer in LAYERS if unfit(storage, layer)]
PAIRS = [
    (storage, outer, inner)
    for storage, outer, inner in itertools.product(STORAGES, LAYERS, LAYERS)
    if (storage, outer) not in UNFIT and (storage, inner) not in UNFIT
]
RIGHT = [pair for pair in PAIRS if refusal(*pair) is None]
REFUSED = [pair for pair in PAIRS if refusal(*pair) is not None]


def called(pair: object) -> str:
    return str(getattr(pair, "name", pair))


def test_every_shipped_layer_takes_part():
    assert sorted(ding_buffer.middleware.__all__) == sorted(layer.name for layer in LAYERS)


@pytest.mark.parametrize(("storage", "outer", "inner"), RIGHT, ids=called)
def test_a_pair_that_is_not_refused_is_right(storage, outer, inner):
    taken = walk(storage, outer, inner, seed=0)

    assert taken.batches > 40 // SHORTER[storage]


@pytest.mark.parametrize(("storage", "outer", "inner"), REFUSED, ids=called)
def test_a_refusal_names_both_layers_and_a_fix_that_works(storage, outer, inner):
    message = refusal(storage, outer, inner) or ""

    assert outer.name in message
    assert inner.name in message
    if outer is inner:
        assert "Use it once" in message
    else:
        assert f"Use {inner.name} first" in message
        assert refusal(storage, inner, outer) is None


@pytest.mark.parametrize(("storage", "layer"), UNFIT, ids=called)
def test_a_layer_that_cannot_work_on_a_storage_says_which_to_use(storage, layer):
    message = unfit(storage, layer) or ""

    assert message.startswith(layer.name)
    for other in ("ObjectStorage", "ColumnStorage", "MemmapStorage"):
        assert other in message
        assert unfit(other.removesuffix("Storage").lower(), layer) is None


def test_no_pair_is_refused_in_both_orders():
    assert [] == [
        (outer.name, inner.name)
        for storage, outer, inner in REFUSED
        if outer is not inner and refusal(storage, inner, outer) is not None
    ]


def test_the_table_on_disk_is_the_one_that_is_true():
    written = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""

    assert table() == written, f"middleware/PAIRS.md is out of date: {HOW}"


class SharesMeta(CloneObject):
    """Copies the payload only."""

    def sample(self, chain, size=None, **query):
        batch = chain(size=size, **query)
        return shaped_like(
            batch, [BufferedData(clone(item.data), item.index, item.meta) for item in flat(batch)]
        )


class SharesUpdates(CloneObject):
    """Forgets that an update stores something too."""

    def update(self, chain, index, data=None, meta=None):
        return chain(index, data=data, meta=meta)


class PadsNothing(Padding):
    """Leaves groups as they are."""

    def sample(self, chain, size=None, **query):
        return chain(size=size, **query)


class StepsOverGaps(NStep):
    """Goes on with whatever is next, over what was deleted."""

    def on_deleted(self, slots):
        self.on_loaded()

    def on_loaded(self):
        slots = self._store.ring.live()
        self._chains.rebuild(slots, np.arange(len(slots)), len(slots), *self._reader.read(slots))


class ForgetsUpdates(PriorityExperienceReplay):
    """Keeps the priorities that were pushed."""

    def on_updated(self, slots):
        return None


class ForgetsViews(PriorityExperienceReplay):
    """Learns of new items only from its own push, as DI-engine's did."""

    def push(self, chain, data, meta=None):
        item = super().push(chain, data, meta)
        super().on_filled(self._store.slots_of([item.index]).tolist())
        return item

    def on_filled(self, slots):
        return None


class BridgesGaps(SequenceReplay):
    """Takes what was deleted for never having been there."""

    def on_deleted(self, slots):
        self.on_loaded()

    def on_loaded(self):
        slots = self._store.ring.live()
        read = self._episodes.reader.read(slots)
        self._starts.rebuild(slots, np.arange(len(slots)), len(slots), *read)


class ForgetsEvictions(TrackRemoved):
    """Tells of deletions alone."""

    def on_evicted(self, slots):
        return None


class TellsOfReloads(TrackRemoved):
    """Takes what a load brings again for gone."""

    def _gone(self, items):
        return items


LEFT = expect.Accounted()


class NeverAnew(SlotUses):
    """Takes the next item of a slot for the last one."""

    def add(self, slots, serials):
        self._owners[slots] = serials
        return super().add(slots, serials)


class ForgetsNothing(Monitor):
    """Keeps the uses of what has gone."""

    def bind(self, buffer):
        super().bind(buffer)
        self._uses = NeverAnew(buffer.store.capacity)


def watching(make, **options):
    """A monitor and what it tells, which is asked for an oracle too."""
    oracle = expect.Observed()
    return lambda: make(oracle.begin(), **options), oracle


LEFT = expect.Accounted()


class CountsCalls(RateLimit):
    """Counts what was asked for and not what came."""

    def sample(self, chain, size=None, **query):
        before = self._ratio.counts["sample"]
        batch = super().sample(chain, size=size, **query)
        self._ratio.counts["sample"] = before + size
        return batch


class HearsItselfOnly(RateLimit):
    """Counts what is pushed through itself."""

    def on_filled(self, slots):
        return None

    def push(self, chain, data, meta=None):
        self._ratio.count("push", 1)
        return chain(data, meta=meta)

    def extend(self, chain, batch, meta=None):
        self._ratio.count("push", len(batch))
        return chain(batch, meta=meta)


class ForgetsItsChoice(RandomReplacement):
    """Lets the oldest give way, whoever was chosen."""

    def push(self, chain, data, meta=None):
        def push(data, meta=None):
            self._store.victim = -1
            return chain(data, meta=meta)

        return super().push(push, data, meta)


class KeepsOneMore(Reservoir):
    """Takes a number for a slot that is just beyond the last."""

    def push(self, chain, data, meta=None):
        capacity, pick = self._store.capacity, self._pick or int
        self._pick = lambda count: min(pick(count), capacity - 1)
        try:
            return super().push(chain, data, meta)
        finally:
            self._pick = pick


REPLACED, KEPT = expect.Replaced(0.7), expect.Replaced(None)
PACED = expect.Paced()
PER: dict[str, Any] = {"IS_weight_anneal_train_iter": 0, "epsilon": expect.EPSILON}
FAULTS = [
    (SharesMeta, expect.Cloned()),
    (SharesUpdates, expect.Cloned()),
    (lambda: group_sample(2), expect.Cut(3)),
    (lambda: group_sample(3, ordered_in_group=False), expect.Cut(3)),
    (lambda: use_time_check(max_use=5), expect.Counted(4)),
    (lambda: staleness_check(max_staleness=8), expect.Fresh(7)),
    (lambda: sample_range_view(start=-10), expect.Ranged(slice(-9, None))),
    (PadsNothing, expect.Padded()),
    (lambda: n_step(3, 0.8), expect.Stepped(3, 0.9)),
    (lambda: n_step(2, 0.9), expect.Stepped(3, 0.9)),
    (lambda: n_step(3, 0.9, stream=None), expect.Stepped(3, 0.9)),
    (lambda: n_step(3, 0.9, truncated=None), expect.Stepped(3, 0.9)),
    (lambda: StepsOverGaps(3, 0.9), expect.Stepped(3, 0.9)),
    (lambda: sequence(3), expect.Windowed(2)),
    (lambda: sequence(2, terminated=None), expect.Windowed(2)),
    (lambda: sequence(2, overlap=0), expect.Windowed(2)),
    (lambda: sequence(2, stream=None), expect.Windowed(2)),
    (lambda: sequence(2, truncated=None), expect.Windowed(2)),
    (lambda: BridgesGaps(2), expect.Windowed(2)),
    (lambda: PriorityExperienceReplay(priority_power_factor=0.55, **PER), expect.Weighed()),
    (lambda: ForgetsUpdates(**PER), expect.Weighed()),
    (lambda: ForgetsViews(**PER), expect.Weighed()),
    (lambda: PACED.begin(CountsCalls(4, slack=1e9, mode="refuse")), PACED),
    (lambda: PACED.begin(HearsItselfOnly(4, slack=1e9, mode="refuse")), PACED),
    watching(ForgetsNothing, every_samples=1),
    watching(Monitor, every_samples=2),
    (lambda: ForgetsEvictions(LEFT.begin()), LEFT),
    (lambda: TellsOfReloads(LEFT.begin()), LEFT),
    (lambda: ForgetsItsChoice(0.7, **REPLACED.begin()), REPLACED),
    (lambda: random_replacement(0.6, **REPLACED.begin()), REPLACED),
    (lambda: KeepsOneMore(**KEPT.begin()), KEPT),
]


@pytest.mark.parametrize(("make", "oracle"), FAULTS, ids=lambda value: type(value).__name__)
def test_a_fault_in_a_layer_would_be_noticed(make, oracle):
    buffer = DequeBuffer(CAPACITY, seed=0).use(make())

    with pytest.raises((AssertionError, IndexError, KeyError)):
        Walk(buffer, [oracle], seed=0).run(STEPS)


NEED_A_STORE = [layer for layer in LAYERS if layer.name not in ("clone_object", "sample_range_view")]


@pytest.mark.parametrize("layer", NEED_A_STORE, ids=called)
def test_a_layer_that_needs_a_store_refuses_a_buffer_without_one(layer):
    buffer = PlainBuffer(3)

    with pytest.raises(ChainError, match=layer.name):
        buffer.use(layer.make())
    assert [] == buffer._middleware


def test_a_layer_that_looks_only_at_what_passes_works_on_any_buffer():
    buffer = PlainBuffer(5).use(clone_object(), sample_range_view(end=2))
    payloads = [[number] for number in range(4)]
    for payload in payloads:
        buffer.push(payload)

    (item,) = buffer.sample(1)

    assert [1] == item.data
    assert item.data is not buffer.items[1].data is not payloads[1]
