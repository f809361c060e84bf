"""The trajectory files of one folder."""

from __future__ import annotations

import errno
import heapq
import logging
import os
import time
from pathlib import Path
from typing import NamedTuple

from ding_buffer.buffers.publishing import UNFINISHED
from ding_buffer.trajectories.traj_file import EXTENSIONS, time_in_name

GONE = (errno.ENOENT, errno.ESTALE, errno.ELOOP)
"""What the system says of a file that another process has deleted, and of a link that leads nowhere."""
_LOG = logging.getLogger("ding_buffer")
# A folder that changed this long ago has another time when it changes again, whatever its file system.
_SETTLES_NS = 2_000_000_000
_LEFT_BEHIND_S = 3600.0


class TrajFile(NamedTuple):
    """One file: when it was made, its name, its size in bytes. Sorts by age, oldest first."""

    time: float
    name: str
    size: int


class FileIndex:
    """Knows the trajectory files of a folder, and looks again only where the folder has changed.

    Of a file that is known already only the name is read again: a file is published whole and stays as it is.
    The time of a file is that in its name. Where there is none it is the time of the last change; with
    ``timed`` such files are named in the log, each once.
    """

    def __init__(self, folder: Path, timed: bool) -> None:
        self.folder, self.timed = folder, timed
        self.files: dict[str, TrajFile] = {}
        self.nbytes = 0
        self.listings = 0
        """How often the folder was listed."""
        self.badly_named = 0
        """Files without a time in their names."""
        self.dropped = 0
        """Files that were known and are no more."""
        self._changed, self._settled = -1, False
        self._unfinished: list[str] = []

    def refresh(self) -> bool:
        """Looks what is there and returns whether that has changed; makes a folder that is gone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        changed = self.folder.stat().st_mtime_ns
        if changed == self._changed and self._settled:
            return False
        self._changed, self._settled = changed, time.time_ns() - changed > _SETTLES_NS
        with os.scandir(self.folder) as entries:
            listed = list(entries)
        self.listings += 1
        there = {entry.name: entry for entry in listed if entry.name.endswith(EXTENSIONS)}
        self._unfinished = [entry.name for entry in listed if entry.name.endswith(UNFINISHED)]
        gone = self.files.keys() - there.keys()
        for name in gone:
            self.drop(name)
        came = [entry for name, entry in there.items() if name not in self.files]
        nameless = [entry.name for entry in came if not self._take(entry)]
        if nameless:
            self.badly_named += len(nameless)
            _LOG.warning(
                "%d trajectory files in %s have no time in their names (<env>_<id>_<unix time>), so the time "
                "of their last change says how old they are: %s%s",
                len(nameless),
                self.folder,
                ", ".join(nameless[:5]),
                ", ..." if len(nameless) > 5 else "",
            )
        return bool(gone or came)

    def drop(self, name: str) -> None:
        """Forgets a file."""
        known = self.files.pop(name, None)
        if known is not None:
            self.nbytes -= known.size
            self.dropped += 1

    def evict(self, capacity: int) -> int:
        """Deletes the oldest files above ``capacity``; returns how many, with what others deleted before."""
        surplus = heapq.nsmallest(len(self.files) - capacity, self.files.values())
        for file in surplus:
            self.folder.joinpath(file.name).unlink(missing_ok=True)
            self.drop(file.name)
        return len(surplus)

    def sweep(self) -> None:
        """Deletes what writers that are no more left unfinished: files that nobody wrote to for an hour."""
        for name in self._unfinished:
            path = self.folder / name
            try:
                age = time.time() - path.stat().st_mtime
            except FileNotFoundError:
                continue
            if age > _LEFT_BEHIND_S:
                path.unlink(missing_ok=True)

    def delete(self) -> None:
        """Deletes all trajectory files, those not yet known as well; the folder stays for who writes on."""
        self._settled = False
        self.refresh()
        self.evict(0)

    def _take(self, entry: os.DirEntry[str]) -> bool:
        """Takes a file in, if it is one; returns whether its name is as it should be."""
        try:
            if not entry.is_file():
                return True
            found = entry.stat()
        except OSError as error:
            if error.errno not in GONE:
                raise
            return True
        told = time_in_name(entry.name) if self.timed else found.st_mtime
        age = found.st_mtime if told is None else told
        self.files[entry.name] = TrajFile(age, entry.name, found.st_size)
        self.nbytes += found.st_size
        return told is not None
