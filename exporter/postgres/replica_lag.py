"""ReplicaPosition: how far a standby is behind its primary, and whether that is too far."""

import math
from dataclasses import dataclass, replace
from typing import Any

from exporter.errors import ReplicaLagging


@dataclass(frozen=True, slots=True)
class ReplicaPosition:
    """What a standby has received and replayed; all None on a primary.

    `lag` is the age in seconds of the last commit that it replayed, 0 where it has replayed all
    that it received, and infinity where that is unknown. `received` and `replayed` are bytes of
    WAL; `received` is None while no receiver runs.
    """

    lag: float | None
    received: int | None
    replayed: int | None

    @classmethod
    def of(cls, settings: tuple[Any, ...]) -> "ReplicaPosition":
        return cls(*settings[:3])

    @property
    def known_lag(self) -> float | None:
        return None if self.lag == math.inf else self.lag

    def is_too_old(self, most: float) -> bool:
        return self.lag is not None and self.lag > most

    def has_replayed(self, earlier: "ReplicaPosition") -> bool:
        """Whether everything is replayed that had been received at an earlier position."""
        return (
            self.replayed is not None
            and self.received is not None
            and earlier.received is not None
            and self.replayed >= earlier.received
        )

    def at_most(self, seconds: float) -> "ReplicaPosition":
        """The same position with a lag of at most `seconds`."""
        return self if self.lag is None else replace(self, lag=min(self.lag, seconds))

    def require_lag_below(self, most: float) -> None:
        """Raise ReplicaLagging where it is behind by more than `most` seconds, or may be."""
        if self.lag == math.inf:
            raise ReplicaLagging(
                "the standby receives nothing and has replayed no transaction since it was "
                "started: its lag is unknown"
            )
        if self.is_too_old(most):
            raise ReplicaLagging(
                f"the standby is {self.lag:.0f} s behind its primary, more than max_replica_lag "
                f"({most:.0f} s): every heartbeat would look old"
            )
