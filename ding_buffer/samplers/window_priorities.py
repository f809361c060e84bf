"""Windows by the priorities of their steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.chosen import first_distinct
from ding_buffer.samplers.priority_intake import PriorityIntake
from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.samplers.window_draw import Within, shortage
from ding_buffer.samplers.window_mix import WindowMix
from ding_buffer.samplers.window_shape import WindowShape
from ding_buffer.structures.legal_starts import LegalStarts

_NOBODY = np.empty(0, dtype=np.int64)

Slots = npt.NDArray[np.int64]


class WindowPriorities:
    """Draws legal starts in proportion to ``(eta * max + (1 - eta) * mean + epsilon) ** alpha``.

    Of the priorities of the learned steps that are there. Changed priorities cost the number of windows in
    which these steps are learned, once for all changes between two draws. Source: Kapturowski et al. 2019,
    "Recurrent Experience Replay in Distributed Reinforcement Learning", section 2.3.
    """

    def __init__(
        self, starts: LegalStarts, shape: WindowShape, eta: float, alpha: float, epsilon: float
    ) -> None:
        self._starts, self._shape = starts, shape
        capacity = starts.succession.capacity
        self._mix = WindowMix(capacity, shape.length, eta)
        self._marks = np.zeros(capacity, dtype=bool)
        self._sampler = ProportionalSampler(capacity, alpha, epsilon)
        self._steps = np.zeros(capacity)
        self._changed: list[Slots] = []  # steps with a new priority
        self._begun: list[int] = []  # starts that came in or went out
        starts.changed = self._begun
        self.intake = PriorityIntake(self._sampler.highest)

    @property
    def min_mass(self) -> float:
        """The smallest mass of a legal window."""
        self._settle()
        return self._sampler.min_mass

    def filled(self, slots: Any, values: Any, there: np.ndarray | None) -> None:
        """Gives new steps the priorities that their metas tell, else the highest so far.

        Of windows that were there before only padded ones reach them.
        """
        slots = np.asarray(slots, dtype=np.int64)
        self._steps[slots] = self.intake.given(values, there)
        if self._shape.pad_end:
            self._changed.append(slots)

    def filled_one(self, slot: int, value: Any) -> None:
        """Gives one new step the priority that its meta tells, else the highest so far."""
        priority = self.intake.usable_one(value)
        self._steps[slot] = self.intake.max_priority if priority is None else priority
        if self._shape.pad_end:
            self._changed.append(np.array([slot]))

    def updated(self, slots: Any, values: Any, there: np.ndarray | None) -> None:
        """Takes over the priorities that metas tell; the last one of a slot named twice stays."""
        priorities = self.intake.usable(values, there)
        told = ~np.isnan(priorities)
        slots = np.asarray(slots, dtype=np.int64)[told]
        self._steps[slots] = priorities[told]
        self._changed.append(slots)

    def deleted(self, preceding: Any) -> None:
        """Notes that windows of these steps, those just before the deleted ones, are shorter; -1 is none."""
        slots = np.asarray(preceding, dtype=np.int64)
        self._changed.append(slots[slots >= 0])

    def masses(self, starts: Slots) -> npt.NDArray[np.float64]:
        """Returns the masses of windows."""
        self._settle()
        return self._sampler.masses(starts)

    def draw(self, rng: np.random.Generator, size: int, within: Within | None = None) -> Slots:
        """Returns ``size`` legal starts, with replacement, each as likely as its mass; as a whole stratified.

        Raises ``NotEnoughItems`` where there is none.
        """
        self._settle()
        if not len(self._sampler):
            raise shortage(size, 0)
        if within is None:
            return self._sampler.draw(rng, size)
        drawn = within.drawn(size, lambda n: self._sampler.draw(rng, n, stratified=False))
        if drawn is not None:
            return drawn
        among = within.all()
        if not len(among):
            raise shortage(size, 0)
        return self._sampler.draw_among(rng, among, size)

    def clear(self) -> None:
        """Forgets all windows, and the highest priority."""
        self._sampler.clear()
        self._changed.clear()
        self._begun.clear()
        self.intake.max_priority = 1.0

    def state_dict(self, slots: Slots) -> dict[str, Any]:
        """Returns the priorities of the steps in these slots, and what was seen of others."""
        return {
            "steps": self._steps[slots],
            "max_priority": self.intake.max_priority,
            "poisoned": self.intake.poisoned,
        }

    def load_state_dict(self, state: Mapping[str, Any], slots: Slots) -> None:
        """Takes a state back for the steps in these slots, the newest of those saved."""
        priorities = self.intake.checked_all(np.asarray(state["steps"]))
        highest, poisoned = self.intake.checked(state["max_priority"]), int(state["poisoned"])
        if len(priorities) < len(slots):
            raise ValueError(f"{len(priorities)} priorities for {len(slots)} items")
        self._steps[slots] = priorities[len(priorities) - len(slots) :]
        self._changed.append(slots)
        self.intake.max_priority, self.intake.poisoned = highest, poisoned

    def _settle(self) -> None:
        """Brings the masses of windows up to date."""
        if not self._changed and not self._begun:
            return
        starts, begun = self._starts, np.array(self._begun, dtype=np.int64)
        slots = np.concatenate((_NOBODY, *self._changed))
        try:
            self._weigh(slots, begun)
        except BaseException:  # broken off, by Ctrl-C: the next one begins again with all of them
            self._sampler.clear()
            self._marks.fill(False)
            self._begun[:] = starts.slots.tolist()
            raise
        self._begun.clear()
        self._changed.clear()

    def _weigh(self, slots: Slots, begun: Slots) -> None:
        starts = self._starts
        self._sampler.remove(begun[~starts.are_legal(begun)])
        if len(slots) > len(starts):
            names = starts.slots
        else:
            names = begun
            if len(slots):
                covering = self._shape.covering(starts.succession, first_distinct(slots), self._marks)
                names = np.concatenate((covering, begun))
            names = first_distinct(names[starts.are_legal(names)])
        if len(names):
            self._sampler.set(names, self._mixed(names))

    def _mixed(self, starts: Slots) -> npt.NDArray[np.float64]:
        firsts = self._shape.firsts(self._starts.succession, starts)
        mixed: npt.NDArray[np.float64] = self._mix.of(self._starts.succession, firsts, self._steps)
        return mixed

    def check(self) -> None:
        """Raises ``RuntimeError`` where the masses are not those of the legal windows; for tests."""
        self._settle()
        self._sampler.check()
        slots = np.sort(self._starts.slots)
        if len(slots) != len(self._sampler):
            raise RuntimeError(f"{len(self._sampler)} windows have a mass, {len(slots)} may begin")
        if len(slots) and not np.array_equal(self._sampler.priorities(slots), self._mixed(slots)):
            raise RuntimeError("the masses of windows are not those of their steps")
