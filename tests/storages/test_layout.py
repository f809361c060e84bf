from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument
from ding_buffer.storages.field import Field
from ding_buffer.storages.layout import Placement, lay_out

FIELDS = st.lists(
    st.builds(
        Field,
        st.just(("x",)),
        st.sampled_from(["array", "array", "array", "object"]),
        st.sampled_from([np.dtype(name) for name in ("?", "u1", "f2", "i4", "f8", "c16", "M8[s]", "S3")]),
        st.sampled_from([(), (0,), (1,), (3,), (4, 2), (16, 16)]),
    ),
    max_size=8,
)


@given(fields=FIELDS, layout=st.sampled_from(["aligned", "compact"]))
def test_no_two_fields_share_a_byte_and_none_leaves_the_row(fields, layout):
    made = lay_out(fields, layout)

    lying = [(place, field) for place, field in zip(made.places, fields, strict=True) if place is not None]
    assert sum(field.kind == "array" for field in fields) == len(lying)
    for place, field in lying:
        assert 0 <= place.offset <= made.itemsizes[place.table] - field.nbytes
    for (place, field), (other, its) in combinations(lying, 2):
        apart = place.offset + field.nbytes <= other.offset or other.offset + its.nbytes <= place.offset
        assert place.table != other.table or apart or not field.nbytes or not its.nbytes


@given(fields=FIELDS)
def test_aligned_fields_lie_where_their_dtype_likes_it(fields):
    made = lay_out(fields, "aligned")

    for place, field in zip(made.places, fields, strict=True):
        assert place is None or place.offset % field.dtype.alignment == 0
    if made.has_records:
        size = made.itemsizes[0]
        assert size % 64 == 0 or size in (8, 16, 32)


@given(fields=FIELDS)
def test_a_compact_row_has_the_bytes_of_its_fields(fields):
    made = lay_out(fields, "compact")

    assert sum(field.nbytes for field in fields if field.kind == "array") == made.row_bytes - (
        1 if made.has_records and not any(field.nbytes for field in fields if 0 < field.nbytes <= 256) else 0
    )


def test_a_transition_takes_one_cache_line_or_41_bytes():
    fields = [
        Field(("obs",), "array", np.dtype(np.float32), (4,)),
        Field(("act",), "array", np.dtype(np.int32)),
        Field(("rew",), "array", np.dtype(np.float32)),
        Field(("next_obs",), "array", np.dtype(np.float32), (4,)),
        Field(("done",), "array", np.dtype(np.bool_)),
    ]

    assert (64,) == lay_out(fields, "aligned").itemsizes
    assert (41,) == lay_out(fields, "compact").itemsizes
    assert [0, 16, 20, 24, 40] == [place.offset for place in lay_out(fields, "compact").places if place]


def test_a_large_field_has_a_table_of_its_own():
    fields = [
        Field(("image",), "array", np.dtype(np.uint8), (84, 84)),
        Field(("edge",), "array", np.dtype(np.uint8), (256,)),
        Field(("over",), "array", np.dtype(np.uint8), (257,)),
    ]

    made = lay_out(fields)

    assert (Placement(1, 0), Placement(0, 0), Placement(2, 0)) == made.places
    assert (256, 84 * 84, 257) == made.itemsizes
    assert made.has_records


def test_an_unknown_layout_is_refused():
    with pytest.raises(BadArgument, match="layout is 'aligned' or 'compact', got 'dense'"):
        lay_out([], "dense")
