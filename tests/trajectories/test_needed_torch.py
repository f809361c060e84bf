"""A missing torch is told with the extra that brings it."""

from __future__ import annotations

import pytest

from ding_buffer.trajectories import __all__ as names
from tests.trajectories.test_trajectory_names import NEED_TORCH, WITHOUT_TORCH, said


@pytest.mark.parametrize("name", ["RLData", "DiskTrajDataset", "MixtureOfDatasets"])
def test_the_error_names_the_extra(name: str) -> None:
    code = (
        f"{WITHOUT_TORCH}import ding_buffer.trajectories as room\n"
        "from ding_buffer.core.errors import MissingExtra\n"
        f"try: room.{name}\nexcept MissingExtra as error: print(error)"
    )

    assert ["torch is not installed. It comes with an extra: pip install 'ding_buffer[torch]'"] == said(code)


def test_the_other_names_do_without() -> None:
    asked = ", ".join(sorted(set(names) - NEED_TORCH))

    assert ["well"] == said(f"{WITHOUT_TORCH}from ding_buffer.trajectories import {asked}\nprint('well')")
