"""The files a disk dataset draws from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.trajectories.file_index import GONE, FileIndex
from ding_buffer.trajectories.mass_draw import MassDraw
from ding_buffer.trajectories.traj_file import steps_in_file
from ding_buffer.trajectories.trajectory_errors import CorruptTrajectory, NoTrajectories

SAMPLE_BY = ("files", "steps")


class FilePool:
    """The files that come and go, the files that stay, and which of them is next.

    ``sample_by`` "files" draws each with the same probability, "steps" in proportion to its transitions;
    ``stratified`` is explained by ``MassDraw``.
    """

    def __init__(self, fifo: Path, protected: Path, sample_by: str, stratified: bool) -> None:
        if sample_by not in SAMPLE_BY:
            raise BadArgument(f"sample_by must be one of {', '.join(SAMPLE_BY)}, got {sample_by!r}.")
        self.fifo, self.protected = FileIndex(fifo, timed=True), FileIndex(protected, timed=False)
        self.sample_by, self.stratified = sample_by, stratified
        self._left_out: set[str] = set()
        self._steps: dict[str, int] = {}
        self._paths: list[str] = []
        self._draw: MassDraw | None = None

    def __len__(self) -> int:
        """Returns how many files are known."""
        return len(self.fifo.files) + len(self.protected.files)

    @property
    def nbytes(self) -> int:
        """How many bytes the known files have."""
        return self.fifo.nbytes + self.protected.nbytes

    @property
    def dropped(self) -> int:
        """How many files were known and are no more."""
        return self.fifo.dropped + self.protected.dropped

    def paths(self) -> list[str]:
        """Returns all known files, in the order of their names, which is the same wherever they lie."""
        return [
            f"{index.folder}{os.sep}{name}"
            for index in (self.fifo, self.protected)
            for name in sorted(index.files)
        ]

    def refresh(self, forgive: bool = True) -> None:
        """Looks what is there; ``forgive`` lets files that were left out take part again."""
        changed = [index.refresh() for index in (self.fifo, self.protected)]
        if forgive and self._left_out:
            self._left_out.clear()
            changed.append(True)
        if any(changed):
            self.reconsider()
            if self.sample_by == "steps":  # here, so that loader workers do not all look them up
                self._steps = {path: self._steps.get(path) or _steps_of(path) for path in self.paths()}

    def reconsider(self) -> None:
        """Says that the known files have changed."""
        self._draw = None

    def leave_out(self, path: Path) -> None:
        """Draws a file no more, until ``refresh``."""
        self._left_out.add(str(path))
        self._draw = None

    def draw(self, rng: np.random.Generator) -> Path:
        """Returns a file; raises ``NoTrajectories`` where there is none."""
        if self._draw is None:
            self._draw = self._made()
        return Path(self._paths[self._draw.draw(rng)])

    def _made(self) -> MassDraw:
        self._paths = [path for path in self.paths() if path not in self._left_out]
        if not self._paths:
            raise NoTrajectories(
                f"There is no trajectory to draw in {self.fifo.folder} or {self.protected.folder}"
                + (f"; {len(self._left_out)} files are gone or cannot be read." if self._left_out else ".")
            )
        return MassDraw([self._steps.get(path) or 1 for path in self._paths], self.stratified)


def _steps_of(path: str) -> int:
    """Returns the transitions in a file, or 0 where that cannot be told.

    Such a file is drawn as if it had one: who reads it then tells what is wrong with it.
    """
    try:
        return steps_in_file(path)
    except CorruptTrajectory:
        return 0
    except OSError as error:
        if error.errno not in GONE:
            raise
        return 0
