"""A clock that moves when a test moves it."""

from dataclasses import dataclass

from exporter.clock import Clock


@dataclass
class HandClock:
    """Seconds since an arbitrary moment."""

    now: float = 1000.0

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, wall=lambda: 1_700_000_000.0 + self.now)
