"""Settings that hold for every test."""

import os

from hypothesis import HealthCheck, settings

# Law suites draw large values; how long one takes depends on the machine, so no sample has a deadline.
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", parent=settings.get_profile("ci"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
