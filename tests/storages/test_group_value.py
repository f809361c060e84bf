from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.storages.group_value import check_group_value


@pytest.mark.parametrize("value", [None, 0, 1.5, "env", (1, "a"), True, np.int64(3), frozenset({1})])
def test_whatever_has_a_hash_names_a_group(value):
    check_group_value("env", value)
    assert isinstance(hash(value), int)


@pytest.mark.parametrize(
    ("value", "kind"), [([1], "list"), ({}, "dict"), (np.zeros(2), "ndarray"), (([],), "tuple")]
)
def test_what_has_no_hash_cannot(value, kind):
    with pytest.raises(
        BadArgument, match=rf"meta\['env'\] is a {kind}, which cannot name a group: it has no hash\."
    ):
        check_group_value("env", value)


def test_a_tensor_cannot_for_no_two_are_the_same():
    torch = pytest.importorskip("torch")

    with pytest.raises(BadArgument, match=r"give meta\['env'\]\.item\(\)"):
        check_group_value("env", torch.tensor(1))
