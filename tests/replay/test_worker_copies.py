"""Copies and pickles of worker buffers."""

from __future__ import annotations

import copy
import pickle

import pytest

from ding_buffer.core.errors import BadArgument
from tests.replay.faces import FACES, MONITORED, Writer, item, sample


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda face: pickle.loads(pickle.dumps(face))])
def test_a_copy_goes_on_as_the_buffer_would_and_shares_nothing(face, copied) -> None:
    made = face({"replay_buffer_size": 6, "seed": 3}, instance_name="mine")
    made.push([item(number) for number in range(8)])
    sample(made, 2)
    other = copied(made)

    assert (type(made), made.cfg, repr(made)) == (type(other), other.cfg, repr(other))
    assert made.push_count == other.push_count
    assert [data["n"] for data in sample(made, 4) or ()] == [data["n"] for data in sample(other, 4) or ()]

    other.buffer[0].data["obs"][:] = -1
    other.clear()
    assert [2, 3, 4, 5, 6, 7] == [one.data["n"] for one in made.buffer]
    assert 2 == made.buffer[0].data["obs"][0]


@pytest.mark.parametrize("face", MONITORED)
def test_a_deep_copy_reports_to_the_same_writer_and_a_pickled_one_to_the_log(face) -> None:
    writer = Writer()
    made = face({}, writer)
    made.push([item(0)])
    copy.deepcopy(made).close()
    pickle.loads(pickle.dumps(made)).close()

    assert [1] == writer.scalars["buffer_sec/removed"]


@pytest.mark.parametrize("face", MONITORED)
def test_a_buffer_that_removes_files_is_not_copied(face) -> None:
    with face({"enable_track_used_data": True}) as made:
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(BadArgument, match="both would remove the same files"):
                copied(made)
