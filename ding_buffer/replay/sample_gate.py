"""Whether a batch may be drawn now."""

from __future__ import annotations

from typing import Any

from ding_buffer.core.chain import Chain, Middleware
from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.replay.thruput_controller import ThruputController


class SampleGate(Middleware):
    """Refuses a sample for which too few items are held, or that would overtake the pushes too far.

    There must be ``ratio`` times as many items as the batch has.
    """

    def __init__(self, ratio: float, controller: ThruputController | None) -> None:
        self._ratio = ratio
        self._controller = controller

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Raises ``NotEnoughItems`` for what is refused."""
        # What is no number is refused further in.
        held, wanted = len(self.buffer), size if size is not None and hasattr(size, "__index__") else 0
        if held < self._ratio * wanted:
            times = "" if self._ratio == 1 else f" There must be {self._ratio:g} times as many as asked for."
            raise NotEnoughItems(f"{held} items are held and {wanted} asked for.{times}")
        if self._controller is not None:
            allowed, why = self._controller.can_sample(wanted)
            if not allowed:
                raise NotEnoughItems(why)
        return chain(size=size, **query)
