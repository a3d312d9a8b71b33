"""Sessions that automatic recovery could not close: set aside, and reported by cause."""

from collections import Counter
from collections.abc import Collection, Mapping

from exporter.backoff import Backoff

#: Shortest and longest time for which a refused session is set aside, in seconds.
SET_ASIDE = (60.0, 3600.0)

#: A cause that has not occurred for this long, in seconds, counts as new: each of its sessions has
#: been retried since.
FORGOTTEN_AFTER = 2 * SET_ASIDE[1]

#: The number of causes that are distinguished; more come from a message that differs by session.
MOST_CAUSES = 10


class Refusals:
    """The refusals of one source. Times are monotonic."""

    def __init__(self) -> None:
        self._set_aside: dict[str, Backoff] = {}
        self._causes: dict[str, float] = {}
        """When each cause occurred last."""

    def set_aside(self, now: float) -> frozenset[str]:
        """The sessions that are set aside now."""
        return frozenset(session for session, each in self._set_aside.items() if each.waits(now))

    def forget(self, candidates: Collection[str], now: float) -> None:
        """Forget sessions that need no longer be closed."""
        self._set_aside = {
            session: each
            for session, each in self._set_aside.items()
            if each.waits(now) or session in candidates
        }

    def add(self, refused: Mapping[str, str], now: float) -> dict[str, int]:
        """Set sessions aside; returns the causes that are new, and how many sessions each has."""
        for session in refused:
            self._set_aside.setdefault(session, Backoff()).failed(now, SET_ASIDE)
        recent = {why: at for why, at in self._causes.items() if now - at < FORGOTTEN_AFTER}
        new = dict[str, int]()
        for why, count in Counter(refused.values()).items():
            if why not in recent and len(recent) < MOST_CAUSES:
                new[why] = count
            if why in recent or why in new:
                recent[why] = now
        self._causes = recent
        return new
