"""What every sampler that draws slots by priority can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt


@runtime_checkable
class PrioritySampler(Protocol):
    """Draws slots, each with the probability of its mass over the total, and takes new priorities.

    A slot is live from the time it is given a priority until it is removed. How a priority becomes a mass is
    what samplers differ in. Random numbers come from the generator handed in, n for each draw of n slots. A
    sampler takes no lock; whoever shares it between threads holds one, for reading too.
    """

    @property
    def total(self) -> float:
        """The sum of the masses of all live slots: 0 when none is live, above 0 otherwise."""
        ...

    @property
    def min_mass(self) -> float:
        """The smallest mass that can be drawn, +inf when no slot is live."""
        ...

    @property
    def highest(self) -> float:
        """The highest priority that can be weighed."""
        ...

    def __len__(self) -> int:
        """Returns the number of live slots."""
        ...

    def set(self, slots: npt.ArrayLike, priorities: npt.ArrayLike) -> None:
        """Gives each slot its priority and makes it live; the last priority of a slot named twice stays.

        One priority for all slots is allowed. Raises BadPriority for a priority that is negative, not finite,
        or too large to be weighed, and IndexError for a slot out of range; nothing has changed then.
        """
        ...

    def set_one(self, slot: int, priority: float) -> None:
        """Gives one slot its priority: ``set`` for one, as cheaply as can be."""
        ...

    def remove(self, slots: npt.ArrayLike) -> None:
        """Makes the slots no longer live; those that are not live are passed over."""
        ...

    def draw(self, rng: np.random.Generator, n: int, stratified: bool = True) -> npt.NDArray[np.int64]:
        """Returns n live slots, drawn with replacement in proportion to their masses; int64.

        Stratified, the total is cut in n equal strata and one point drawn in each: every slot is drawn as
        often as before on average and less unevenly, and the slots come in the order of the masses' prefix
        sum. Otherwise draws are independent. Raises NotEnoughItems if n > 0 and no slot is live.
        """
        ...

    def draw_weighed(
        self, rng: np.random.Generator, n: int, stratified: bool, beta: float
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Returns what ``draw`` returns, and the weight of each: (mass / smallest mass) ** -beta.

        Source: Schaul et al. 2016, section 3.4, normalised by the largest weight there is.
        """
        ...

    def draw_among(
        self, rng: np.random.Generator, slots: npt.ArrayLike, n: int, stratified: bool = True
    ) -> npt.NDArray[np.int64]:
        """Draws as ``draw`` does, from the named slots alone, in O(their number).

        Those not live are never drawn. A slot named twice counts twice. Where no named slot has mass, the
        live ones are drawn alike. Raises NotEnoughItems if n > 0 and no named slot is live.
        """
        ...

    def masses(self, slots: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the masses of the slots, 0 for one not live; mass / total is the probability of a draw."""
        ...

    def priorities(self, slots: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the priorities as they were given; NaN for a slot that is not live."""
        ...

    def clear(self) -> None:
        """Makes all slots no longer live."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Returns the priorities and which slots are live, copied; the masses follow from them."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes a state; raises ValueError or BadPriority, unchanged, for one that cannot be."""
        ...
