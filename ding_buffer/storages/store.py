"""The heart that all views of a buffer share.

Items, their order, their groups, one lock, one generator, and who wants to know.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.batch import index_texts, is_slots
from ding_buffer.core.chain import Middleware
from ding_buffer.core.copies import is_tensor
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.core.item import BufferedData
from ding_buffer.core.lock import FairLock
from ding_buffer.storages.listeners import Listeners
from ding_buffer.storages.storage import Storage
from ding_buffer.structures.group_index import GroupIndex
from ding_buffer.structures.index_text import LAST_DIGITS, PAGE, IndexText
from ding_buffer.structures.ring_index import RingIndex


class Store:
    """Keeps a storage, the order of its slots, the groups in use and the listening layers in step.

    Every method expects the caller to hold ``lock``. Whatever changes the content goes through here, so a
    layer that listens can keep state by slot that never drifts from the data, whoever made the change and
    through whichever view.
    """

    def __init__(self, capacity: int, storage: Storage, seed: int | None = None) -> None:
        self.capacity = capacity
        self.storage = storage
        self.ring = RingIndex(capacity)
        self.text = IndexText()
        self.groups: dict[str, GroupIndex] = {}
        self.rng = np.random.default_rng(seed)
        self.counts: Counter[str] = Counter(
            sampled=0, deleted=0, cleared=0, late_updates=0
        )  # the rest follows from the serials
        self._begin()

    def _begin(self) -> None:
        self.lock = FairLock()
        self.condition = threading.Condition(self.lock)  # type: ignore[arg-type]
        self._waiting = 0
        self.listeners = Listeners()
        self._put = self.storage.put
        self._page = ""  # what the next index begins with; empty where it has to be asked for
        self._notice()

    def _notice(self) -> None:
        """Notes whether a push concerns nobody but the storage."""
        self._alone = not (self.groups or self.listeners or self._waiting or self.storage.strict)

    def __len__(self) -> int:
        return self.ring.count

    def attach(self, layer: Middleware) -> None:
        """Tells a layer of every event from now on."""
        self.listeners.attach(layer)
        self._notice()

    def dismiss(self, layer: Middleware) -> None:
        """Tells a layer of no more events, at the next event at the latest; needs no lock."""
        self.listeners.dismiss(layer)

    def _tell(self, event: str, *what: Any) -> None:
        if self.listeners.tell(event, *what):
            self._notice()
        if self._waiting:
            self.condition.notify_all()

    def wait_for(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Waits, without the lock, until ``ready()`` after some event or until ``timeout`` seconds.

        Returns whether it is ready.
        """
        self._waiting += 1
        self._notice()
        try:
            return self.condition.wait_for(ready, timeout)
        finally:
            self._waiting -= 1
            self._notice()

    def push(self, data: Any, meta: dict[str, Any] | None) -> BufferedData:
        """Stores one item; the oldest gives way when there is no room."""
        if meta is None:
            meta = {}
        elif not isinstance(meta, dict):
            raise BadArgument(f"meta must be a dict, got {type(meta).__name__}.")
        ring = self.ring
        serial = ring.next
        if not serial % PAGE or not self._page:
            self._page = self.text.page(serial)
        text = self._page + LAST_DIGITS[serial % PAGE]
        if self._alone:
            return self._put(ring.advance(), data, text, meta)
        self.check_item(data, meta)
        if ring.count == self.capacity:
            self._evict()
        slot = ring.push()
        item = self._put(slot, data, text, meta)
        for key, index in self.groups.items():
            index.add(slot, serial, meta.get(key))
        self._tell("on_filled", (slot,))
        return item

    def check_item(self, data: Any, meta: Mapping[str, Any]) -> None:
        """Raises what ``push`` would raise for an item; changes nothing."""
        self._check_groups(meta)
        if self.storage.strict:
            self.storage.check(data, meta)

    def _evict(self) -> None:
        slot = self.ring.pop_oldest()
        for index in self.groups.values():
            index.evict(slot)
        self._tell("on_evicted", (slot,))

    def _check_groups(self, meta: Mapping[str, Any]) -> None:
        for key in self.groups:
            check_group_value(key, meta.get(key))

    def slots_of(self, indices: Any) -> np.ndarray:
        """Returns the slots, int64, of one index or many; -1 where the item is gone or never was.

        Slots pass as they are.
        """
        if is_slots(indices):
            slots = indices.astype(np.int64, copy=False)
            inside = (slots >= 0) & (slots < self.capacity)
            return np.where(inside & (self.ring.serials_of(np.where(inside, slots, 0)) >= 0), slots, -1)
        if isinstance(indices, str):
            return np.array([self.slot_of(indices)], dtype=np.int64)
        if not isinstance(indices, list):
            indices = index_texts(indices)
        try:
            serials = self.text.read(indices)
        except TypeError:
            serials = self.text.read(index_texts(indices))
        return self.ring.slots_of(serials)

    def slot_of(self, index: str) -> int:
        """Returns the slot of one index, -1 where the item is gone or never was."""
        serial = self.text.read_one(index)
        return self.ring.slot_of(serial) if serial >= 0 else -1

    def update(
        self, slots: Sequence[int], data: Sequence[Any] | None, metas: Sequence[dict[str, Any]] | None
    ) -> None:
        """Replaces payloads (None keeps one) and metas of live slots."""
        payloads = [None] * len(slots) if data is None else data
        changes = [(payload, metas[place] if metas else None) for place, payload in enumerate(payloads)]
        if self.groups or self.storage.strict:
            for slot, (payload, meta) in zip(slots, changes, strict=True):
                held = self.storage.item(slot)
                self.check_item(
                    held.data if payload is None else payload, held.meta if meta is None else meta
                )
        for slot, (payload, meta) in zip(slots, changes, strict=True):
            self.storage.write(slot, payload, meta)
        if metas is not None and self.groups:
            serials = self.ring.serials_of(np.array(slots)).tolist()
            for key, index in self.groups.items():
                for slot, serial, meta in zip(slots, serials, metas, strict=True):
                    index.move(slot, serial, meta.get(key))
        self._tell("on_updated", slots)

    def delete(self, slots: np.ndarray) -> int:
        """Removes the items of live slots, each named once or more; returns how many went."""
        slots = np.unique(slots)
        if not len(slots):
            return 0
        listed = slots.tolist()
        if self.groups:
            serials = self.ring.serials_of(slots).tolist()
            for index in self.groups.values():
                index.remove(listed, serials)
        self.ring.remove(slots)
        self.storage.drop(listed)
        self.counts["deleted"] += len(listed)
        self._tell("on_deleted", listed)
        return len(listed)

    def clear(self) -> None:
        """Removes everything; indices handed out stay gone."""
        self.counts["cleared"] += len(self)
        self.ring.clear()
        self.storage.clear()
        for index in self.groups.values():
            index.clear()
        self._tell("on_cleared")

    def live(self) -> list[int]:
        """Returns the slots of all items, oldest first."""
        slots: list[int] = self.ring.live().tolist()
        return slots

    def items(self, slots: Sequence[int]) -> list[BufferedData]:
        """Returns the stored items of slots themselves."""
        item = self.storage.item
        return [item(slot) for slot in slots]

    def grouped(self, key: str) -> GroupIndex:
        """Returns the groups of a meta key, which are kept from the first time they are asked for."""
        index = self.groups.get(key)
        if index is None:
            index = self._group(key)
            self.groups[key] = index
            self._notice()
        return index

    def _group(self, key: str) -> GroupIndex:
        index = GroupIndex()
        slots = self.ring.live()
        for slot, serial in zip(slots.tolist(), self.ring.serials_of(slots).tolist(), strict=True):
            value = self.storage.item(slot).meta.get(key)
            check_group_value(key, value)
            index.add(slot, serial, value)
        return index

    def positions(self, sample_range: Any) -> range:
        """Returns the positions, oldest first, that a ``sample_range`` leaves.

        A slice, a sequence of slices each within the last, or None.

        Slices mean what they mean for a list, so a negative bound counts from the newest item.
        """
        positions = range(len(self))
        if sample_range is None:
            return positions
        for part in sample_range if isinstance(sample_range, (list, tuple)) else (sample_range,):
            if not isinstance(part, slice):
                raise BadArgument(
                    f"sample_range must be a slice, e.g. slice(-99, None) for the newest 99, got {part!r}."
                )
            try:
                positions = positions[part]
            except (TypeError, ValueError) as error:
                raise BadArgument(f"sample_range {part!r} is not a slice of positions: {error}.") from error
        return positions

    def slots_in(self, positions: range) -> np.ndarray:
        """Returns the slots at the given positions, in their order."""
        return self.ring.slots_at(np.arange(positions.start, positions.stop, positions.step))

    def state_dict(self) -> dict[str, Any]:
        """Returns items, order, groups and generator.

        Payloads and metas are shared, everything else is a copy.
        """
        order = self.ring.state_dict()
        return {
            "order": order,
            "index": self.text.state_dict(),
            "storage": self.storage.state_dict(order["slots"].tolist()),
            "groups": {key: index.order() for key, index in self.groups.items()},
            "rng": self.rng.bit_generator.state,
            "counts": dict(self.counts),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replaces the content. Own capacity stays.

        Of more items than fit, the newest are kept and the rest counted as evicted.

        Raises ``CorruptSnapshot`` where the state does not fit together; then nothing has changed.
        """
        try:
            ring, text, rng = RingIndex(self.capacity), IndexText(), np.random.default_rng()
            order, payloads, metas = (
                state["order"],
                list(state["storage"]["data"]),
                list(state["storage"]["meta"]),
            )
            serials = np.asarray(order["serials"], dtype=np.int64)
            if not len(serials) == len(payloads) == len(metas) or not all(
                isinstance(meta, dict) for meta in metas
            ):
                raise ValueError(
                    f"{len(serials)} serial numbers, {len(payloads)} payloads, {len(metas)} metas"
                )
            surplus = max(0, len(serials) - self.capacity)
            if int(order["capacity"]) == self.capacity:
                ring.load_state_dict(order)
            else:
                ring.restart(serials[surplus:], int(order["next"]))
            text.load_state_dict(state["index"])
            rng.bit_generator.state = state["rng"]
            groups = self._load_groups(state["groups"], ring, metas[surplus:], exact=not surplus)
            counts = Counter({str(key): int(value) for key, value in state["counts"].items()})
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise CorruptSnapshot(f"The saved state does not fit together: {error}.") from error
        if self.storage.strict:
            for data, meta in zip(payloads[surplus:], metas[surplus:], strict=True):
                self.storage.check(data, meta)
        texts = [text.write(serial) for serial in serials[surplus:].tolist()]
        self.storage.clear()
        for slot, data, index, meta in zip(
            ring.live().tolist(), payloads[surplus:], texts, metas[surplus:], strict=True
        ):
            self.storage.put(slot, data, index, meta)
        # New items get a prefix of their own: another store may hold this state too, and hand out the same
        # serials.
        text.begin(ring.next)
        self._page = ""
        self.ring, self.text, self.rng, self.groups, self.counts = ring, text, rng, groups, counts
        self._notice()
        self._tell("on_loaded")

    def _load_groups(
        self, saved: Any, ring: RingIndex, metas: Sequence[Any], exact: bool
    ) -> dict[str, GroupIndex]:
        slots = ring.live()
        serials = ring.serials_of(slots).tolist()
        groups = {
            str(key): GroupIndex() for key in [*saved, *(key for key in self.groups if key not in saved)]
        }
        for key, index in groups.items():
            for slot, serial, meta in zip(slots.tolist(), serials, metas, strict=True):
                check_group_value(key, meta.get(key))
                index.add(slot, serial, meta.get(key))
            if exact and key in saved:
                index.reorder([int(serial) for serial in saved[key]])
        return groups

    def stats(self) -> dict[str, Any]:
        """Returns the counters of everything that came, went or was too late."""
        counts = {
            "pushed": self.ring.next,
            "evicted": self.ring.next - len(self) - self.counts["deleted"] - self.counts["cleared"],
            **self.counts,
        }
        return {"size": len(self), "capacity": self.capacity, **counts, **self.storage.stats()}

    def check(self) -> None:
        """Raises ``ValueError`` if order, items and groups disagree; for tests."""
        self.ring.check()
        for slot in self.live():
            if self.slot_of(self.storage.item(slot).index) != slot:
                raise ValueError(f"the item in slot {slot} is not known by its index")
        for key, index in self.groups.items():
            index.check()
            held = {slot: self.storage.item(slot).meta.get(key) for slot in self.live()}
            listed = {slot: group.value for group in index.groups for slot in group.slots[group.head :]}
            if listed != {slot: value for slot, value in held.items() if value is not None}:
                raise ValueError(f"the groups of {key!r} and the items disagree")

    def __getstate__(self) -> dict[str, Any]:
        """A copy has its own lock, and no layers until a buffer brings them."""
        left_out = ("lock", "condition", "_waiting", "listeners", "_put", "_page", "_alone")
        return {key: value for key, value in self.__dict__.items() if key not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()
        self.text.begin(self.ring.next)


def check_group_value(key: str, value: Any) -> None:
    """Raises ``BadArgument`` for a value that cannot name a group."""
    try:
        hash(value)
    except TypeError:
        raise BadArgument(
            f"meta[{key!r}] is a {type(value).__name__}, which cannot name a group: it has no hash."
        ) from None
    if is_tensor(value):
        raise BadArgument(
            f"meta[{key!r}] is a tensor, and no two tensors are the same group: give meta[{key!r}].item()."
        )
