"""The open connections of the web server: their limits, and refusals.

Any client that reaches the port can connect. No number of connections, and nothing that is sent on
them, may keep Prometheus from scraping, or take the memory that collection and recovery need.
"""

import asyncio
from collections import defaultdict
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from exporter import logs

#: Fewer where the limit of open files allows no more; see `limit_of`.
MOST_CONNECTIONS = 256
#: The most bytes of unread answers, unless it is a single answer.
MOST_UNREAD = 16 * 2**20
#: Descriptors for everything but HTTP and the databases: log, event loop, name lookup, files.
RESERVED_FILES = 64

REASONS = (
    CONNECTIONS := "connections",
    TIMEOUT := "timeout",
    TOO_LARGE := "too_large",
    PIPELINED := "pipelined",
    MALFORMED := "malformed",
    NOT_READ := "not_read",
    TLS := "tls",
    CERTIFICATE := "certificate",
    PASSWORD := "password",
)

#: Refusals are over after so many seconds without one.
QUIET = 60.0


class Connection(Protocol):
    """An open connection, as the others see it."""

    @property
    def is_idle(self) -> bool:
        """Whether no answer is in progress: it has sent nothing, or an incomplete request."""

    @property
    def is_stuck(self) -> bool:
        """Whether it does not read its answer."""

    @property
    def unread(self) -> int:
        """The number of bytes of unread answers."""

    def evict(self) -> None:
        """Close it at once."""


class HttpConnections:
    """All open connections, oldest first, and the number of refusals."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self.most = most
        self.rejected = dict.fromkeys(REASONS, 0)
        """Since the start, by reason."""
        self.web_config_is_valid = True
        """Whether the web config file and its files were valid when they were last read."""
        self._open: dict[Connection, str] = {}
        self._by_client: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._watch: asyncio.TimerHandle | None = None
        self._rejected_at = 0.0
        self._calm_count = 0

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def add(self, connection: Connection, client: str) -> None:
        """Add a connection; if there are too many, close one of the client with the most.

        It is the client's oldest idle one. A scraper sends its request at once, so that a client
        that only holds connections loses its own.
        """
        self._open[connection] = client
        self._by_client[network_of(client)][connection] = None
        if len(self._open) > self.most:
            self._evict(self._superfluous(connection), CONNECTIONS)

    def remove(self, connection: Connection) -> None:
        """Forget one that is closed."""
        client = self._open.pop(connection, None)
        if client is None:
            return
        network = network_of(client)
        del self._by_client[network][connection]
        if not self._by_client[network]:
            del self._by_client[network]

    def limit_unread(self) -> None:
        """Close unread connections, oldest of the largest client first, down to the limit."""
        unread = {
            network: {each: each.unread for each in connections if each.is_stuck}
            for network, connections in self._by_client.items()
        }
        total = sum(sum(each.values()) for each in unread.values())
        while total > MOST_UNREAD and sum(len(each) for each in unread.values()) > 1:
            most = max(unread.values(), key=lambda each: sum(each.values()))
            oldest = next(iter(most))
            total -= most.pop(oldest)
            self._evict(oldest, NOT_READ)

    def _superfluous(self, newest: Connection) -> Connection:
        most = max(len(each) for each in self._by_client.values())
        clients = [each for each in self._by_client.values() if len(each) == most]
        others = [each for client in clients for each in client if each is not newest]
        idle = (each for each in others if each.is_idle)
        stuck = (each for each in others if each.is_stuck)
        last = newest if any(newest in client for client in clients) else others[0]
        return next(idle, None) or next(stuck, last)

    def _evict(self, connection: Connection, reason: str) -> None:
        client = self._open[connection]
        self.remove(connection)
        self.reject(reason, client)
        connection.evict()

    def reject(self, reason: str, client: str) -> None:
        """Count a refusal; the first and the end of a series are logged."""
        loop = asyncio.get_running_loop()
        self._rejected_at = loop.time()
        if self._watch is None:
            self._calm_count = sum(self.rejected.values())
            logs.warning("http_rejecting", reason=reason, client=client)
            self._watch = loop.call_later(QUIET, self._log_end)
        self.rejected[reason] += 1

    def _log_end(self) -> None:
        """Log that the series has ended, or check again later."""
        loop = asyncio.get_running_loop()
        quiet_at = self._rejected_at + QUIET
        if loop.time() < quiet_at:
            self._watch = loop.call_at(quiet_at, self._log_end)
            return
        self._watch = None
        logs.info("http_rejecting_ended", count=sum(self.rejected.values()) - self._calm_count)


def limit_of(files: int, databases: int) -> int:
    """The limit of connections, from the limit of open files and the connections to databases."""
    return max(1, min(MOST_CONNECTIONS, files - databases - RESERVED_FILES))


def network_of(client: str) -> str:
    """The client of an address: with IPv6, the 2**64 addresses of a network are one client."""
    if ":" not in client:
        return client
    address = ip_address(client)
    if not isinstance(address, IPv6Address) or address.ipv4_mapped:
        return client
    return address.packed[:8].hex()
