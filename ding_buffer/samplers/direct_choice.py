"""Draws by priority without the way through Python, where there is a shorter one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ding_buffer.core.annealing import Annealing
from ding_buffer.kernels.chosen import FastChoice
from ding_buffer.samplers.proportional import ProportionalSampler


def quick_choice(
    store: Any, sampler: Any, stratified: bool, annealing: Annealing
) -> Callable[[int], Any] | None:
    """Returns what draws as ``sampler.draw_weighed(store.rng, size, stratified, annealing.step())`` does.

    It returns None, and has used no random number, where nothing can be drawn or all masses are zero. None
    instead of it: there is no shorter way for this sampler, this annealing, or these kernels.
    """
    if FastChoice is None or type(sampler) is not ProportionalSampler or annealing.line is None:
        return None
    storage = getattr(store, "storage", None)
    metas = getattr(storage, "quick_metas", None)
    soon = (storage, metas) if metas is not None else ()
    choose: Callable[[int], Any] = FastChoice(
        store, sampler.sums, stratified, annealing, *annealing.line, *soon
    ).choose
    return choose
