"""Lookup: one of several keys that a single statement can look up, because planning takes longest.

For the columns of a table PostgreSQL plans a dozen joins, and then reads a few rows: to look up 16
tables by one statement takes as long as one and a half by separate statements.
"""

from collections.abc import Callable, Sequence
from typing import Any

from exporter.postgres.simple_query import Request, Result


class Lookup(str):
    """A statement that looks up one key; `make` also creates the statement for several keys."""

    __slots__ = ("key", "make")
    make: Callable[[Sequence[Any]], str]
    key: object

    def __new__(cls, make: Callable[[Sequence[Any]], str], key: object) -> "Lookup":
        """Each result row of `make` begins with the number of its key, from 0."""
        lookup = super().__new__(cls, make([key]))
        lookup.make, lookup.key = make, key
        return lookup


def join_lookups(requests: Sequence[Request]) -> list[Request]:
    """The requests, with one in place of those that one statement can look up."""
    alike: dict[object, list[Request]] = {}
    for request in requests:
        alike.setdefault(_kind(request), []).append(request)
    return [_joined(group) if len(group) > 1 else group[0] for group in alike.values()]


def hand_out(requests: Sequence[Request]) -> None:
    """Pass the outcome on to the joined requests; an error may be caused by any of them."""
    for request in requests:
        for number, joined in enumerate(request.joined):
            joined.seconds += request.seconds / len(request.joined)
            joined.network_seconds = request.network_seconds / len(request.joined)
            if request.results is not None:
                settings, found = request.results
                rows = [row for row in found.rows if row[0] == number]
                joined.results = [settings, Result(rows, found.types)]
            elif request.error is not None:
                joined.fail(request.error)


def _lookup(request: Request) -> Lookup | None:
    match request.statements:
        case [Lookup() as lookup]:
            return lookup
    return None


def _kind(request: Request) -> object:
    lookup = _lookup(request)
    return request if lookup is None else (lookup.make, request.timezone)


def _joined(requests: Sequence[Request]) -> Request:
    lookups = [lookup for request in requests if (lookup := _lookup(request)) is not None]
    return Request(
        ", ".join([each.name for each in requests]),
        requests[0].timezone,
        min(each.timeout for each in requests),
        [lookups[0].make([each.key for each in lookups])],
        joined=requests,
    )
