"""Everything a stopped run needs to go on, in one folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ding_buffer.core.buffer import Buffer
from ding_buffer.core.errors import CorruptSnapshot

_FORMAT = 1
_BUFFER, _NETWORKS, _STATE, _SETTINGS = "buffer.ding", "networks.pt", "state.json", "settings.yaml"


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds besides the buffer: the settings, plain counters and lists, and tensors."""

    settings: dict[str, Any]
    state: dict[str, Any]
    networks: dict[str, Any]


class Checkpoint:
    """A folder with the buffer, the networks, the state and the settings of a run.

    A new one takes the place of the old one only when it is complete. Nothing that is read back is ever
    executed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._before = folder.with_name(f"{folder.name}.before")

    def exists(self) -> bool:
        """Tells whether there is something to go on with."""
        return self._readable() is not None

    def save(self, buffer: Buffer, saved: Saved) -> None:
        """Writes everything; the tensors are copied as they are at this moment."""
        import torch

        fresh = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        buffer.save_data(fresh / _BUFFER)
        torch.save(saved.networks, fresh / _NETWORKS)
        (fresh / _SETTINGS).write_text(yaml.safe_dump(saved.settings, sort_keys=False), encoding="utf-8")
        # Written last: a folder with a state is whole.
        (fresh / _STATE).write_text(json.dumps({"format": _FORMAT, **saved.state}), encoding="utf-8")
        shutil.rmtree(self._before, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(self._before)
        fresh.rename(self.folder)
        shutil.rmtree(self._before, ignore_errors=True)

    def settings(self) -> dict[str, Any]:
        """Returns the settings the run was begun with."""
        try:
            settings = yaml.safe_load((self._found() / _SETTINGS).read_text(encoding="utf-8"))
        except (OSError, UnicodeError, yaml.YAMLError) as error:
            raise CorruptSnapshot(f"{self.folder / _SETTINGS} cannot be read: {error}") from error
        if not isinstance(settings, dict):
            raise CorruptSnapshot(f"{self.folder / _SETTINGS} holds no settings")
        return settings

    def state(self) -> dict[str, Any]:
        """Returns the plain part of the state."""
        path = self._found() / _STATE
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CorruptSnapshot(f"{path} cannot be read: {error}") from error
        if not isinstance(state, Mapping) or state.get("format") != _FORMAT:
            raise CorruptSnapshot(
                f"{path} is not the state of a run, or of another version (expected format {_FORMAT})"
            )
        return dict(state)

    def load(self, buffer: Buffer) -> Saved:
        """Fills the buffer and returns the rest."""
        import torch

        folder = self._found()
        buffer.load_data(folder / _BUFFER)
        try:
            networks = torch.load(folder / _NETWORKS, weights_only=True)
        except Exception as error:
            # torch names no common root for what a damaged file makes it raise.
            raise CorruptSnapshot(f"{folder / _NETWORKS} cannot be read: {error}") from error
        return Saved(self.settings(), self.state(), dict(networks))

    def _readable(self) -> Path | None:
        # Between two renames of save() the older one may be the only whole one.
        return next((folder for folder in (self.folder, self._before) if (folder / _STATE).is_file()), None)

    def _found(self) -> Path:
        folder = self._readable()
        if folder is None:
            raise CorruptSnapshot(f"there is no checkpoint in {self.folder}")
        return folder
