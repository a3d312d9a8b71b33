"""The machine's clock, which only this module reads."""

import time
from functools import partial

from exporter.clock import Clock

# On Linux time.monotonic() stops while the machine is suspended (clock_gettime(2), CLOCK_BOOTTIME),
# and old values would be served as if they were new.
_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
CLOCK = Clock(monotonic=partial(time.clock_gettime, _MONOTONIC), wall=time.time)
