from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.storages.conversion import misfits, native, number_fits, range_of

REAL = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
AWKWARD = [
    *(0, 1, -1, 2, 0.5, -0.5, 127, 128, 255, 256, -128, -129, 2**15, 65504, 65519, 65520, 2**16, 2**24 + 1),
    *(2**31 - 1, 2**31, -(2**31), 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 300.7),
    *(3.4028235e38, 3.4028236e38, 3.5e38, 1e300, math.inf, -math.inf, math.nan),
]


def exact(value):
    """The value as a fraction; None for what has none."""
    number = value.item() if isinstance(value, np.generic) else value
    return Fraction(number) if isinstance(number, int) or math.isfinite(number) else None


def fits_naively(value, dtype):
    """Says what the rule is, one value at a time, in exact arithmetic."""
    exactly = exact(value)
    if dtype.kind == "b":
        return exactly in (0, 1)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return exactly is not None and exactly.denominator == 1 and limits.min <= exactly <= limits.max
    if exactly is None:
        return True
    # Half a step beyond the largest number rounds to infinity.
    info = np.finfo(dtype)
    step = Fraction(2) ** (info.maxexp - info.nmant - 1)
    return abs(exactly) < Fraction(float(info.max)) + step / 2


def held_by(dtype):
    """The awkward values that this dtype holds exactly or rounded."""
    with np.errstate(all="ignore"):
        if dtype.kind in "iub":
            return [value for value in AWKWARD if fits_naively(value, dtype)]
        return [float(np.array(value, dtype=np.float64).astype(dtype)) for value in AWKWARD]


@pytest.mark.parametrize("target", REAL)
@pytest.mark.parametrize("source", REAL)
def test_every_value_fits_that_keeps_its_meaning_and_no_other(source, target):
    array = np.array(held_by(np.dtype(source)), dtype=source)
    dtype = np.dtype(target)

    wrong = misfits(array, dtype)

    expected = [not fits_naively(value, dtype) for value in array]
    assert expected == np.broadcast_to(wrong, array.shape).tolist()


@pytest.mark.parametrize("target", REAL)
@pytest.mark.parametrize("value", AWKWARD)
def test_a_python_number_fits_as_an_array_of_it_would(value, target):
    dtype = np.dtype(target)

    assert fits_naively(value, dtype) == number_fits(value, dtype)


@given(value=st.integers(-(10**400), 10**400) | st.floats(), target=st.sampled_from(REAL))
def test_a_python_number_of_any_size_fits_by_the_same_rule(value, target):
    dtype = np.dtype(target)

    assert fits_naively(value, dtype) == number_fits(value, dtype)


def test_a_python_number_is_no_text_and_no_date():
    assert not number_fits(1, np.dtype("U3"))
    assert not number_fits(1, np.dtype("M8[s]"))


def test_complex_numbers_take_real_ones_and_are_none():
    array = np.array([1 + 0j])

    assert misfits(array, np.dtype(np.float64)) is True
    assert misfits(array, np.dtype(np.bool_)) is True
    assert not np.any(misfits(array, np.dtype(np.complex64)))
    assert not np.any(misfits(np.array([1.5]), np.dtype(np.complex64)))
    assert [True] == np.atleast_1d(misfits(np.array([1e300 + 0j]), np.dtype(np.complex64))).tolist()
    assert number_fits(2.5, np.dtype(np.complex64))


def test_texts_fit_where_nothing_is_cut_off():
    array = np.array(["ab", "abc"])

    assert misfits(array, np.dtype("U3")) is False
    assert not np.any(misfits(array, np.dtype("U5")))
    assert [False, True] == np.asarray(misfits(array, np.dtype("U2"))).tolist()


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        ("M8[s]", "M8[ms]", True),
        ("M8[ms]", "M8[s]", False),
        ("m8[D]", "m8[h]", True),
        ("M8[s]", "i8", False),
        ("i8", "M8[s]", False),
        ("U3", "f8", False),
        ("f8", "U32", False),
        ("S3", "U3", False),
        ("O", "f8", False),
        ([("a", "i4")], [("a", "i4")], True),
        ([("a", "i4")], [("b", "i4")], False),
    ],
)
def test_other_kinds_fit_their_own_only(source, target, fits):
    wrong = misfits(np.zeros(2, dtype=source), np.dtype(target))

    assert fits is (not np.any(wrong))


def test_byte_order_is_no_difference():
    assert misfits(np.array([1.5], dtype=">f4"), np.dtype("<f4")) is False


def test_native_dtypes_are_the_objects_that_arrays_have():
    for name in REAL:
        assert np.zeros(1, dtype=name).dtype is native(np.dtype(name).newbyteorder(">"))
    assert np.dtype("<M8[s]") == native(np.dtype(">M8[s]"))
    assert np.dtype([("a", "<i4")]) == native(np.dtype([("a", ">i4")]))


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ("u1", "holds whole numbers from 0 to 255"),
        ("?", "holds False and True, or 0 and 1"),
        ("f2", "holds numbers up to 65504"),
        ("c8", "holds complex numbers up to 3.40282e+38"),
        ("M8[s]", "holds nothing else"),
    ],
)
def test_messages_say_what_a_dtype_holds(dtype, words):
    assert words == range_of(np.dtype(dtype))
