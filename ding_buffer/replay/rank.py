"""Which process of a distributed training speaks for all."""

from __future__ import annotations

import os
import sys
from typing import Any


def is_first_rank() -> bool:
    """Tells whether this process is rank 0, so that monitors report once and not once a process.

    The environment variable ``RANK`` decides, as launchers set it; without one ``torch.distributed`` does, if
    somebody has imported torch and started it. A single process is rank 0.
    """
    rank = os.environ.get("RANK", "").strip()
    if rank:
        return rank == "0"
    torch: Any = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return bool(distributed.get_rank() == 0)
    return True
