from __future__ import annotations

import pytest

from ding_buffer.core.errors import DingBufferError
from ding_buffer.learners.learner_errors import MissingContextField, TaskNotRunning


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (TaskNotRunning, AssertionError),
        (TaskNotRunning, RuntimeError),
        (MissingContextField, RuntimeError),
    ],
)
def test_each_is_caught_as_the_builtin_that_ding_raised(
    error: type[Exception], builtin: type[Exception]
) -> None:
    with pytest.raises(builtin) as caught:
        raise error("what was wrong")

    assert isinstance(caught.value, DingBufferError)
    assert "what was wrong" == str(caught.value)
