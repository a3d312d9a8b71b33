"""Whether the URL of a store leads to several servers: then an answer may be of one of them."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from exporter.check.findings import Finding, FindingWriter
from exporter.config.evidence import ListSource


async def of_addresses(settings: ListSource, findings: FindingWriter) -> AsyncIterator[Finding]:
    """Warn of host names with several addresses where stores hold different sessions."""
    if settings.stores != "any":
        return
    for store, url in settings.urls.items():
        host = urlsplit(url).hostname or ""
        try:
            async with asyncio.timeout(settings.timeout):
                number = await asyncio.to_thread(_most_addresses, host)
        except (OSError, UnicodeError, TimeoutError):  # it was asked too, and that is said
            continue
        if number > 1:
            yield findings.warning(
                f"list {settings.name} addresses",
                f"store {store}: {host} has {number} addresses; if they are servers with sessions "
                "of their own, an answer has those of one: name the URL of each",
            )


def _most_addresses(host: str) -> int:
    """How many IPv4 or IPv6 addresses a name has: one server may have one of each kind."""
    found = {(each[0], each[4][0]) for each in socket.getaddrinfo(host, None)}
    return max(Counter(family for family, _ in found).values())
