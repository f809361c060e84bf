"""The C kernels for the tests that hold them against the twin, each with and without the widest vectors."""

from __future__ import annotations

import importlib
import os
import shutil

import pytest


@pytest.fixture(scope="session", params=[True, False], ids=["widest", "narrow"])
def compiled(request):
    """The extension; where it is missing, fails if it ought to be there."""
    try:
        module = importlib.import_module("ding_buffer.kernels.compiled")
    except ImportError as error:
        if os.environ.get("DING_BUFFER_BUILD_KERNELS") == "0":
            pytest.skip("DING_BUFFER_BUILD_KERNELS=0: the C kernels were left out")
        if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
            pytest.skip("there is no C compiler, so no C kernels")
        pytest.fail(f"the C kernels are not built: pip install -e . ({error})")
    module.use_widest_vectors(request.param)
    yield module
    module.use_widest_vectors(True)
