from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.storages.content import ObjectContent, object_content

STATE: dict[str, Any] = {"data": ["a", "b", "c"], "meta": [{"env": 1}, {}, {"env": None}]}


def test_a_meta_key_is_told_for_every_item():
    assert [1, None, None] == object_content(STATE, 3, 0).values("env")
    assert [None] * 3 == object_content(STATE, 3, 0).values("nothing")


@pytest.mark.parametrize("skipped", [0, 1, 3])
def test_the_oldest_items_can_be_left_out(skipped):
    assert ObjectContent(STATE["data"][skipped:], STATE["meta"][skipped:]) == object_content(
        STATE, 3, skipped
    )


def test_payloads_and_metas_are_the_saved_ones():
    content = object_content(STATE, 3, 0)

    assert content.metas[0] is STATE["meta"][0]
    assert content.payloads is not STATE["data"]


@pytest.mark.parametrize(
    ("state", "count"),
    [
        (STATE, 2),
        ({**STATE, "meta": [{}, {}]}, 3),
        ({**STATE, "data": ["a"]}, 3),
        ({**STATE, "meta": [{}, {}, None]}, 3),
    ],
)
def test_a_state_that_does_not_fit_together_is_refused(state, count):
    with pytest.raises(ValueError, match=f"{count} serial numbers, . payloads, . metas"):
        object_content(state, count, 0)


def test_a_state_that_lacks_something_is_refused():
    with pytest.raises(KeyError, match="meta"):
        object_content({"data": []}, 0, 0)
