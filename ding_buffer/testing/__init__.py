"""The contracts of the house as test suites, for whoever ships a layer, a storage or a sampler.

pytest shows what the two sides of a failed assert were, as it does for tests of one's own. Needs the extra
``test``.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "ding_buffer.testing.buffer_checks",
    "ding_buffer.testing.middleware_suite",
    "ding_buffer.testing.sampler_suite",
    "ding_buffer.testing.storage_suite",
    "ding_buffer.testing.twin_driver",
)
