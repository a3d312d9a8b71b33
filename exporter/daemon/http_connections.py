"""The open connections of the web server: how many there may be, and what was refused.

Whoever can reach the port can connect. No number of connections, and nothing that is sent on them,
may keep Prometheus from scraping, or take the memory that collection and recovery need.
"""

import asyncio
from typing import Protocol

from exporter import logs

#: Fewer where the limit of open files allows no more; see `limit_of`.
MOST_CONNECTIONS = 256
#: Descriptors for everything but HTTP and the databases: log, event loop, name lookup, files.
RESERVED_FILES = 64

CONNECTIONS, TIMEOUT, TOO_LARGE, PIPELINED, MALFORMED, NOT_READ = REASONS = (
    "connections",
    "timeout",
    "too_large",
    "pipelined",
    "malformed",
    "not_read",
)

#: Refusals are over after so many seconds without one.
QUIET = 60.0


class Connection(Protocol):
    """An open connection, as far as it matters to the others."""

    @property
    def is_idle(self) -> bool:
        """Whether no answer is being made: it has sent nothing, or not a whole request."""

    @property
    def is_stuck(self) -> bool:
        """Whether it does not take the answer that it has asked for."""

    def evict(self) -> None:
        """Close it at once."""


class HttpConnections:
    """All connections that are open, the oldest first, and how many refusals there were."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self.most = most
        self.rejected = dict.fromkeys(REASONS, 0)
        """Since the start, by reason."""
        self._open: dict[Connection, None] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._rejected_at = 0.0
        self._calm_count = 0

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def add(self, connection: Connection, client: str) -> None:
        """Take a new one in; the oldest that does nothing makes room, or else it is closed itself.

        A scraper sends its request at once, so that those who only hold connections evict each
        other.
        """
        self._open[connection] = None
        if len(self._open) <= self.most:
            return
        others = [each for each in self._open if each is not connection]
        stuck = (each for each in others if each.is_stuck)
        evicted = next((each for each in others if each.is_idle), None) or next(stuck, connection)
        self.remove(evicted)
        self.reject(CONNECTIONS, client)
        evicted.evict()

    def remove(self, connection: Connection) -> None:
        """Forget one that is closed."""
        self._open.pop(connection, None)

    def reject(self, reason: str, client: str) -> None:
        """Count a refusal; the first one of many is logged, and the end of them."""
        loop = asyncio.get_running_loop()
        self._rejected_at = loop.time()
        if self._watch is None:
            self._calm_count = sum(self.rejected.values())
            logs.warning("http_rejecting", reason=reason, client=client)
            self._watch = loop.call_later(QUIET, self._look)
        self.rejected[reason] += 1

    def _look(self) -> None:
        """Log that it is over, or look again later."""
        loop = asyncio.get_running_loop()
        quiet_at = self._rejected_at + QUIET
        if loop.time() < quiet_at:
            self._watch = loop.call_at(quiet_at, self._look)
            return
        self._watch = None
        logs.info("http_rejecting_ended", count=sum(self.rejected.values()) - self._calm_count)


def limit_of(files: int, databases: int) -> int:
    """How many connections there may be with so many open files, and connections to databases."""
    return max(1, min(MOST_CONNECTIONS, files - databases - RESERVED_FILES))
