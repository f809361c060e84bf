"""Those who wait until a ratio lets them go on, and why they do."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from ding_buffer.core.errors import BadArgument, RateLimitTimeout
from ding_buffer.storages.store import Store
from ding_buffer.structures.clock import Clock
from ding_buffer.structures.sample_ratio import SampleRatio, Side

_LOG = logging.getLogger("ding_buffer")
_ALONE = "No other thread of this process runs that could change that."
_OTHER: dict[Side, Side] = {"push": "sample", "sample": "push"}


@dataclass(frozen=True, slots=True)
class Blocked:
    """What keeps one side from going on: ``have`` has to become ``needed``, counted in ``unit``."""

    side: Side
    since: float
    """When it began, by the clock of whoever keeps the line."""
    needed: int
    have: int
    unit: Literal["items", "pushes", "samples"]
    can_resume: bool
    """Whether it can come about; False where both sides wait for each other, or nothing would be enough."""
    text: str


@dataclass(eq=False, slots=True)
class _Request:
    side: Side
    count: int
    since: float


class WaitingLine:
    """Lets requests through, has them wait on the store's condition, or turns them away.

    Every method but ``release`` and ``why_blocked`` expects the caller to hold the store's lock, which
    waiting releases.
    """

    def __init__(self, ratio: SampleRatio, clock: Clock) -> None:
        self.counts: Counter[str] = Counter(refused_pushes=0, refused_samples=0, timeouts=0)
        self.seconds: dict[Side, float] = {"push": 0.0, "sample": 0.0}
        self._ratio, self._clock = ratio, clock
        self._store: Store
        self.released = False
        self._begin()

    def _begin(self) -> None:
        self._waiting: list[_Request] = []
        self._refused: dict[Side, _Request] = {}  # the last of each side, until one is let through

    def stand_at(self, store: Store) -> None:
        """Begins: this is the store whose changes are waited for."""
        self._store = store

    def admit(self, side: Side, count: int, wait: bool, timeout: float | None) -> str:
        """Returns "" for a request that may go on, at once or after a wait, else why it may not.

        Raises ``RateLimitTimeout`` after ``timeout`` seconds in vain, ``BadArgument`` for what can never be.
        """
        request = _Request(side, count, self._clock())
        if self._ratio.never(side, count, len(self._store)):
            self._refuse(request)
            raise BadArgument(self._text(request))
        self._ratio.ask(side, count)
        if not self._may(request) and not (wait and not self.released and self._waits(request, timeout)):
            self._refuse(request)
            return self._text(request)
        self._refused.pop(side, None)
        return ""

    def must_wait(self, side: Side, count: int) -> bool:
        """Tells whether a request could not go on at once."""
        return not self._ratio.may(side, count, len(self._store))

    def lend(self, count: int) -> None:
        """Lets so many pushes pass that a sample lacks; see ``SampleRatio.lend``."""
        if self._ratio.lend(count):
            self.wake()

    def wake(self) -> None:
        """Has everybody who waits look again."""
        if self._waiting:
            self._store.condition.notify_all()

    def release(self) -> None:
        """Ends all waiting, now and from now on; needs no lock."""
        self.released = True
        if hasattr(self, "_store"):
            with self._store.lock:
                self.wake()

    def _may(self, request: _Request) -> bool:
        held = len(self._store)
        if request.side == "sample" and held < self._ratio.min_size:
            self.lend(self._ratio.min_size - held)
        return self._ratio.may(request.side, request.count, held)

    def _waits(self, request: _Request, timeout: float | None) -> bool:
        """Returns whether the request may go on; False where all were released meanwhile."""
        self._waiting.append(request)
        try:
            self.wake()  # what is asked for now may widen the slack of the other side
            blocked = self._blocked(request)
            if blocked is not None and not blocked.can_resume:
                _LOG.warning("%s", blocked.text)
            elif blocked is not None and not self._has_company():
                _LOG.warning("%s %s", blocked.text, _ALONE)
            ready = self._store.wait_for(lambda: self.released or self._may(request), timeout)
        finally:
            self._waiting.remove(request)
            self.seconds[request.side] += self._clock() - request.since
        if not ready:
            self.counts["timeouts"] += 1
            self._remember(request)
            raise RateLimitTimeout(
                self._text(request) if self._has_company() else f"{self._text(request)} {_ALONE}"
            )
        return self._may(request)

    def _has_company(self) -> bool:
        return threading.active_count() > 1 or bool(getattr(self._store.storage, "shared", False))

    def _refuse(self, request: _Request) -> None:
        self.counts["refused_pushes" if request.side == "push" else "refused_samples"] += request.count
        self._remember(request)

    def _remember(self, request: _Request) -> None:
        before = self._refused.get(request.side)
        since = request.since if before is None else before.since
        self._refused[request.side] = _Request(request.side, request.count, since)

    # Saying why. All of this only reads, so that it may come from any thread while another is busy.

    def why_blocked(self) -> Blocked | None:
        """Returns what keeps the request that waits longest from going on, or None.

        Where nobody waits: the last one that was refused or gave up, if it could not go on by now.
        """
        requests = sorted(self._waiting, key=lambda request: request.since)
        found = (self._blocked(request) for request in (*requests, *list(self._refused.values())))
        return next((blocked for blocked in found if blocked is not None), None)

    def _blocked(self, request: _Request) -> Blocked | None:
        ratio, side, count = self._ratio, request.side, request.count
        held = self._store.ring.count  # len() of a shared store would take its lock
        if self._goes(request, held):
            return None
        never = ratio.never(side, count, held)
        if side == "sample" and held < ratio.min_size:
            found = Blocked(side, request.since, ratio.min_size, held, "items", not never, "")
        else:
            have = ratio.counts[_OTHER[side]]
            unit: Literal["pushes", "samples"] = "samples" if side == "push" else "pushes"
            reachable = not never and ratio.reaches(side, count)
            found = Blocked(side, request.since, have + ratio.missing(side, count), have, unit, reachable, "")
        others = [one for one in (*list(self._waiting), *list(self._refused.values())) if one.side != side]
        stuck = any(not self._goes(one, held) for one in others)
        return Blocked(
            side,
            found.since,
            found.needed,
            found.have,
            found.unit,
            found.can_resume and not stuck,
            self._described(request, found) + self._prospect(request, never, stuck, found.can_resume),
        )

    def _goes(self, request: _Request, held: int) -> bool:
        side, count = request.side, request.count
        return not self._ratio.never(side, count, held) and self._ratio.may(side, count, held)

    def _described(self, request: _Request, found: Blocked) -> str:
        size = f"{request.count:,} item{'s' * (request.count != 1)}"
        begin = f"rate_limit holds back a {request.side} of {size}"
        waited = self._clock() - request.since
        if waited > 0:
            begin += f" for {waited:.3g} s"
        if found.unit == "items":
            return (
                f"{begin}: min_size={found.needed:,} items must be in the buffer, there are {found.have:,}."
            )
        return (
            f"{begin}: it takes {found.needed:,} {found.unit}, and there were {found.have:,} "
            f"({self._ratio.described()})."
        )

    def _prospect(self, request: _Request, never: bool, stuck: bool, reachable: bool) -> str:
        if never:
            least = math.ceil(self._ratio.worth(request.side, request.count) / 2)
            return f" It can never go on: give slack={least:,} or more, or ask for fewer at once."
        if stuck:
            return " It cannot go on by itself, the other side is held back as well: give a larger slack."
        if not reachable:
            return " It cannot go on by itself, the other side may not go that far: give a larger slack."
        return ""

    def __getstate__(self) -> dict[str, Any]:
        """Nobody waits for a copy."""
        return {key: value for key, value in self.__dict__.items() if key not in ("_waiting", "_refused")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def _text(self, request: _Request) -> str:
        blocked = self._blocked(request)
        return blocked.text if blocked is not None else "rate_limit was released."
