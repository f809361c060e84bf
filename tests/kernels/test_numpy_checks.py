from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.kernels import numpy_checks
from tests.kernels.both import misaligned, read_only


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        ([1.0], TypeError, "it must be an array, got <class 'list'>"),
        (
            np.ones(2, dtype=np.float32),
            TypeError,
            "it must be an array of native float64, got dtype\\('float32'\\)",
        ),
        (np.ones(2, dtype=">f8"), TypeError, "native float64, got dtype\\('>f8'\\)"),
        (np.ones((2, 2)), ValueError, "it must have 1 dimensions, got 2"),
        (np.ones(4)[::2], ValueError, "it must be C-contiguous and aligned"),
        (misaligned(np.ones(4)), ValueError, "it must be C-contiguous and aligned"),
        (read_only(np.ones(4)), ValueError, "it must be writable"),
    ],
)
def test_what_is_wrong_with_an_array_is_said(compiled, array, error, message):
    with pytest.raises(error, match=message):
        numpy_checks.check_array(array, np.float64, 1, "it", True)
    # The kernels in C say the same of their arrays.
    with pytest.raises(error, match=message.replace("it must", "leaves must")):
        compiled.set_priorities(array, np.zeros(2), np.zeros(2, dtype=np.bool_), [0], [1.0], 0.0, 1.0, 9.0)


def test_whole_and_real_numbers_are_converted():
    assert np.int64 == numpy_checks.integers(np.array([1, 2], dtype=">u2"), "it").dtype
    assert np.float64 == numpy_checks.reals([True, False], "it").dtype
    assert (0,) == numpy_checks.integers([], "it").shape


@pytest.mark.parametrize("numbers", [[1.0], ["1"], [None], [1j], [2**70]])
def test_what_is_no_whole_number_is_refused(compiled, numbers):
    for convert in (lambda given: numpy_checks.integers(given, "numbers"), compiled.first_distinct):
        with pytest.raises(TypeError, match="numbers must be whole numbers, got an array of dtype"):
            convert(numbers)


@pytest.mark.parametrize("numbers", [["1"], [None], [1j], [2**70]])
def test_what_is_no_real_number_is_refused(compiled, numbers):
    with pytest.raises(TypeError, match="base must be real numbers, got an array of dtype"):
        numpy_checks.reals(numbers, "base")
    with pytest.raises(TypeError, match="base must be real numbers, got an array of dtype"):
        compiled.power(numbers, 0.0, 1.0)


def test_a_text_is_no_number():
    assert 2.0 == numpy_checks.number(2, "it")
    with pytest.raises(TypeError, match="it must be a real number"):
        numpy_checks.number("2", "it")  # type: ignore[arg-type]
