"""Sets up Hypothesis for the whole suite.

The suite draws the same examples every time, so a run that passed passes again.
To look for new counterexamples: `pytest --hypothesis-profile=explore`.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# For the second run of `make test`, on the other kernels.
settings.register_profile("brief", parent=settings.get_profile("repeatable"), max_examples=40)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("repeatable")
