"""Prioritised experience replay."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from ding_buffer.core.batch import column_of, flat, index_texts, is_slots, meta_rows, shaped_like
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.copies import takes_entries, without_entry
from ding_buffer.core.errors import BadArgument, BadPriority, ChainError, NotEnoughItems
from ding_buffer.core.weighing import weighed
from ding_buffer.samplers.group_mass import GroupMasses
from ding_buffer.samplers.prioritized_groups import Grouping, draw_by_items
from ding_buffer.samplers.prioritized_range import draw_in_range, serials_of
from ding_buffer.samplers.prioritized_windows import Wanted, Window
from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.samplers.rank_based import RankSampler
from ding_buffer.samplers.sampler import PrioritySampler
from ding_buffer.storages.store import Store

_DECIDED_HERE = frozenset({"replace", "sample_range", "groupby", "unroll_len", "ignore_insufficient"})


class PriorityExperienceReplay(Middleware):
    """Draws items by priority and weighs them against the bias.

    The priority of an item is ``meta["priority"]``: given with ``push``, else the highest seen so far;
    changed with ``update(index, meta={"priority": ...})`` for one or many. Draws are with replacement, so a
    batch may be larger than the buffer. With ``IS_weight``, each drawn item carries ``meta["priority_IS"]``,
    a float, and a payload that is a mapping or a tree also ``data["priority_IS"]``, a float32 array (a
    tensor, where the payload holds tensors) of shape (1,); what is stored is not touched.

    * ``mode``: "proportional", mass ``(priority + epsilon) ** alpha``, or "rank", mass ``rank ** -alpha``.
    * ``stratified``: one draw from each of ``size`` equal parts of the total mass, else independent draws.
    * ``priority_power_factor``: alpha. ``IS_weight_power_factor``: beta at first; it rises to 1 over
      ``IS_weight_anneal_train_iter`` samples (0: it stays), or is what ``beta_schedule(samples so far)``
      returns.
    * A weight is ``(p / p_min) ** -beta``: 1 for the least likely of all items, so normalised over the buffer
      and not over the batch.
    * ``sample(groupby=)`` draws groups, with ``unroll_len`` windows. ``group_mass="sum"``: as likely as the
      sum of their items' masses; "mix": as ``eta * max + (1 - eta) * mean`` of them. Weights are then one for
      each group, normalised over the batch.

    NaN, infinite and negative priorities raise ``BadPriority`` and change nothing. Source: Schaul et al.
    2016, "Prioritized Experience Replay".
    """

    once = True
    inside: ClassVar = {
        "staleness_check": "it would draw items that staleness_check then takes away",
        "sample_range_view": "it would draw from the whole buffer and miss the range",
        "padding": "it would draw groups that are already padded and weigh the padding",
    }

    def __init__(
        self,
        buffer: Home | None = None,
        IS_weight: bool = True,  # noqa: N803  the names of DI-engine
        priority_power_factor: float = 0.6,
        IS_weight_power_factor: float = 0.4,  # noqa: N803
        IS_weight_anneal_train_iter: int = 100_000,  # noqa: N803
        *,
        mode: Literal["proportional", "rank"] = "proportional",
        stratified: bool = True,
        epsilon: float = 1e-5,
        group_mass: Literal["sum", "mix"] = "sum",
        eta: float = 0.9,
        beta_schedule: Callable[[int], float] | None = None,
    ) -> None:
        self.made_for(buffer)
        if mode not in ("proportional", "rank"):
            raise BadArgument(f"mode must be 'proportional' or 'rank', got {mode!r}.")
        if group_mass not in ("sum", "mix"):
            raise BadArgument(f"group_mass must be 'sum' or 'mix', got {group_mass!r}.")
        _between("priority_power_factor", priority_power_factor, 0.0, math.inf)
        _between("IS_weight_power_factor", IS_weight_power_factor, 0.0, 1.0)
        _between("IS_weight_anneal_train_iter", IS_weight_anneal_train_iter, 0, math.inf)
        _between("epsilon", epsilon, 0.0, math.inf)
        _between("eta", eta, 0.0, 1.0)
        self.IS_weight = IS_weight
        self.priority_power_factor = priority_power_factor
        self.max_priority = 1.0
        """What an item without a priority is given.

        The highest priority pushed or updated so far, 1 at first.
        """
        self._beta = IS_weight_power_factor
        self._anneal = IS_weight_anneal_train_iter
        self._beta_schedule = beta_schedule
        self._samples = 0
        self._mode, self._stratified, self._epsilon = mode, stratified, epsilon
        self._group_mass, self._eta = group_mass, eta
        self._counts: Counter[str] = Counter(poisoned=0)
        self._groups: dict[str, GroupMasses] = {}
        self._sampler: PrioritySampler
        self._store: Store

    @property
    def IS_weight_power_factor(self) -> float:  # noqa: N802
        """The exponent beta of the next sample's weights."""
        if self._beta_schedule is not None:
            beta = self._beta_schedule(self._samples)
            _between("beta_schedule", beta, 0.0, math.inf)
            return float(beta)
        if not self._anneal:
            return self._beta
        return min(1.0, self._beta + (1.0 - self._beta) * self._samples / self._anneal)

    def bind(self, buffer: Home) -> None:
        """Takes the items in that are already there."""
        self._store = buffer.store
        alpha = self.priority_power_factor
        try:
            self._sampler = (
                RankSampler(buffer.size, alpha)
                if self._mode == "rank"
                else ProportionalSampler(buffer.size, alpha, self._epsilon)
            )
        except ValueError as error:
            raise BadArgument(f"priority_power_factor does not go with this buffer: {error}.") from error
        self.on_loaded()

    # Priorities come in.

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Gives the item a meta of its own that holds its priority.

        One found in a payload without meta is moved there.
        """
        data, meta = self._prioritized(data, meta, self.max_priority)
        return chain(data, meta=meta)

    def extend(self, chain: Chain, batch: Sequence[Any], meta: Any = None) -> Any:
        """Does the same for many; one bad priority refuses all of them."""
        batch = list(batch)
        rows = [None] * len(batch) if meta is None else meta_rows(meta, len(batch))
        highest, payloads, metas = self.max_priority, [], []
        for data, row in zip(batch, rows, strict=True):
            data, meta = self._prioritized(data, row, highest)
            highest = max(highest, meta["priority"])
            payloads.append(data)
            metas.append(meta)
        return chain(payloads, meta=metas)

    def _prioritized(
        self, data: Any, meta: Mapping[str, Any] | None, highest: float
    ) -> tuple[Any, dict[str, Any]]:
        if meta is not None and not isinstance(meta, Mapping):
            raise BadArgument(f"meta must be a dict, got {type(meta).__name__}.")
        if meta is None and takes_entries(data) and "priority" in data:
            meta, data = {"priority": data["priority"]}, without_entry(data, "priority")
        given = None if meta is None else meta.get("priority")
        return data, {
            **(meta or {}),
            "priority": highest if given is None else self._checked(given),
        }

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Checks the priorities before anything changes.

        An item keeps its priority where the new meta names none.
        """
        priorities: Any = None
        if isinstance(meta, Mapping) and isinstance(index, str):
            slot = self._store.slot_of(index)
            if "priority" in meta:
                priorities = self._checked(meta["priority"])
                meta = {**meta, "priority": priorities}
            elif slot >= 0:
                meta = {**meta, "priority": float(self._sampler.priorities([slot])[0])}
        elif isinstance(meta, Mapping) and "priority" in meta:
            index = index if is_slots(index) else index_texts(index)
            priorities = self._checked_all(column_of(meta["priority"], len(index), "priority"))
            meta = {**meta, "priority": priorities.tolist()}
        there = chain(index, data=data, meta=meta)
        if priorities is not None and np.any(there):
            self.max_priority = max(self.max_priority, float(np.max(priorities, where=there, initial=0.0)))
        return there

    def _checked_all(self, priorities: Sequence[Any]) -> np.ndarray:
        if all(type(one) is float for one in priorities):  # what an array of them becomes
            column = np.array(priorities)
            if len(column) and 0.0 <= column.min() and column.max() <= self._sampler.highest:
                return column
        return np.array([self._checked(one) for one in priorities])  # names the bad one

    def _checked(self, priority: Any) -> float:
        try:
            value = math.nan if isinstance(priority, (str, bytes)) else float(priority)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        if not 0.0 <= value <= self._sampler.highest:
            raise BadPriority(f"A priority must be a finite number of at least 0, got {priority!r}.")
        return value

    # The store says what became of items.

    def on_filled(self, slots: Sequence[int]) -> None:
        """Makes new items drawable. Evicted ones need no word: their slot is filled again at once."""
        for slot in slots:
            priority = self._stored(slot)
            self._sampler.set_one(slot, self.max_priority if priority is None else priority)
        self._touch(slots)

    def on_evicted(self, slots: Sequence[int]) -> None:
        """Notes which groups lose an item."""
        self._touch(slots)

    def on_deleted(self, slots: Sequence[int]) -> None:
        """Makes deleted items undrawable."""
        self._sampler.remove(slots)
        self._touch(slots)

    def on_updated(self, slots: Sequence[int]) -> None:
        """Takes changed priorities over, whichever view changed them."""
        found = [(slot, priority) for slot in slots if (priority := self._stored(slot)) is not None]
        if found:
            self._sampler.set([slot for slot, _ in found], [priority for _, priority in found])
        self._touch(slots)

    def on_cleared(self) -> None:
        """Starts anew; beta goes on."""
        self._sampler.clear()
        self._groups.clear()
        self.max_priority = 1.0

    def on_loaded(self) -> None:
        """Takes over the priorities in the metas of all items."""
        self.on_cleared()
        slots = self._store.live()
        known = {slot: priority for slot in slots if (priority := self._stored(slot)) is not None}
        self.max_priority = max([1.0, *known.values()])
        if slots:
            self._sampler.set(slots, [known.get(slot, self.max_priority) for slot in slots])

    def _stored(self, slot: int) -> float | None:
        """Returns the priority in an item's meta.

        One that came past this layer and cannot be is counted, not used.
        """
        priority = self._store.storage.item(slot).meta.get("priority")
        if priority is None:
            return None
        if type(priority) is float and 0.0 <= priority <= self.max_priority:  # mostly so: cheaper
            return priority
        try:
            value = self._checked(priority)
        except BadPriority:
            self._counts["poisoned"] += 1
            return None
        self.max_priority = max(self.max_priority, value)
        return value

    def _touch(self, slots: Sequence[int]) -> None:
        for masses in self._groups.values():
            masses.touch(slots)

    # Batches go out.

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Draws, then lets the rest of the chain fetch what was drawn.

        What names its items, or cannot be, is left to the buffer.
        """
        rest = {key: value for key, value in query.items() if key not in _DECIDED_HERE}
        positions = self._store.positions(query.get("sample_range"))
        groupby, unroll_len = query.get("groupby"), query.get("unroll_len") or 0
        drawable = _at_least(1, size) and _at_least(0, unroll_len) and len(positions) > 0
        sound = not unroll_len if groupby is None else isinstance(groupby, str)
        if not (drawable and sound) or query.get("indices") is not None:
            return chain(size=size, **query)
        if groupby is None:
            slots = self._draw(int(size or 0), positions)
            weights = self._weights(self._sampler.masses(slots), self._sampler.min_mass)
            return self._weighed(chain(size=len(slots), indices=slots, **rest), slots, weights)
        try:
            windows = self._draw_windows(int(size or 0), groupby, positions, int(unroll_len))
        except NotEnoughItems:
            return chain(size=size, **query)
        masses = np.array([window.mass for window in windows])
        parts = [np.asarray(window.slots) for window in windows]
        weights = self._weights(masses, float(masses.min()))
        batch = chain(size=len(parts), indices=parts, **rest)
        if len(batch) != len(parts):
            raise ChainError(
                "A layer inside PriorityExperienceReplay changed the number of groups: whose weight is whose?"
            )
        spread = np.repeat(weights, [len(group) for group in batch])
        return self._weighed(batch, None, spread)

    def _draw(self, size: int, positions: range) -> np.ndarray:
        store = self._store
        return draw_in_range(store.rng, self._sampler, store.ring, positions, size, self._stratified)

    def _draw_windows(self, size: int, groupby: str, positions: range, unroll_len: int) -> list[Window]:
        store, index = self._store, self._store.grouped(groupby)
        if abs(positions.step) != 1:
            raise BadArgument("Groups by priority need a sample_range without a step.")
        between = None if len(positions) == len(store) else serials_of(store.ring, positions)
        wanted = Wanted(unroll_len, bool(getattr(self.buffer, "sliced", False)), between)
        if self._group_mass == "sum":
            grouping = Grouping(index, store.ring.serials_of)
            return draw_by_items(store.rng, self._sampler, grouping, size, wanted, self._stratified)
        # One change moves the ranks of others, and where zeros have no mass the last that is above zero gives
        # the others theirs: then nothing of an earlier draw can be kept.
        if groupby not in self._groups or self._mode == "rank" or not self._epsilon:
            self._groups[groupby] = GroupMasses(index, self._sampler, self._eta)
        return self._groups[groupby].draw(store.rng, size, wanted, self._stratified)

    def _weights(self, masses: np.ndarray, least: float) -> np.ndarray:
        beta = self.IS_weight_power_factor
        self._samples += 1
        weights: np.ndarray = (masses / least) ** -beta
        return weights

    def _weighed(self, batch: Sequence[Any], slots: np.ndarray | None, weights: np.ndarray) -> Any:
        """Returns the batch with its weights, in items and payloads that are not the stored ones."""
        if not self.IS_weight:
            return batch
        items = flat(batch)
        if slots is not None and len(items) != len(weights):  # a layer further in took items out
            by_slot = dict(zip(slots.tolist(), weights.tolist(), strict=True))
            there = self._store.slots_of([item.index for item in items]).tolist()
            weights = np.array([by_slot[slot] for slot in there])
        return shaped_like(batch, weighed(items, weights))

    def state_dict(self) -> dict[str, Any]:
        """Returns what the metas of the items do not tell."""
        slots = self._store.live()
        untold = {
            place - len(slots): priority
            for place, (slot, priority) in enumerate(
                zip(slots, self._sampler.priorities(slots).tolist(), strict=True)
            )
            if not _is_told(self._store.storage.item(slot).meta.get("priority"), priority)
        }
        return {
            "max_priority": self.max_priority,
            "samples": self._samples,
            "counts": dict(self._counts),
            "untold": {"places": list(untold), "priorities": list(untold.values())},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes it back; most priorities came with the items."""
        highest, samples = self._checked(state["max_priority"]), int(state["samples"])
        counts = Counter({str(key): int(value) for key, value in state["counts"].items()})
        slots, untold = self._store.live(), state["untold"]
        priorities = {
            slots[place]: self._checked(priority)
            for place, priority in zip(untold["places"], untold["priorities"], strict=True)
            if -len(slots) <= place < 0  # counted from the newest: of more items than fit those are kept
        }
        if priorities:
            self._sampler.set(list(priorities), list(priorities.values()))
        self.max_priority, self._samples, self._counts = highest, samples, counts

    def stats(self) -> dict[str, Any]:
        """Returns the running maximum, the current beta, and how many bad priorities came past this layer."""
        return {"max_priority": self.max_priority, "beta": self.IS_weight_power_factor, **self._counts}

    def __getstate__(self) -> dict[str, Any]:
        """The store comes from the buffer that takes the copy; the masses of groups are found again."""
        return {**super().__getstate__(), "_groups": {}}


def _between(name: str, value: float, low: float, high: float) -> None:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.number))
        or not low <= value <= high
        or value == math.inf
    ):
        raise BadArgument(f"{name} must be a number in [{low}, {high}], got {value!r}.")


def _at_least(least: int, value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and bool(value >= least)


def _is_told(told: Any, priority: float) -> bool:
    """Tells whether an item's meta alone brings its priority back: no other layer or view has pushed it."""
    return isinstance(told, (int, float)) and float(told) == priority
