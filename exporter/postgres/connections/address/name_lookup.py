"""Looks up host names without blocking the event loop while a name server does not answer."""

import asyncio
import random
import socket
from collections.abc import Iterator
from typing import Any

from exporter.postgres.connections.detached_thread import in_thread

Attempt = dict[str, Any]


class Resolver:
    """Looks up each name once at a time: concurrent requests wait for the same answer."""

    def __init__(self) -> None:
        self._lookups: dict[str, asyncio.Task[list[str]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """The addresses of a host, in the system's order. Raises OSError or UnicodeError."""
        lookup = self._lookups.get(host)
        if lookup is None:
            lookup = self._lookups[host] = asyncio.create_task(in_thread(lambda: _look_up(host)))
            lookup.add_done_callback(lambda _: self._lookups.pop(host, None))
        return await asyncio.shield(lookup)

    async def close(self) -> None:
        for lookup in list(self._lookups.values()):
            lookup.cancel()
        await asyncio.gather(*self._lookups.values(), return_exceptions=True)


def _look_up(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


async def attempts(parameters: Attempt, resolver: Resolver) -> tuple[list[Attempt], list[str]]:
    """The parameters for each address to try, in order, and a message for each name not found.

    As libpq does: hosts, addresses and ports are lists that belong together; prefer-standby tries
    all of them twice; load_balance_hosts shuffles them.
    """
    tried, problems = [], []
    for single in _each_host(parameters):
        host = str(single.get("host") or "")
        if single.get("hostaddr") or not host or host.startswith(("/", "@")):
            tried.append(single)
            continue
        try:
            tried += [{**single, "hostaddr": each} for each in await resolver.addresses(host)]
        except (OSError, UnicodeError) as error:  # UnicodeError: a..b is no host name
            problems.append(f"failed to resolve host '{host}': {error}")
    if parameters.get("load_balance_hosts") == "random":
        random.shuffle(tried)
    if parameters.get("target_session_attrs") == "prefer-standby":
        standby = [{**each, "target_session_attrs": "standby"} for each in tried]
        tried = standby + [{**each, "target_session_attrs": "any"} for each in tried]
    return tried, problems


def _each_host(parameters: Attempt) -> Iterator[Attempt]:
    lists = {key: str(parameters.get(key) or "").split(",") for key in ("host", "hostaddr", "port")}
    number = max(len(lists["host"]), len(lists["hostaddr"]))
    if number == 1 or any(len(each) not in {1, number} for each in lists.values()):
        yield parameters  # libpq reports lists of different lengths
        return
    for index in range(number):
        chosen = {key: each[index if len(each) > 1 else 0] for key, each in lists.items()}
        yield {**parameters, **{key: value or None for key, value in chosen.items()}}
