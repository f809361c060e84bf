from __future__ import annotations

from ding_buffer.kernels.kernel_errors import KernelUnavailable


def test_kernels_that_are_not_there_are_an_import_error():
    assert issubclass(KernelUnavailable, ImportError)
