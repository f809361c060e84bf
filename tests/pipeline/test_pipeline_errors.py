from __future__ import annotations

import pytest

from ding_buffer.core.errors import DingBufferError
from ding_buffer.pipeline.pipeline_errors import CollectorInUse, UnknownCollector


@pytest.mark.parametrize("kind", [CollectorInUse, UnknownCollector])
def test_who_catches_a_key_error_catches_it(kind):
    assert issubclass(kind, KeyError)
    assert issubclass(kind, DingBufferError)
    assert "plain words" == str(kind("plain words"))
