"""When to try again after a database could not be reached."""

import random
from dataclasses import dataclass

#: Shortest and longest wait in seconds after a failed connect, and after a failed authentication
#: or without the right to connect: some servers lock a user out after several failures.
CONNECT = (1.0, 60.0)
AUTHENTICATION = (60.0, 300.0)


@dataclass(slots=True)
class Backoff:
    """Exponential waits with jitter. Times are seconds of a monotonic clock."""

    failures: int = 0
    until: float = 0.0

    def failed(self, now: float, limits: tuple[float, float]) -> None:
        """Count one failure and wait for a random half to whole of the doubled time."""
        shortest, longest = limits
        wait = min(longest, shortest * 2.0 ** min(self.failures, 16))
        self.failures += 1
        jittered = max(shortest, wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects, guards nothing
        self.until = now + jittered

    def succeeded(self) -> None:
        self.failures = 0
        self.until = 0.0

    def waits(self, now: float) -> bool:
        return now < self.until
