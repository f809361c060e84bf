"""Every ordered pair of shipped layers, on every storage: right, or refused with the reason and the fix."""

from __future__ import annotations

import itertools

import pytest

import ding_buffer.middleware
from tests.middleware.pairs import HOW, LAYERS, STORAGES, TABLE, refusal, table, walk

PAIRS = list(itertools.product(STORAGES, LAYERS, LAYERS))
RIGHT = [pair for pair in PAIRS if refusal(*pair) is None]
REFUSED = [pair for pair in PAIRS if refusal(*pair) is not None]


def called(pair: object) -> str:
    return str(getattr(pair, "name", pair))


def test_every_shipped_layer_takes_part():
    assert sorted(ding_buffer.middleware.__all__) == sorted(layer.name for layer in LAYERS)


@pytest.mark.parametrize(("storage", "outer", "inner"), RIGHT, ids=called)
def test_a_pair_that_is_not_refused_is_right(storage, outer, inner):
    taken = walk(storage, outer, inner, seed=0)

    assert taken.batches > 20


@pytest.mark.parametrize(("storage", "outer", "inner"), REFUSED, ids=called)
def test_a_refusal_names_both_layers_and_a_fix_that_works(storage, outer, inner):
    message = refusal(storage, outer, inner) or ""

    assert outer.name in message
    assert inner.name in message
    if outer is inner:
        assert "Use it once" in message
    else:
        assert f"Use {inner.name} first" in message
        assert refusal(storage, inner, outer) is None


def test_no_pair_is_refused_in_both_orders():
    assert [] == [
        (outer.name, inner.name)
        for storage, outer, inner in REFUSED
        if outer is not inner and refusal(storage, inner, outer) is not None
    ]


def test_the_table_on_disk_is_the_one_that_is_true():
    written = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""

    assert table() == written, f"middleware/PAIRS.md is out of date: {HOW}"
