"""Prioritised experience replay."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from ding_buffer.core.annealing import Annealing
from ding_buffer.core.batch import (
    all_lack,
    as_indices,
    column_of,
    count_of,
    flat,
    in_hand,
    is_columns,
    meta_rows,
    same_keys,
    shaped_like,
)
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.copies import takes_entries, without_entry
from ding_buffer.core.errors import BadArgument, ChainError, NotEnoughItems
from ding_buffer.core.number_checks import check_number, is_at_least
from ding_buffer.core.quick_parts import PushParts, SampleParts, UpdateParts
from ding_buffer.core.weighing import weighed, weighed_columns
from ding_buffer.kernels.chosen import power
from ding_buffer.samplers.direct_choice import quick_choice
from ding_buffer.samplers.group_mass import GroupMasses
from ding_buffer.samplers.prioritized_groups import Grouping, draw_by_items
from ding_buffer.samplers.prioritized_range import draw_in_range, serials_of
from ding_buffer.samplers.prioritized_windows import Wanted, Window
from ding_buffer.samplers.priority_intake import PriorityIntake, untold
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
    hears_late = True
    hears_at_once = "priority"
    inside: ClassVar = {
        "staleness_check": "it would draw items that staleness_check then takes away",
        "sample_range_view": "it would draw from the whole buffer and miss the range",
        "padding": "it would draw groups that are already padded and weigh the padding",
        "sequence": "it would draw items where sequence draws windows",
        "rate_limit": "it would draw items that may be gone by the time rate_limit lets them go",
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
        check_number("priority_power_factor", priority_power_factor, 0.0)
        check_number("IS_weight_power_factor", IS_weight_power_factor, 0.0, 1.0)
        check_number("IS_weight_anneal_train_iter", IS_weight_anneal_train_iter, 0)
        check_number("epsilon", epsilon, 0.0)
        check_number("eta", eta, 0.0, 1.0)
        self.IS_weight = IS_weight
        self.priority_power_factor = priority_power_factor
        self._beta = Annealing(IS_weight_power_factor, IS_weight_anneal_train_iter, beta_schedule)
        self._mode, self._stratified, self._epsilon = mode, stratified, epsilon
        self._group_mass, self._eta = group_mass, eta
        self._groups: dict[str, GroupMasses] = {}
        self._intake = PriorityIntake(math.inf)
        self._sampler: PrioritySampler
        self._store: Store

    @property
    def IS_weight_power_factor(self) -> float:  # noqa: N802
        """The exponent beta of the next sample's weights."""
        return self._beta.now

    @property
    def max_priority(self) -> float:
        """What an item without a priority is given: the highest pushed or updated so far, 1 at first."""
        return self._intake.max_priority

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
        self._intake = PriorityIntake(self._sampler.highest)
        self.on_loaded()

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Gives the item a meta of its own that holds its priority.

        One found in a payload without meta is moved there.
        """
        data, meta = self._prioritized(data, meta, self.max_priority)
        return chain(data, meta=meta)

    def quick_push(self, parts: PushParts) -> bool:
        """Says so in parts."""
        if parts.key is not None or type(self)._prioritized is not PriorityExperienceReplay._prioritized:
            return False
        parts.key, parts.intake = "priority", self._intake
        return True

    def extend(self, chain: Chain, batch: Any, meta: Any = None) -> Any:
        """Does the same for many; one bad priority refuses all of them."""
        batch = in_hand(batch)
        columns, length = isinstance(batch, BufferedBatch) or is_columns(batch), count_of(batch)
        if is_columns(batch) and meta is None and "priority" in batch:
            meta, batch = {"priority": batch["priority"]}, without_entry(batch, "priority")
        if isinstance(meta, (list, tuple)) and len(meta) == length:
            meta = same_keys(meta) or meta
        if isinstance(meta, Mapping) or (meta is None and (columns or all_lack(batch, "priority"))):
            return chain(batch, meta=self._intake.columns(length, meta))
        rows = [None] * length if meta is None else meta_rows(meta, length)
        highest, payloads, metas = self.max_priority, [], []
        for data, row in zip([None] * length if columns else batch, rows, strict=True):
            data, meta = self._prioritized(data, row, highest)
            highest = max(highest, meta["priority"])
            payloads.append(data)
            metas.append(meta)
        return chain(batch if columns else payloads, meta=metas)

    def _prioritized(
        self, data: Any, meta: Mapping[str, Any] | None, highest: float
    ) -> tuple[Any, dict[str, Any]]:
        if meta is not None and not isinstance(meta, Mapping):
            raise BadArgument(f"meta must be a dict, got {type(meta).__name__}.")
        if meta is None and takes_entries(data) and "priority" in data:
            meta, data = {"priority": data["priority"]}, without_entry(data, "priority")
        given = None if meta is None else meta.get("priority")
        return data, {**(meta or {}), "priority": highest if given is None else self._intake.checked(given)}

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Checks the priorities before anything changes.

        An item keeps its priority where the new meta names none.
        """
        if isinstance(meta, Mapping) and isinstance(index, str):
            slot = self._store.slot_of(index)
            if "priority" in meta:
                meta = {**meta, "priority": self._intake.checked(meta["priority"])}
            elif slot >= 0:
                meta = {**meta, "priority": float(self._sampler.priorities([slot])[0])}
        elif isinstance(meta, Mapping) and "priority" in meta:
            index = as_indices(index)
            priorities = meta["priority"]
            if not isinstance(priorities, np.ndarray) or priorities.shape != (len(index),):
                priorities = column_of(priorities, len(index), "priority")
            meta = {**meta, "priority": self._intake.checked_all(priorities)}
        return chain(index, data=data, meta=meta)

    def quick_update(self, parts: UpdateParts) -> bool:
        """Says so in parts."""
        if type(self).on_updated is not PriorityExperienceReplay.on_updated:
            return False
        parts.key, parts.most, parts.intake = "priority", self._sampler.highest, self._intake
        parts.follow, parts.quiet = self._sampler.set, self._groups
        return True

    def on_filled(self, slots: Sequence[int]) -> None:
        """Makes new items drawable. Evicted ones need no word: their slot is filled again at once."""
        if len(slots) == 1:
            priority = self._intake.usable_one(self._store.storage.meta_of(slots[0], "priority"))
            self._sampler.set_one(slots[0], self.max_priority if priority is None else priority)
        else:
            self._sampler.set(slots, self._intake.given(*self._store.storage.metas(slots, "priority")))
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
        values, there = self._store.storage.metas(slots, "priority")
        priorities = self._intake.usable(values, there)
        told: Any = slots
        if priorities is not values:  # as they are, they are all there and sound
            known = ~np.isnan(priorities)
            told, priorities = np.asarray(slots)[known], priorities[known]
        self._sampler.set(told, priorities)
        self._touch(slots)

    def on_cleared(self) -> None:
        """Starts anew; beta goes on."""
        self._sampler.clear()
        self._groups.clear()
        self._intake.max_priority = 1.0

    def on_loaded(self) -> None:
        """Takes over the priorities in the metas of all items."""
        self.on_cleared()
        self.on_mended()

    def on_mended(self) -> None:
        """Does the same, but keeps the highest priority so far, and those that are in no meta."""
        slots = self._store.ring.live()
        priorities = self._intake.usable(*self._store.storage.metas(slots, "priority"))
        priorities = np.where(np.isnan(priorities), self._sampler.priorities(slots), priorities)
        priorities[np.isnan(priorities)] = self.max_priority
        self._sampler.clear()
        self._groups.clear()
        self._sampler.set(slots, priorities)

    def _touch(self, slots: Sequence[int]) -> None:
        for masses in self._groups.values():
            masses.touch(slots)

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Draws, then lets the rest of the chain fetch what was drawn.

        What names its items, or cannot be, is left to the buffer.
        """
        if not query and type(size) is int and size > 0 and (drawn := self._choose(size)):  # mostly so
            slots, weights = drawn
            return self._weighed(chain(size=size, indices=slots), slots, weights)
        rest = {key: value for key, value in query.items() if key not in _DECIDED_HERE}
        positions = self._store.positions(query.get("sample_range"))
        groupby, unroll_len = query.get("groupby"), query.get("unroll_len") or 0
        drawable = is_at_least(1, size) and is_at_least(0, unroll_len) and len(positions) > 0
        sound = not unroll_len if groupby is None else isinstance(groupby, str)
        if not (drawable and sound) or query.get("indices") is not None:
            return chain(size=size, **query)
        if groupby is None:
            slots, weights = self._draw(int(size or 0), positions)
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
        lengths: Any = batch.lengths if isinstance(batch, BufferedBatch) else [len(group) for group in batch]
        spread = np.repeat(weights, lengths)
        return self._weighed(batch, None, spread)

    def quick_sample(self, parts: SampleParts) -> bool:
        """Says so in parts."""
        if parts.choose is not None or type(self)._choose is not PriorityExperienceReplay._choose:
            return False
        quick = quick_choice(self._store, self._sampler, self._stratified, self._beta)
        parts.choose, parts.weighs = quick or self._choose, self.IS_weight
        return True

    def _choose(self, size: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Draws slots and weighs them; None where there is nothing to draw."""
        if not self._store.ring.count:
            return None
        return self._sampler.draw_weighed(self._store.rng, size, self._stratified, self._beta.step())

    def _draw(self, size: int, positions: range) -> tuple[np.ndarray, np.ndarray]:
        """Draws slots of these positions, and weighs them."""
        store, sampler = self._store, self._sampler
        if len(positions) == len(store):
            return sampler.draw_weighed(store.rng, size, self._stratified, self._beta.step())
        slots = draw_in_range(store.rng, sampler, store.ring, positions, size, self._stratified)
        return slots, self._weights(sampler.masses(slots), sampler.min_mass)

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
        return power(masses / least, 0.0, -self._beta.step())

    def _weighed(self, batch: Sequence[Any], slots: np.ndarray | None, weights: np.ndarray) -> Any:
        """Returns the batch with its weights, in items and payloads that are not the stored ones."""
        if not self.IS_weight:
            return batch
        if isinstance(batch, BufferedBatch):
            if slots is not None and batch.slots.size != len(weights):
                order = np.argsort(slots, kind="stable")
                weights = weights[order][np.searchsorted(slots[order], batch.slots.reshape(-1))]
            return weighed_columns(batch, weights)
        items = flat(batch)
        if slots is not None and len(items) != len(weights):  # a layer further in took items out
            by_slot = dict(zip(slots.tolist(), weights.tolist(), strict=True))
            there = self._store.slots_of([item.index for item in items]).tolist()
            weights = np.array([by_slot[slot] for slot in there])
        return shaped_like(batch, weighed(items, weights))

    def state_dict(self) -> dict[str, Any]:
        """Returns what the metas of the items do not tell."""
        slots = self._store.ring.live()
        return {
            "max_priority": self.max_priority,
            "samples": self._beta.samples,
            "counts": {"poisoned": self._intake.poisoned},
            "untold": untold(self._sampler.priorities(slots), *self._store.storage.metas(slots, "priority")),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes it back; most priorities came with the items."""
        checked = self._intake.checked
        highest, samples = checked(state["max_priority"]), int(state["samples"])
        poisoned = int(state["counts"]["poisoned"])
        slots, kept = self._store.live(), state["untold"]
        priorities = {
            slots[place]: checked(priority)
            for place, priority in zip(kept["places"], kept["priorities"], strict=True)
            if -len(slots) <= place < 0  # counted from the newest: of more items than fit those are kept
        }
        if priorities:
            self._sampler.set(list(priorities), list(priorities.values()))
        self._intake.max_priority, self._intake.poisoned = highest, poisoned
        self._beta.samples = samples

    def stats(self) -> dict[str, Any]:
        """Returns the running maximum, the current beta, and how many bad priorities came past this layer."""
        return {"max_priority": self.max_priority, "beta": self._beta.now, "poisoned": self._intake.poisoned}

    def __getstate__(self) -> dict[str, Any]:
        """The store comes from the buffer that takes the copy; the masses of groups are found again."""
        return {**super().__getstate__(), "_groups": {}}
