"""The query of a request to the API: paging and filters, or an error message."""

import re
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import QueryParams

from exporter.errors import UsageError
from exporter.text import some_of

DEFAULT_LIMIT, MOST = 100, 1000

#: An offset behind every list: 1,000 sources with 100 rows each.
LARGEST_OFFSET = 1_000_000

KNOWN = ("source", "database", "limit", "offset")

#: Maximum length of a value that is repeated to the client, in characters.
_REPEATED = 60

T = TypeVar("T")


class NotFoundError(UsageError):
    """The request names a source or database that is not in the config."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The requested part of a list."""

    source: str | None = None
    database: str | None = None
    limit: int = DEFAULT_LIMIT
    offset: int = 0

    def page(self, items: list[T]) -> tuple[dict[str, object], list[T]]:
        """The part of a list, and the paging fields of the answer."""
        end = self.offset + self.limit
        head: dict[str, object] = {
            "total_count": len(items),
            "limit": self.limit,
            "offset": self.offset,
            "next_offset": end if end < len(items) else None,
        }
        return head, items[self.offset : end]


def parse_parameters(query: QueryParams, *, known: tuple[str, ...] = KNOWN) -> Parameters:
    """Raises UsageError for the first problem."""
    given: dict[str, str] = {}
    for name, value in query.multi_items():
        if name not in known:
            there_are = f"known are {', '.join(known)}" if known else "there are none"
            raise UsageError(f"unknown parameter {_shown(name)}; {there_are}")
        if name in given:
            raise UsageError(f"{name}: expected once, got several")
        given[name] = value
    return Parameters(
        source=given.get("source"),
        database=given.get("database"),
        limit=_number("limit", given.get("limit"), 1, MOST, DEFAULT_LIMIT),
        offset=_number("offset", given.get("offset"), 0, LARGEST_OFFSET, 0),
    )


def require_known(parameters: Parameters, pairs: list[tuple[str, str]]) -> None:
    """Raise NotFoundError if the filters name a source or database that is not in the config.

    `pairs` are all sources with their databases.
    """
    source, database = parameters.source, parameters.database
    if source is not None and all(each != source for each, _ in pairs):
        names = some_of(dict.fromkeys(each for each, _ in pairs))
        raise NotFoundError(f"source: there is no {_shown(source)}; there are: {names}")
    if database is not None and all(each != database for _, each in pairs):
        names = some_of(dict.fromkeys(each for _, each in pairs))
        raise NotFoundError(f"database: there is no {_shown(database)}; there are: {names}")
    if None not in {source, database} and (source, database) not in pairs:
        raise NotFoundError(f"source {_shown(str(source))} is not in {_shown(str(database))}")


def _number(name: str, text: str | None, least: int, most: int, default: int) -> int:
    if text is None:
        return default
    # Python would also read 1_0 and other digits, and take minutes for a million of them.
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise UsageError(f"{name}: expected a number from {least} to {most}, got {_shown(text)}")
    return int(text)


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _REPEATED else f"{text[:_REPEATED]}...")
