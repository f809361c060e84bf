from __future__ import annotations

import copy
import pickle

from ding_buffer.pipeline.mark import Mark


def test_it_is_a_time_that_knows_a_number():
    mark = Mark(2.5, 7)

    assert 2.5 == mark < 3
    assert 7 == mark.added


def test_copies_know_it_too():
    mark = Mark(2.5, 7, "me")
    for made in (copy.deepcopy(mark), pickle.loads(pickle.dumps(mark))):
        assert (2.5, 7, "me") == (made, made.added, made.maker)
