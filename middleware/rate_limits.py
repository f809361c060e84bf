"""How far pushes and samples may run ahead of each other."""

from __future__ import annotations

import logging
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, ClassVar, Literal

from ding_buffer.core.batch import count_of, flat, in_hand
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadArgument, ChainError, NotEnoughItems, RateLimited, RateLimitTimeout
from ding_buffer.core.number_checks import check_number, check_whole
from ding_buffer.storages.store import Store
from ding_buffer.storages.waiting_line import Blocked, WaitingLine
from ding_buffer.structures.clock import Clock
from ding_buffer.structures.sample_ratio import FINEST, SampleRatio

_LOG = logging.getLogger("ding_buffer")

Sides = Literal["both", "push", "sample"]
Mode = Literal["wait", "refuse"]


class RateLimit(Middleware):
    """Lets pushes or samples wait, or refuses them, where one side runs too far ahead of the other.

    The arithmetic is that of Reverb's ``SampleToInsertRatio`` (Cassirer et al., "Reverb: A Framework For
    Experience Replay", 2021), counted in items. With ``ahead = pushed * samples_per_insert - sampled``,
    counted from where ``min_size`` items had been pushed:

    * a push of n items goes on while ``ahead + n * samples_per_insert <= slack``, and as long as no more than
      ``min_size`` items are held afterwards;
    * a sample of n items goes on while ``ahead - n >= -slack``, and only where ``min_size`` are held.

    Where Reverb moves item by item, a batch goes whole or not at all. A batch whose items are not known
    beforehand (groups, windows of ``sequence``) asks for ``size * unroll_len`` and counts what came: it may
    leave the slack once, and is made up for before the next. A sample that came up short, or that waits for
    ``min_size``, lets as many pushes pass as it lacks, whatever the ratio: else neither side could go on.

    What comes in through any view, or from another process, is counted; only what is pushed and sampled
    through this layer waits. ``clear`` begins anew. Items that are there when the layer is used, or that are
    loaded without its state, are taken for pushed and sampled in balance.

    Waiting releases the buffer's lock, however deep in a chain. It is ended by whatever makes room, by
    ``timeout``, by ``release()`` from any thread, or by Ctrl-C. Call ``release()`` when one side is done: the
    other would wait for ever.
    """

    name = "rate_limit"
    once = True
    inside: ClassVar = {"padding": "it would count the copies that padding adds as samples"}

    def __init__(
        self,
        samples_per_insert: float | None = None,
        *,
        slack: float | None = None,
        min_size: int = 1,
        sides: Sides = "both",
        mode: Mode = "wait",
        timeout: float | None = None,
        clock: Clock = monotonic,
    ) -> None:
        check_whole("min_size", min_size, 0)
        if sides not in ("both", "push", "sample"):
            raise BadArgument(f"sides must be 'both', 'push' or 'sample', got {sides!r}.")
        if mode not in ("wait", "refuse"):
            raise BadArgument(f"mode must be 'wait' or 'refuse', got {mode!r}.")
        if timeout is not None:
            check_number("timeout", timeout, 0)
        if samples_per_insert is not None:
            check_number("samples_per_insert", samples_per_insert, 1 / FINEST)
        elif slack is not None or sides != "both":
            raise BadArgument(
                f"{'sides' if slack is None else 'slack'} says how samples_per_insert is kept: give it too."
            )
        if slack is not None:
            check_number("slack", slack, 0)
            least = max(1.0, samples_per_insert or 0)
            if slack < least:
                raise BadArgument(
                    f"slack must be at least {least:g}, what one sample or one push is worth at "
                    f"samples_per_insert={samples_per_insert}, got {slack!r}: both sides would wait for ever."
                )
        self._ratio = SampleRatio(samples_per_insert, min_size, slack, sides != "sample", sides != "push")
        self._line = WaitingLine(self._ratio, clock)
        self._mode, self._timeout = mode, timeout
        self._store: Store

    def bind(self, buffer: Home) -> None:
        """Takes the items that are there for pushed and sampled in balance; refuses a goal out of reach."""
        store, least = buffer.store, self._ratio.min_size
        if least > store.capacity:
            raise ChainError(
                f"rate_limit would wait for ever: min_size={least} items never fit into a buffer of "
                f"{store.capacity}. Make the buffer larger or min_size smaller."
            )
        self._store = store
        self._line.stand_at(store)
        self._ratio.restart(len(store))

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Lets it wait for its turn, or refuses it: then it returns None."""
        return None if self._held_back(1) else chain(data, meta=meta)

    def extend(self, chain: Chain, batch: Any, meta: Any = None) -> Any:
        """Does the same for many: all of them or, where it returns an empty list, none."""
        batch = in_hand(batch)
        return [] if self._held_back(count_of(batch)) else chain(batch, meta=meta)

    def _held_back(self, count: int) -> bool:
        return count > 0 and self._line.admit("push", count, self._mode == "wait", self._timeout) != ""

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Lets it wait for its turn, or raises ``RateLimited``.

        With ``ignore_insufficient`` a batch that may not be drawn, or not in time, is an empty list.
        """
        asked = _asked(size, query)
        try:
            self._admit_sample(asked, query.get("indices"))
        except (RateLimited, RateLimitTimeout) as refusal:
            if not query.get("ignore_insufficient"):
                raise
            _LOG.warning("%s Returning an empty batch, as ignore_insufficient asks.", refusal)
            return []
        try:
            batch = chain(size=size, **query)
        except NotEnoughItems:
            self._line.lend(asked)
            raise
        drawn = _drawn(batch)
        if drawn:
            self._ratio.count("sample", drawn)
            self._line.wake()
        else:
            self._line.lend(asked)
        return batch

    def _admit_sample(self, asked: int, indices: Any) -> None:
        if not asked:
            return
        waits = self._mode == "wait" and not self._line.released
        if waits and _are_slots(indices) and self._line.must_wait("sample", asked):
            raise ChainError(
                "rate_limit has to wait for a batch that was drawn before it: its slots may hold others by "
                "then. Use rate_limit first, outside the layer that draws."
            )
        why = self._line.admit("sample", asked, waits, self._timeout)
        if why:
            raise RateLimited(why)

    def why_blocked(self) -> Blocked | None:
        """Returns which side waits, since when, for what number, and whether it can ever resume; or None.

        To be asked from any thread; takes no lock. Of several that wait it is the one that has waited
        longest; where nobody does, the last that was refused or gave up, if it could not go on by now.
        """
        return self._line.why_blocked()

    def release(self) -> None:
        """Ends all waiting: from now on what would wait is refused, as with ``mode="refuse"``."""
        self._line.release()

    def resume(self) -> None:
        """Lets requests wait again after ``release()``."""
        self._line.released = False

    def on_filled(self, slots: Sequence[int]) -> None:
        """Counts what was pushed, through whichever view."""
        self._ratio.count("push", len(slots))

    def on_cleared(self) -> None:
        """Begins anew."""
        self._ratio.restart(0)

    def on_loaded(self) -> None:
        """Takes the items that are there now for pushed and sampled in balance."""
        self._ratio.restart(len(self._store))

    def on_mended(self) -> None:
        """Lets whoever waits look again; what was broken off may have been counted."""
        self._line.wake()

    def state_dict(self) -> dict[str, Any]:
        """Returns the counts; who waits is not among them."""
        return {"ratio": self._ratio.state_dict(), "counts": dict(self._line.counts)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the counts back, also where the limits are others now: who is ahead stays so."""
        counts = {key: int(state["counts"][key]) for key in self._line.counts}
        if min(counts.values()) < 0:
            raise ValueError(f"counts below 0: {counts}")
        self._ratio.load_state_dict(state["ratio"])
        self._line.counts = Counter(counts)
        self._line.wake()

    def stats(self) -> dict[str, Any]:
        """Returns what was pushed, sampled and refused, in items, and the seconds waited, by the clock.

        ``timeouts`` are requests, of however many items.
        """
        return {
            "pushed": self._ratio.counts["push"],
            "sampled": self._ratio.counts["sample"],
            "ahead": self._ratio.ahead,
            **self._line.counts,
            "push_seconds": self._line.seconds["push"],
            "sample_seconds": self._line.seconds["sample"],
        }


def _asked(size: Any, query: dict[str, Any]) -> int:
    """Returns how many items a query is known to draw; 0 for one that nobody can answer."""
    indices = query.get("indices")
    if isinstance(indices, str):
        return 1
    if indices is not None and hasattr(indices, "__iter__"):
        if not hasattr(indices, "__len__"):  # it can be gone through once
            indices = query["indices"] = list(indices)
        nested = isinstance(indices, (list, tuple))
        return sum(1 if isinstance(one, str) else len(one) for one in indices) if nested else len(indices)
    try:
        return max(0, operator.index(size)) * max(1, operator.index(query.get("unroll_len") or 1))
    except TypeError:
        return 0


def _are_slots(indices: Any) -> bool:
    """Tells whether these name places, and not what lies there."""
    parts = indices if isinstance(indices, (list, tuple)) else (indices,)
    return any(hasattr(part, "dtype") for part in parts)


def _drawn(batch: Any) -> int:
    if isinstance(batch, BufferedBatch):
        return count_of(batch)
    indices: list[str | None] = [item.index for item in flat(batch)]
    return len(indices) - indices.count(None)  # fillers have none


def rate_limit(
    samples_per_insert: float | None = None,
    *,
    slack: float | None = None,
    min_size: int = 1,
    sides: Sides = "both",
    mode: Mode = "wait",
    timeout: float | None = None,
    clock: Clock = monotonic,
) -> RateLimit:
    """Makes a layer that keeps ``samples_per_insert``: how often an item is sampled on average.

    A batch of 256 is 256 samples. None keeps no ratio, only ``min_size``, the items that must be held before
    the first sample: give at least the size of a batch. ``slack`` is how many samples either side may be
    ahead; None: about one batch, as large as what is asked for. With ``sides="sample"`` pushes never wait,
    with ``"push"`` samples wait for ``min_size`` only.

    ``mode="wait"``: what is too early waits, ``timeout`` seconds at most (real ones, whatever ``clock``),
    then raises ``RateLimitTimeout``. ``mode="refuse"``: a push returns None and is counted, a sample raises
    ``RateLimited``. What could never go on raises ``BadArgument`` at once. Use it before (outside) all that
    draws.
    """
    return RateLimit(
        samples_per_insert,
        slack=slack,
        min_size=min_size,
        sides=sides,
        mode=mode,
        timeout=timeout,
        clock=clock,
    )
