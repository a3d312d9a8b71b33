"""The answers of owners and stores to one request, and the absence of a usable answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The most owners of one answer.
MOST_OWNERS = 100_000

#: In seconds, how far in the future an owner may have reported: clocks differ.
AHEAD = 60.0

#: Every time that stands for none, such as the year 1 or 1970 in any zone, is before this time.
ABOVE_NONE = 86_400.0


@dataclass(frozen=True, slots=True)
class Unknown:
    """No usable answer: it proves neither life nor death."""

    reason: str
    """One word for logs and the page: timeout, connection, status, redirect, shape, size, page,
    empty, stale, permission."""
    message: str
    """A sentence that says what was received and what to do; it contains no secret."""


@dataclass(frozen=True, slots=True)
class OwnersAnswer:
    """A complete answer about owners."""

    alive: frozenset[str]
    at: float
    """When the request was sent, by the monotonic clock: nothing in it is older."""
    ended: frozenset[str] = frozenset()
    """Owners that the answer itself says have ended, such as pods that succeeded or failed."""
    reported: Mapping[str, float] = field(default_factory=dict)
    """Owners whose last report, by their own word, is later than the clock can show, or too old:
    when, as a Unix timestamp. Of the old ones, those that were asked for. That they are in here
    does not mean that they live."""


@dataclass(frozen=True, slots=True)
class ListedSession:
    """One session that a store lists. Times are Unix timestamps; None where the list has none."""

    started_at: float | None = None
    last_seen_at: float | None = None
    key: str | None = None
    """The user of the session, if the list gives one."""

    @property
    def newest_life(self) -> float | None:
        """Its newest sign of life, which may be the start; None where the list has none."""
        seen, started = self.last_seen_at, self.started_at
        return seen if seen is None or started is None else max(seen, started)


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """A complete answer of one store: its live sessions by id."""

    sessions: Mapping[str, ListedSession]
    at: float
    """When the request was sent, by the monotonic clock."""


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """The answers of all stores of a list in one round."""

    stores: Mapping[str, StoreAnswer | Unknown] = field(default_factory=dict)
