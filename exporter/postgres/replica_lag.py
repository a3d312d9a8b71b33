"""ReplicaPosition: how far a standby is behind its primary, and whether that is too far.

A lag is the age in seconds of the last commit that the standby replayed: 0 if it has replayed
everything that it received, infinity if that is unknown, and None on a primary.
"""

import math
from typing import NamedTuple

from exporter.errors import ReplicaLagging


class ReplicaPosition(NamedTuple):
    """What a standby has received and replayed, in bytes of WAL; all None on a primary."""

    lag: float | None
    received: int | None
    """None while no receiver runs."""
    replayed: int | None

    def has_replayed(self, earlier: "ReplicaPosition") -> bool:
        """Whether everything is replayed that had been received at an earlier position."""
        return (
            self.replayed is not None
            and self.received is not None
            and earlier.received is not None
            and self.replayed >= earlier.received
        )


def known_lag(lag: float | None) -> float | None:
    """The lag, and None where it is unknown."""
    return None if lag == math.inf else lag


def require_lag_below(lag: float | None, most: float) -> None:
    """Raise ReplicaLagging if a standby is behind by more than `most` seconds, or may be."""
    if lag == math.inf:
        raise ReplicaLagging(
            "the standby receives nothing and has replayed no transaction since it was "
            "started: its lag is unknown"
        )
    if lag is not None and lag > most:
        raise ReplicaLagging(
            f"the standby is {lag:.0f} s behind its primary, more than max_replica_lag "
            f"({most:.0f} s): every heartbeat would look old"
        )
