"""Which items may begin a window: those that enough others follow."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.chosen import enter_runs, leave_runs, walk
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
        self.legal = np.zeros(capacity, dtype=bool)
        """Whether a slot is a legal start."""
        self.span = 0
        """No slot from here on was ever filled since the last ``clear``."""
        self._step = np.zeros(capacity if stride > 1 else 0, dtype=np.int64)
        self._held = np.empty(capacity, dtype=bool)
        # The last item of a run and the first that waits are mates of each other, nobody else has one;
        # with the last is noted how many there are from one to the other.
        self._mates = np.empty(capacity, dtype=np.int64)
        self._counts = np.zeros(capacity, dtype=np.int64)
        self._single = np.zeros(1, dtype=np.int64)
        self._forget()

    def __len__(self) -> int:
        return self._count

    @property
    def slots(self) -> npt.NDArray[np.int64]:
        """The legal starts, ascending; costs the ``span``."""
        return np.flatnonzero(self.legal[: self.span])

    def are_legal(self, slots: np.ndarray) -> npt.NDArray[np.bool_]:
        """Tells of each slot whether it may begin a window."""
        legal: npt.NDArray[np.bool_] = self.legal[slots]
        return legal

    def append(self, slots: Any, streams: Sequence[Hashable] | np.ndarray | None, ends: Any) -> None:
        """Takes in items in the order in which they were stored; see ``Succession.append``."""
        slots = np.asarray(slots, dtype=np.int64)
        self.succession.append(slots, streams, ends)
        self._enter(slots)
        if self.span < self.succession.capacity:
            self.span = max(self.span, int(slots.max(initial=-1)) + 1)

    def append_one(self, slot: int, stream: Hashable, end: bool) -> None:
        """Takes in one item."""
        self.succession.append_one(slot, stream, end)
        self._single[0] = slot
        self._enter(self._single)
        if slot >= self.span:
            self.span = slot + 1

    def _enter(self, slots: npt.NDArray[np.int64]) -> None:
        links = self.succession
        let_in = enter_runs(
            links.following,
            links.preceding,
            self._mates,
            self._counts,
            self._step,
            self._held,
            self.legal,
            slots,
            self.need,
            self.stride,
        )
        self._count += len(let_in)
        if self.changed is not None:
            self.changed += let_in.tolist()

    def _put_out(self, slots: npt.NDArray[np.int64]) -> None:
        self.legal[slots] = False
        self._count -= len(slots)
        if self.changed is not None:
            self.changed += slots.tolist()

    def evict(self, slot: int) -> None:
        """Takes out the oldest item of all."""
        self._single[0] = slot
        self.evict_many(self._single)

    def evict_many(self, slots: npt.NDArray[np.int64]) -> None:
        """Takes out the oldest items of all, in their order."""
        links = self.succession
        gone, were_newest, count = leave_runs(
            links.following,
            links.preceding,
            links.is_newest,
            self._mates,
            self._counts,
            self._held,
            self.legal,
            slots,
        )
        self._count -= len(gone)
        if self.changed is not None:
            self.changed += gone.tolist()
        if len(were_newest):
            links.forget_newest(were_newest)
        if count < len(slots):
            self.remove(slots[count:])

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
        self._put_out(np.unique(reaching[self.legal[reaching]]))
        lasts = succession.walk(slots, self.need).reshape(-1)
        lasts = lasts[lasts >= 0]
        lasts = lasts[(succession.following[lasts] < 0) & (self._mates[lasts] >= 0)]
        self._mates[self._mates[lasts]] = -1
        self._mates[lasts] = -1
        lasts = np.concatenate((lasts, succession.preceding[slots]))
        succession.remove(slots)
        self._wait_before(lasts[(lasts >= 0) & ~np.isin(lasts, slots)])

    def _wait_before(self, lasts: npt.NDArray[np.int64]) -> None:
        """Finds the first that waits of each run anew."""
        if self.need == 1:
            return
        waiting = walk(self.succession.preceding, lasts, self.need - 1)
        counts = np.count_nonzero(waiting >= 0, axis=1)
        firsts = waiting[np.arange(len(lasts)), counts - 1]
        self._mates[lasts], self._mates[firsts], self._counts[lasts] = firsts, lasts, counts

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
        self.legal.fill(False)
        self._mates.fill(-1)
        self.span = self._count = 0

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
        before = np.flatnonzero(self.legal)
        following, preceding = self.succession.following, self.succession.preceding
        behind, lasts = distances(following)
        legal = self._held & (behind + 1 >= self.need)
        if self.stride > 1:
            legal &= self._step % self.stride == 0
        self.legal[:], self._count = legal, int(np.count_nonzero(legal))
        if self.changed is not None:
            self.changed += [*before.tolist(), *np.flatnonzero(legal).tolist()]
        self._mates.fill(-1)
        if self.need > 1:
            waits = (behind == self.need - 2) | ((preceding < 0) & (behind < self.need - 1))
            firsts = np.flatnonzero(waits & self._held)
            lasts = lasts[firsts]
            self._mates[firsts], self._mates[lasts] = lasts, firsts
            self._counts[lasts] = behind[firsts] + 1

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
        mates, counts = self._mates.tolist(), self._counts.tolist()
        lasts = np.flatnonzero(self._held & (self.succession.following < 0)).tolist() if self.need > 1 else []
        for last in lasts:
            at = first = mates[last]
            seen = int(first >= 0)
            while seen and following[at] >= 0:
                at, seen = following[at], seen + 1
            longest = seen == self.need - 1 or preceding[first] < 0
            if (at, seen) != (last, counts[last]) or not longest or mates[first] != last:
                raise ValueError(f"the run that ends in slot {last} waits for the wrong item")
        known = {*lasts, *(mates[last] for last in lasts)}
        if known != set(np.flatnonzero(self._mates >= 0).tolist()):
            raise ValueError("an item waits that is the first to do so of no run")
        behind = distances(self.succession.following)[0]
        right = self._held & (behind + 1 >= self.need)
        if self.stride > 1:
            right &= self._step % self.stride == 0
        if self._held[self.span :].any():
            raise ValueError(f"a slot from {self.span} on is in use")
        if not np.array_equal(right, self.legal) or self._count != np.count_nonzero(right):
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
