"""What can be saved and loaded."""

from __future__ import annotations

from pathlib import Path


class PersistentStateMixin:
    """Gives an object the two methods of saving; neither does anything unless it is overridden.

    Whoever holds the object, such as a ``DataUser`` its buffer, hands it a ``Path``.
    """

    def save_state(self, path: Path) -> None:
        """Writes the state to a file or directory of this name."""

    def load_state(self, path: Path) -> None:
        """Takes back what ``save_state`` wrote there."""
