"""What the items of a worker buffer are called."""

from __future__ import annotations


def generate_id(name: str, number: int) -> str:
    """Returns the id of the item of this number in the buffer of this name: ``"buffer_7"``."""
    return f"{name}_{number}"
