"""What a buffer is doing, told once a period."""

from __future__ import annotations

import copy
import math
import operator
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ding_buffer.core.batch import flat, told
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadArgument, ChainError
from ding_buffer.core.report_sink import ReportSink
from ding_buffer.storages.store import Store
from ding_buffer.structures.clock import Clock
from ding_buffer.structures.number_summary import NumberSummary
from ding_buffer.structures.slot_uses import SlotUses

_STEPS = ("pushed", "batches", "seconds")
_SUMMARIES = ("sample_age", "reuse", "priority", "ess")


class Monitor(Middleware):
    """Reports how much comes, is drawn and goes, and how old, used, important and even the batches are.

    A report is a dict of these figures, each under ``{name}/``, to wherever ``to`` leads:

    ====================== ======= =====================================================================
    figure                 unit    meaning
    ====================== ======= =====================================================================
    ``size``               items   held now
    ``pushed_total``       items   ever stored, through whichever view
    ``removed_total``      items   ever evicted, deleted or cleared, whoever did it
    ``sampled_total``      items   in the batches that passed this layer; one that comes twice is two
    ``batches_total``      batches that passed this layer
    ``period_seconds``     s       length of the period: since the last report
    ``pushed_per_second``  items/s in the period; what ``load_state_dict`` brings does not count
    ``sampled_per_second`` items/s in the period
    ``removed_per_second`` items/s in the period
    ``sample_age_avg``     pushes  made after that of a sampled item: 0 for the newest item there is
    ``sample_age_max``     pushes  the same of the oldest one
    ``reuse_avg``          uses    how often a sampled item has passed this layer, this batch included
    ``reuse_max``          uses    the same of the most used one
    ``priority_avg``       -       ``meta["priority"]`` of sampled items; also ``_max`` and ``_min``
    ``ess_avg``            -       mean over batches of ESS / n = (sum w)^2 / (n sum w^2), where w are the n
                                   weights ``meta["priority_IS"]`` of a batch: 1 where all weigh the same,
                                   1/n where one outweighs all others
    ``ess_min``            -       the same of the most uneven batch
    ====================== ======= =====================================================================

    Averages and extremes are over all items (batches, for ``ess``) sampled in the period. A figure that
    nothing tells in a period is left out: no age without a sample, no rate in a period of no length. ESS is
    the effective sample size of Kish, Survey Sampling (1965), as a share.

    Used first, outermost, the layer sees what the caller gets; a weight that a layer further out adds it
    does not see. Of an item that a layer further in has deleted in the same draw, on its last use, the uses
    are those of its ``meta["use_count"]``. Fillers of padding do not count.

    There is no thread: a push or a sample that finds the period over, and ``flush`` and ``close``, report
    after the action is done, still under the buffer's lock. A slow ``to`` delays that one action and
    everybody who waits for the buffer, once a period; one that raises is counted in ``stats()`` and
    changes nothing (see ``ReportSink``). ``to`` may use the buffer. No item is kept.
    """

    name = "monitor"
    inside: ClassVar = {"padding": "it would count the copies that padding adds"}

    def __init__(
        self,
        to: Any = None,
        *,
        every_seconds: float = 60.0,
        every_samples: int | None = None,
        step: str = "pushed",
        name: str = "buffer",
        clock: Clock = time.monotonic,
    ) -> None:
        if isinstance(every_seconds, bool) or not isinstance(every_seconds, (int, float)):
            raise BadArgument(f"every_seconds must be a number, got {every_seconds!r}.")
        if not every_seconds > 0:
            raise BadArgument(f"every_seconds must be above 0 (math.inf: never), got {every_seconds!r}.")
        if every_samples is not None and (_not_whole(every_samples) or every_samples < 1):
            raise BadArgument(f"every_samples must be an int of at least 1, got {every_samples!r}.")
        if step not in _STEPS:
            raise BadArgument(f"step must be one of {', '.join(_STEPS)}, got {step!r}.")
        self._sink = ReportSink(to)
        self._every_seconds, self._step, self._prefix = every_seconds, step, name
        self._every_samples = math.inf if every_samples is None else operator.index(every_samples)
        self._clock = clock
        self._sampled = self._batches = self._reports = 0
        self._seconds = 0.0  # up to the last report
        self._closed = self._reporting = False
        self._store: Store | None = None

    def bind(self, buffer: Home) -> None:
        """Begins the first period; the items that are there have not been used."""
        if buffer.store is None:
            raise ChainError(f"monitor counts by slot; {type(buffer).__name__} has no store to ask.")
        self._store = store = buffer.store
        # Serials tell what came and went and whose slot it is. A hook would hear at once of what is loaded,
        # not only with the next action; but a push to a store that somebody listens to takes far longer.
        self._uses = SlotUses(store.capacity)
        self._ring = store.ring
        self._begin(self._clock())

    def _begin(self, now: float) -> None:
        ring = self._ring
        self._began, self._due = now, now + self._every_seconds
        self._sampled_before, self._batches_before = self._sampled, self._batches
        self._pushed_before, self._removed_before = ring.next, ring.next - ring.count
        self._summaries = {name: NumberSummary() for name in _SUMMARIES}

    def _follow(self) -> Store:
        """Returns the store; notices that its content was replaced, which is no push and no removal."""
        store = self._bound()
        if store.ring is not self._ring:
            old, new = self._ring, store.ring
            self._ring = new
            self._pushed_before += new.next - old.next
            self._removed_before += new.next - new.count - (old.next - old.count)
            self._uses.forget()
        return store

    def _bound(self) -> Store:
        if self._store is None:
            raise ChainError("monitor is not bound to a buffer: pass it to buffer.use() first.")
        return self._store

    # The actions.

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Looks at the clock afterwards."""
        self._follow()
        item = chain(data, meta=meta)
        if self._clock() >= self._due:
            self._report_when_over()
        return item

    def extend(self, chain: Chain, batch: Sequence[Any], meta: Any = None) -> Any:
        """Looks at the clock afterwards."""
        self._follow()
        items = chain(batch, meta=meta)
        if self._clock() >= self._due:
            self._report_when_over()
        return items

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Looks at the batch, and then at the clock."""
        self._follow()
        batch = chain(size=size, **query)
        if not self._closed:
            self._look(batch)
            over = self._batches - self._batches_before >= self._every_samples
            if over or self._clock() >= self._due:
                self._report_when_over()
        return batch

    # What is seen of a batch.

    def _look(self, batch: Any) -> None:
        store, summaries = self._follow(), self._summaries
        self._batches += 1
        if isinstance(batch, BufferedBatch):
            serials, slots = batch.index.serials, batch.slots.reshape(-1)
            if batch.mask is not None:
                there = batch.mask.reshape(-1)
                serials, slots = serials[there], slots[there]
            summaries["reuse"].add_all(self._uses.add(slots, serials))
            priorities, weights = (_column(batch, key) for key in ("priority", "priority_IS"))
        else:
            items = flat(batch)
            serials = store.text.read([item.index or "" for item in items])
            if len(serials) and serials.min() < 0:  # fillers
                items = [item for item, serial in zip(items, serials.tolist(), strict=True) if serial >= 0]
                serials = serials[serials >= 0]
            metas = [item.meta for item in items]
            self._add_uses(metas, serials)
            priorities = _numbers([meta["priority"] for meta in metas if "priority" in meta])
            weights = _numbers([meta["priority_IS"] for meta in metas if "priority_IS" in meta])
        self._sampled += len(serials)
        summaries["sample_age"].add_all(self._ring.next - 1 - serials)
        summaries["priority"].add_all(priorities)
        largest = float(np.maximum.reduce(weights, initial=0.0))
        if largest > 0:
            weights = weights / largest  # so that no square is lost
            whole = float(np.add.reduce(weights))
            share = whole * whole / (len(weights) * float(weights @ weights))
            summaries["ess"].add(1, share, share, share)

    def _add_uses(self, metas: Sequence[Mapping[str, Any]], serials: np.ndarray) -> None:
        slots = self._ring.slots_of(serials)
        there = slots >= 0
        if there.all():
            self._summaries["reuse"].add_all(self._uses.add(slots, serials))
            return
        self._summaries["reuse"].add_all(self._uses.add(slots[there], serials[there]))
        counts: dict[int, int] = {}  # of an item that comes twice the copy tells less
        gone = np.flatnonzero(~there).tolist()
        for place in gone:
            uses, serial = metas[place].get("use_count", 0), int(serials[place])
            counts[serial] = max(uses, counts.get(serial, 0))
        known = np.array([counts[serial] for serial in serials[gone].tolist()], dtype=np.int64)
        self._summaries["reuse"].add_all(known[known > 0])

    # Reports.

    def figures(self) -> dict[str, float]:
        """Returns what a report would say at this moment, of the period so far."""
        with self._bound().lock:
            return self._figures(self._clock())

    def flush(self) -> None:
        """Reports the period so far, unless nothing happened in it, and makes ``to`` write what it has."""
        with self._bound().lock:
            store = self._follow()
            idle = self._batches == self._batches_before and self._pushed_before == store.ring.next
            if not idle or self._removed_before != store.ring.next - len(store):
                self._report_when_over()
            self._sink.flush()

    def close(self) -> None:
        """Does what ``flush`` does and looks at nothing afterwards; a second time does nothing.

        ``to`` stays open: it belongs to whoever made it.
        """
        with self._bound().lock:
            if not self._closed:
                self.flush()
                self._closed, self._due = True, math.inf

    def _report_when_over(self) -> None:
        if self._reporting or self._closed:
            return
        now = self._clock()
        figures = self._figures(now)
        self._seconds += now - self._began
        self._reports += 1
        steps = {"pushed": self._ring.next, "batches": self._batches, "seconds": int(self._seconds)}
        self._begin(now)
        self._reporting = True  # what ``to`` does with the buffer is no reason for another report
        try:
            self._sink.write(figures, steps[self._step], _in_words(self._prefix, figures))
        finally:
            self._reporting = False

    def _figures(self, now: float) -> dict[str, float]:
        store = self._follow()
        size, pushed, seconds = len(store), store.ring.next, now - self._began
        figures: dict[str, float] = {
            "size": size,
            "pushed_total": pushed,
            "removed_total": pushed - size,
            "sampled_total": self._sampled,
            "batches_total": self._batches,
            "period_seconds": seconds,
        }
        if seconds > 0:
            figures["pushed_per_second"] = (pushed - self._pushed_before) / seconds
            figures["sampled_per_second"] = (self._sampled - self._sampled_before) / seconds
            figures["removed_per_second"] = (pushed - size - self._removed_before) / seconds
        for name, summary in self._summaries.items():
            if summary.count:
                figures[f"{name}_avg"] = summary.mean
                if name != "ess":
                    figures[f"{name}_max"] = summary.largest
                if name in ("ess", "priority"):
                    figures[f"{name}_min"] = summary.smallest
        return {f"{self._prefix}/{name}": figure for name, figure in figures.items()}

    def stats(self) -> dict[str, Any]:
        """Returns how many items and batches passed, how many reports there were and how many failed."""
        counts = {"sampled": self._sampled, "batches": self._batches, "reports": self._reports}
        return {**counts, "sink_errors": self._sink.errors}

    # State.

    def state_dict(self) -> dict[str, Any]:
        """Returns the totals, the uses of the items, oldest first, and the period so far."""
        ring = self._follow().ring
        slots = ring.live()
        return {
            "totals": [self._sampled, self._batches, self._reports],
            "seconds": self._seconds,
            "uses": self._uses.of(slots, ring.serials_of(slots)).tolist(),
            "period": {
                "seconds": self._clock() - self._began,
                "sampled": self._sampled - self._sampled_before,
                "batches": self._batches - self._batches_before,
                "pushed": ring.next - self._pushed_before,
                "removed": ring.next - ring.count - self._removed_before,
            },
            "summaries": {name: summary.state_dict() for name, summary in self._summaries.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where the state was taken; the uses are those of the newest of the items saved."""
        ring = self._follow().ring
        slots = ring.live()
        sampled, batches, reports = (int(total) for total in state["totals"])
        seconds, uses = float(state["seconds"]), np.array(state["uses"], dtype=np.int64)
        if uses.ndim != 1 or len(uses) < len(slots) or (uses < 0).any():
            raise ValueError(f"{len(uses)} use counts for {len(slots)} items")
        period = {key: float(value) for key, value in state["period"].items()}
        summaries = {name: NumberSummary.of_state(state["summaries"][name]) for name in _SUMMARIES}
        began = self._clock() - period["seconds"]
        before = [int(period[key]) for key in ("sampled", "batches", "pushed", "removed")]
        self._sampled, self._batches, self._reports, self._seconds = sampled, batches, reports, seconds
        self._uses.replace(slots, ring.serials_of(slots), uses[len(uses) - len(slots) :])
        self._begin(began)
        self._due = math.inf if self._closed else self._due
        self._sampled_before, self._batches_before = sampled - before[0], batches - before[1]
        self._pushed_before -= before[2]
        self._removed_before -= before[3]
        self._summaries = summaries

    def __deepcopy__(self, memo: dict[int, Any]) -> Monitor:
        """Reports to the same place by the same clock."""
        memo[id(self._clock)] = self._clock
        made = memo[id(self)] = object.__new__(type(self))
        made.__dict__.update(copy.deepcopy(self.__getstate__(), memo))
        return made


def _not_whole(value: Any) -> bool:
    return isinstance(value, bool) or not hasattr(value, "__index__")


def _column(batch: BufferedBatch, key: str) -> np.ndarray:
    """Returns the finite numbers among the values of a meta key, float64."""
    if key not in batch.meta:
        return np.empty(0)
    told_of, there = told(batch, key)
    values = np.asarray(told_of)
    return _numbers(values if there.all() else values[there])


def _numbers(values: Any) -> np.ndarray:
    """Returns the finite numbers among these values, float64."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        try:
            values = np.array(values, dtype=np.float64)
        except (TypeError, ValueError):  # not of one kind
            values = np.array([value for value in values if _is_number(value)], dtype=np.float64)
    numbers: np.ndarray = values.reshape(-1).astype(np.float64, copy=False)
    known = np.isfinite(numbers)
    return numbers if known.all() else numbers[known]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _in_words(name: str, figures: Mapping[str, float]) -> str:
    """Returns a report as one line."""
    parts = (f"{tag.removeprefix(name + '/')} {_short(figure)}" for tag, figure in figures.items())
    return f"{name}: {', '.join(parts)}"


def _short(figure: float) -> str:
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:,.4g}"


def monitor(
    to: Any = None,
    *,
    every_seconds: float = 60.0,
    every_samples: int | None = None,
    step: str = "pushed",
    name: str = "buffer",
    clock: Clock = time.monotonic,
) -> Monitor:
    """Makes a layer that reports every ``every_seconds``, or as soon as ``every_samples`` batches were drawn.

    ``to`` is an object with ``add_scalar(tag, value, step)``, a logger (None: ``ding_buffer``) or a function
    of a dict; ``Monitor`` says what it is told. ``step`` is what scalars are plotted against: items "pushed"
    into the store, "batches" that passed this layer, or whole "seconds" since it was used. ``clock`` returns
    seconds.
    """
    return Monitor(
        to, every_seconds=every_seconds, every_samples=every_samples, step=step, name=name, clock=clock
    )
