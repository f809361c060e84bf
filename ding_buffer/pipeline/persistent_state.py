"""What can be saved and loaded."""

from __future__ import annotations

from os import PathLike


class PersistentStateMixin:
    """Gives an object the two methods of saving; neither does anything unless it is overridden."""

    def save_state(self, path: str | PathLike[str]) -> None:
        """Writes the state to a file or directory of this name."""

    def load_state(self, path: str | PathLike[str]) -> None:
        """Takes back what ``save_state`` wrote there."""
