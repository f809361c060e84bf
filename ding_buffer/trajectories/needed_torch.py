"""torch, or the error that says how to get it; whoever needs torch in this room imports it from here."""

from __future__ import annotations

from ding_buffer.core.errors import MissingExtra

try:
    import torch
    from torch.nn.utils.rnn import pad_sequence
    from torch.utils.data import Dataset
except ImportError as error:
    raise MissingExtra.of("torch", "torch") from error

__all__ = ["Dataset", "pad_sequence", "torch"]
