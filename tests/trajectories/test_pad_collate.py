"""Sequences of different lengths as one batch, against a twin that fills cell by cell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.trajectories.pad_collate import MAGIC_PAD_VAL, Batch, RLData_pad_collate
from ding_buffer.trajectories.trajectory_errors import BadTrajectory
from tests.trajectories.made import rl_data


def naive_padded(parts: list[torch.Tensor]) -> torch.Tensor:
    longest = max(len(part) for part in parts)
    made = torch.empty(len(parts), longest, *parts[0].shape[1:], dtype=parts[0].dtype)
    for row, part in enumerate(parts):
        for place in range(longest):
            made[row, place] = part[place] if place < len(part) else 4
    return made


@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_every_part_is_filled_up_at_its_end(lengths: list[int]) -> None:
    samples = [rl_data(length, first=place) for place, length in enumerate(lengths)]
    batch: Any = RLData_pad_collate(samples)

    for name in ("rl2s", "rews", "dones", "actions", "time_idxs"):
        expected = naive_padded([getattr(sample, name) for sample in samples])
        assert torch.equal(expected, getattr(batch, name))
        assert expected.dtype == getattr(batch, name).dtype
    for key in samples[0].obs:
        assert torch.equal(naive_padded([sample.obs[key] for sample in samples]), batch.obs[key])
    assert lengths == batch.lengths.tolist()
    assert batch.mask.shape == batch.rews.shape
    assert [[step < length for step in range(max(lengths))] for length in lengths] == batch.mask[
        :, :, 0
    ].tolist()


def test_the_shapes_and_the_fill_are_those_of_the_contract() -> None:
    batch = RLData_pad_collate([rl_data(2), rl_data(4)])

    assert 4.0 == MAGIC_PAD_VAL
    assert {"x": (2, 5, 1), "pixels": (2, 5, 2, 3)} == {key: tuple(v.shape) for key, v in batch.obs.items()}
    assert [(2, 5, 3), (2, 4, 1), (2, 4, 1), (2, 4, 2), (2, 5, 1)] == [
        tuple(part.shape) for part in (batch.rl2s, batch.rews, batch.dones, batch.actions, batch.time_idxs)
    ]
    assert [True, True] == batch.dones[0, 2:, 0].tolist()
    assert [4, 4] == batch.time_idxs[0, 3:, 0].tolist()
    assert [4] * 6 == batch.obs["pixels"][0, 4].flatten().tolist()


def test_the_mask_agrees_with_that_of_the_original_where_nothing_looks_like_a_fill() -> None:
    batch: Any = RLData_pad_collate([rl_data(2), rl_data(4, first=7)])
    sentinel = ~(batch.rl2s == MAGIC_PAD_VAL).all(-1, keepdim=True)

    assert torch.equal(sentinel[:, 1:], batch.mask)


def test_sequences_that_differ_are_told() -> None:
    other = rl_data(3)
    other.obs = {"x": other.obs["x"]}
    wide: Any = rl_data(3)
    wide.obs["x"] = wide.obs["x"].double()

    for wrong in (other, wide):
        with pytest.raises(BadTrajectory, match="differ"):
            RLData_pad_collate([rl_data(3), wrong, rl_data(3)])
    with pytest.raises(BadTrajectory, match="at least one"):
        RLData_pad_collate([])


def test_a_batch_moves_in_place_and_says_where_it_comes_from() -> None:
    samples = [rl_data(2), rl_data(3)]
    samples[0].source = "first"
    batch = RLData_pad_collate(samples)

    assert ("first", None) == batch.sources
    assert batch is batch.to("cpu")
    assert batch is batch.to("meta")
    tensors = [batch.obs["x"], batch.rl2s, batch.rews, batch.dones, batch.actions, batch.time_idxs]
    assert {"meta"} == {part.device.type for part in (*tensors, batch.lengths, batch.mask)}


def test_a_batch_may_be_made_with_the_arguments_of_the_original() -> None:
    made = RLData_pad_collate([rl_data(2)])
    batch = Batch(made.obs, made.rl2s, made.rews, made.dones, made.actions, made.time_idxs)

    assert ([2], [True, True], ()) == (batch.lengths.tolist(), batch.mask[0, :, 0].tolist(), batch.sources)
    assert batch is batch.to("cpu")
