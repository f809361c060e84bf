"""Without torch, what needs none is tested."""

from __future__ import annotations

from importlib.util import find_spec

_OF_TORCH = [
    f"test_{name}.py"
    for name in (
        "disk_dataset",
        "disk_dataset_processes",
        "idle_dataset",
        "memory_dataset",
        "mixture",
        "pad_collate",
        "rl_data",
        "rl_dataset",
        "shared_counts",
    )
]

collect_ignore = [] if find_spec("torch") else _OF_TORCH
