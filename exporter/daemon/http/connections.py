"""The open connections of the web server: how many there may be, and what was refused.

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
#: The most bytes of answers that wait to be read, unless it is a single answer.
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
    """An open connection, as far as it matters to the others."""

    @property
    def is_idle(self) -> bool:
        """Whether no answer is being made or read: it has sent nothing, or not a whole request."""

    @property
    def is_stuck(self) -> bool:
        """Whether it does not take the answer that it has asked for."""

    @property
    def unread(self) -> int:
        """How many bytes of answers wait here until it takes them."""

    def evict(self) -> None:
        """Close it at once."""


class HttpConnections:
    """All connections that are open, the oldest first, and how many refusals there were."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self.most = most
        self.rejected = dict.fromkeys(REASONS, 0)
        """Since the start, by reason."""
        self.web_config_is_valid = True
        """Whether the web config file and what it names could be used when they were last read."""
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
        """Take a new one in; if there are too many now, one of the client with the most is closed.

        That is its oldest one that does nothing. A scraper sends its request at once, so that a
        client that only holds connections loses its own.
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
        """Close what is not read, the oldest of the client with the most, until it is little."""
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


def network_of(client: str) -> str:
    """Whom an address belongs to: with IPv6, the 2**64 addresses of a network are of one client."""
    if ":" not in client:
        return client
    address = ip_address(client)
    if not isinstance(address, IPv6Address) or address.ipv4_mapped:
        return client
    return address.packed[:8].hex()
