"""Random numbers for what is copied into loader workers."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


class DrawSource:
    """One generator in the process that made it, and another in each worker of a torch ``DataLoader``.

    A worker gets a copy of a dataset and must not draw what the others draw. Its generator follows from
    ``seed`` and from the number torch gives to each worker, new in every pass: so what workers draw can be
    repeated with a seed here and ``torch.manual_seed`` (or the loader's ``generator``); without workers the
    seed is enough. None seeds by chance.

    ``owner`` says who draws: with the same seed, a dataset and its relabeler must not draw the same numbers,
    or whether a trajectory is relabelled would depend on which file it is.
    """

    def __init__(self, seed: int | None = None, owner: str = "") -> None:
        sequence = np.random.SeedSequence(seed, spawn_key=tuple(owner.encode()))
        self._entropy: list[int] = sequence.generate_state(4).tolist()
        self._rng = np.random.default_rng(self._entropy)
        self._worker: int | None = None

    def generator(self) -> np.random.Generator:
        """Returns the generator of this process."""
        info = worker_info()
        if info is not None and info.seed != self._worker:
            self._worker = info.seed
            self._rng = np.random.default_rng([*self._entropy, info.seed])
        return self._rng

    def part_ways(self, process: int) -> None:
        """Makes the draws of one of several processes with the same seed its own; number 0 goes on."""
        if process:
            self._entropy = [*self._entropy[:4], process]
            self._rng = np.random.default_rng(self._entropy)


def worker_info() -> Any:
    """Returns what torch says of the loader worker that this process is, or None if it is none."""
    torch = sys.modules.get("torch")
    return None if torch is None else torch.utils.data.get_worker_info()
