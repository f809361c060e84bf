"""What extend is given: trees, and what is not many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.core.batch import count_of, in_hand, is_columns, payloads_of
from ding_buffer.core.errors import BadArgument


class Item:
    """A payload, and no container of any."""


class Tree:
    def __init__(self, parts):
        self.parts = parts

    def items(self):
        return self.parts.items()


TreeValue: Any = type("TreeValue", (Tree,), {"__module__": "treevalue.tree.tree"})


@pytest.mark.parametrize("one", [None, 3, Item(), np.float32(2), np.array(2.0)])
def test_one_thing_that_is_not_many_is_refused(one):
    for take in (in_hand, payloads_of):
        with pytest.raises(BadArgument, match=r"extend\(\) takes many payloads.*; push\(\) takes one\."):
            take(one)


def test_a_tree_of_columns_is_columns_and_its_payloads_are_trees():
    tree = TreeValue({"n": np.arange(3), "inner": TreeValue({"obs": np.zeros((3, 2))})})
    payloads = payloads_of(tree)

    assert tree is in_hand(tree)
    assert is_columns(tree)
    assert 3 == count_of(tree) == len(payloads)
    assert [TreeValue] * 3 == list(map(type, payloads))
    assert [0, 1, 2] == [dict(payload.items())["n"] for payload in payloads]
