"""Which items may begin a window: those that enough others follow."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.chosen import walk
from ding_buffer.structures.slot_checks import checked_slots
from ding_buffer.structures.succession import Succession

_WHOLE = 4  # a removal that looks at so many times the capacity looks at everything once instead


class LegalStarts:
    """The slots that at least ``need - 1`` items follow without a break, marked one by one.

    With ``stride`` only every so-manieth step of an episode counts, from its first step that was pushed here:
    when that is evicted the others keep their numbers. An item that comes or an oldest one that goes costs
    O(1), any other that goes O(``need``).

    An item that has too few behind it yet waits. Of each run of items only the first that waits is known, by
    the last of the run: another item at the end lets exactly that one in, and its follower is the next.
    """

    def __init__(self, capacity: int, need: int, stride: int = 1) -> None:
        self.succession = Succession(capacity)
        self.need = need
        self.stride = stride
        self.changed: list[int] | None = None
        """Where it is a list, every slot that comes in or goes out is appended."""
        self._legal = np.zeros(capacity, dtype=bool)
        self.span = 0
        """No slot from here on was ever filled since the last ``clear``."""
        self._step = np.zeros(capacity if stride > 1 else 0, dtype=np.int64)
        self._held = np.empty(capacity, dtype=bool)
        self._forget()

    def __len__(self) -> int:
        return self._count

    @property
    def slots(self) -> npt.NDArray[np.int64]:
        """The legal starts, ascending; costs the ``span``."""
        return np.flatnonzero(self._legal[: self.span])

    def are_legal(self, slots: np.ndarray) -> npt.NDArray[np.bool_]:
        """Tells of each slot whether it may begin a window."""
        legal: npt.NDArray[np.bool_] = self._legal[slots]
        return legal

    def append(self, slots: Any, streams: Sequence[Hashable] | np.ndarray | None, ends: Any) -> None:
        """Takes in items in the order in which they were stored; see ``Succession.append``."""
        self.succession.append(slots, streams, ends)
        before = self.succession.preceding[slots].tolist()
        for slot, one in zip(np.asarray(slots).tolist(), before, strict=True):
            self._enter(slot, one)

    def append_one(self, slot: int, stream: Hashable, end: bool) -> None:
        """Takes in one item."""
        self.succession.append_one(slot, stream, end)
        self._enter(slot, int(self.succession.preceding[slot]))

    def _enter(self, slot: int, before: int) -> None:
        self._held[slot] = True
        if slot >= self.span:
            self.span = slot + 1
        if self.stride > 1:
            self._step[slot] = 0 if before < 0 else self._step[before] + 1
        if self.need == 1:
            self._let_in(slot)
            return
        first, count = (slot, 1) if before < 0 else self._waiting.pop(before)
        if before >= 0:
            count += 1
            if count == self.need:
                self._let_in(first)
                del self._last_of[first]
                first, count = int(self.succession.following[first]), count - 1
        self._waiting[slot] = (first, count)
        self._last_of[first] = slot

    def _let_in(self, slot: int) -> None:
        if self.stride > 1 and self._step[slot] % self.stride:
            return
        self._legal[slot] = True
        self._count += 1
        if self.changed is not None:
            self.changed.append(slot)

    def _put_out(self, slot: int) -> None:
        self._legal[slot] = False
        self._count -= 1
        if self.changed is not None:
            self.changed.append(slot)

    def evict(self, slot: int) -> None:
        """Takes out the oldest item of all."""
        succession = self.succession
        if succession.preceding[slot] >= 0:
            self.remove([slot])
            return
        self._held[slot] = False
        if self._legal[slot]:
            self._put_out(slot)
        last = self._last_of.pop(slot, -1)
        if last >= 0:
            _, count = self._waiting.pop(last)
            if count > 1:
                first = int(succession.following[slot])
                self._waiting[last] = (first, count - 1)
                self._last_of[first] = last
        succession.remove_one(slot)

    def remove(self, slots: Any) -> None:
        """Takes out any items; no window bridges the gap."""
        slots = np.unique(checked_slots(slots, self.succession.capacity))
        self._held[slots] = False
        if len(slots) * self.need > _WHOLE * self.succession.capacity:
            self.succession.remove(slots)
            self._find_all()
            return
        succession = self.succession
        reaching = walk(succession.preceding, slots, self.need).reshape(-1)
        reaching = reaching[reaching >= 0]
        for slot in np.unique(reaching[self._legal[reaching]]).tolist():
            self._put_out(slot)
        reached = set(succession.walk(slots, self.need).reshape(-1).tolist()) & self._waiting.keys()
        for last in reached:
            del self._last_of[self._waiting.pop(last)[0]]
        lasts = (reached | set(succession.preceding[slots].tolist())) - {-1, *slots.tolist()}
        succession.remove(slots)
        for last in lasts:
            self._wait_before(last)

    def _wait_before(self, last: int) -> None:
        if self.need == 1:
            return
        first, count, preceding = last, 1, self.succession.preceding
        while count < self.need - 1 and preceding[first] >= 0:
            first, count = int(preceding[first]), count + 1
        self._waiting[last] = (first, count)
        self._last_of[first] = last

    def sever(self, ended: np.ndarray, moved: np.ndarray, live: np.ndarray) -> None:
        """Cuts the links from items that turn out to end their episode, and to and from those that moved.

        A moved item turned out to be of another stream. ``live`` are all slots, oldest first, as these cost.
        """
        state = self.succession.state_dict(live)
        place = np.zeros(self.succession.capacity, dtype=np.int64)
        place[live] = np.arange(len(live))
        before = self.succession.preceding[moved]
        cut = place[np.concatenate((ended, moved, before[before >= 0]))]
        state["following"][cut] = -1
        state["newest"] = [entry for entry in state["newest"] if entry[0] not in set(cut.tolist())]
        self.succession.load_state_dict(state, live)
        self._find_all()

    def clear(self) -> None:
        """Forgets everything."""
        self.succession.clear()
        self._forget()

    def _forget(self) -> None:
        self._held.fill(False)
        self._legal.fill(False)
        self.span = self._count = 0
        self._waiting: dict[int, tuple[int, int]] = {}
        self._last_of: dict[int, int] = {}

    def rebuild(self, slots: np.ndarray, serials: np.ndarray, upcoming: int, streams: Any, ends: Any) -> None:
        """Starts anew with the items that are there; see ``Succession.rebuild``."""
        self.succession.rebuild(slots, serials, upcoming, streams, ends)
        self._held.fill(False)
        self._held[slots] = True
        if self.stride > 1:
            self._step[:] = distances(self.succession.preceding)[0]
        self.span = int(slots.max(initial=-1)) + 1
        self._find_all()

    def _find_all(self) -> None:
        """Finds everything anew from the links."""
        before = np.flatnonzero(self._legal)
        following, preceding = self.succession.following, self.succession.preceding
        behind, lasts = distances(following)
        legal = self._held & (behind + 1 >= self.need)
        if self.stride > 1:
            legal &= self._step % self.stride == 0
        self._legal, self._count = legal, int(np.count_nonzero(legal))
        if self.changed is not None:
            self.changed += [*before.tolist(), *np.flatnonzero(legal).tolist()]
        if self.need > 1:
            first = (behind == self.need - 2) | ((preceding < 0) & (behind < self.need - 1))
            firsts = np.flatnonzero(first & self._held)
            counts, lasts = (behind[firsts] + 1).tolist(), lasts[firsts].tolist()
            self._waiting = dict(zip(lasts, zip(firsts.tolist(), counts, strict=True), strict=True))
            self._last_of = dict(zip(firsts.tolist(), lasts, strict=True))

    def state_dict(self, slots: np.ndarray) -> dict[str, Any]:
        """Returns what the items, given oldest first, do not tell: places in ``slots`` in place of slots."""
        return {
            "links": self.succession.state_dict(slots),
            "span": self.span,
            "steps": self._step[slots] if self.stride > 1 else None,
        }

    def load_state_dict(self, state: Mapping[str, Any], slots: np.ndarray) -> None:
        """Takes a state back for items that lie in ``slots`` now, the newest of those saved.

        Raises ``ValueError`` where the state does not fit.
        """
        surplus, span, steps = (
            len(state["links"]["following"]) - len(slots),
            int(state["span"]),
            state["steps"],
        )
        if steps is not None and len(steps) != surplus + len(slots):
            raise ValueError(f"{len(steps)} step numbers for {surplus + len(slots)} items")
        self.succession.load_state_dict(state["links"], slots)
        if self.stride > 1:
            self._step[:] = distances(self.succession.preceding)[0]
            if steps is not None:
                self._step[slots] = np.asarray(steps, dtype=np.int64)[surplus:]
        self._held.fill(False)
        self._held[slots] = True
        self.span = min(max(span, int(slots.max(initial=-1)) + 1), self.succession.capacity)
        self._find_all()

    def check(self) -> None:
        """Raises ``ValueError`` if what is known does not follow from the links; for tests."""
        self.succession.check()
        following, preceding = self.succession.following.tolist(), self.succession.preceding.tolist()
        for last, (first, count) in self._waiting.items():
            at, seen = first, 1
            while following[at] >= 0:
                at, seen = following[at], seen + 1
            longest = count == self.need - 1 or preceding[first] < 0
            if (at, seen) != (last, count) or not longest or self._last_of.get(first) != last:
                raise ValueError(f"the run that ends in slot {last} waits for the wrong item")
        runs = int((self._held & (self.succession.following < 0)).sum()) if self.need > 1 else 0
        if not len(self._last_of) == len(self._waiting) == runs:
            raise ValueError(f"{len(self._waiting)} runs have an item that waits, of {runs}")
        behind = distances(self.succession.following)[0]
        right = self._held & (behind + 1 >= self.need)
        if self.stride > 1:
            right &= self._step % self.stride == 0
        if self._held[self.span :].any():
            raise ValueError(f"a slot from {self.span} on is in use")
        if not np.array_equal(right, self._legal) or self._count != np.count_nonzero(right):
            raise ValueError("the legal starts are not those that the links make")


def distances(links: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns how many links lead on from each slot, and the slot where they end.

    Costs the number of slots, times the logarithm of the longest chain.
    """
    linked = links >= 0
    far, ends = linked.astype(np.int64), np.where(linked, links, np.arange(len(links)))
    while (more := far[ends]).any():
        far += more
        ends = ends[ends]
    return far, ends
