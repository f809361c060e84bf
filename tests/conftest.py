"""Sets up Hypothesis for the whole suite.

The suite draws the same examples every time, so a run that passed passes again.
To look for new counterexamples: `pytest --hypothesis-profile=explore`.
"""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# In the background of a shell Ctrl-C is ignored, also by what is started: tests that press it would hang.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# For `make coverage`, and for the second run of `make test`, on the other kernels.
settings.register_profile("traced", parent=settings.get_profile("repeatable"), max_examples=60)
settings.register_profile("brief", parent=settings.get_profile("repeatable"), max_examples=40)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("repeatable")
