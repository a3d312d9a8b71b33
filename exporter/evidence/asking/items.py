"""From JSON to items: paths, ids and times, by the settings of a list or of owners."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import jmespath

from exporter.config.evidence import TimePath
from exporter.evidence.answers import ABOVE_NONE, ListedSession
from exporter.evidence.asking.failure import AskingError

Path = Callable[[Any], Any]

#: A path that needs no interpreter: ten times cheaper, for up to 100,000 items.
_PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)

#: A number as text. Python would also read 1_000, inf, other digits, and spaces around them.
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")

_IN_SECONDS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def path(expression: str) -> Path:
    """Return a function that evaluates a JMESPath expression; it raises AskingError on failure."""
    if _PLAIN.fullmatch(expression):
        names = expression.split(".")

        def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
            for name in names:
                if not isinstance(value, dict):
                    return None
                value = value.get(name)
            return value

        return plain
    compiled = jmespath.compile(expression)

    def evaluated(value: Any) -> Any:  # noqa: ANN401 - JSON
        try:
            return compiled.search(value)
        except (jmespath.exceptions.JMESPathError, TypeError, ValueError) as error:
            raise AskingError("shape", f"{expression}: {str(error)[:200]}") from None

    return evaluated


def is_true(value: object) -> bool:
    """Whether JMESPath treats a value as true: 0 is true."""
    return value is not None and value is not False and value not in ("", [], {})


def is_part(expression: str) -> bool:
    """Whether its results are parts of the answer, and not literals of the expression."""
    return expression == "@" or _PLAIN.fullmatch(expression) is not None


def items_of(found: object, *, empties: bool = False) -> Iterator[Any]:
    """The items of a list, or of a mapping by id, each with its `key`. Raises AskingError.

    With `empties`, the list is emptied: an item is freed when the next item is requested, which
    saves 30 MB for 100,000 items.
    """
    if isinstance(found, list) and empties:
        found.reverse()
        while found:
            yield found.pop()
    elif isinstance(found, list):
        yield from found
    elif isinstance(found, dict):
        for key, value in found.items():
            yield {**value, "key": key} if isinstance(value, dict) else {"key": key, "value": value}
    else:
        got = "nothing" if found is None else f"{_kind(found)}"
        raise AskingError("shape", f"items: expected a list or a mapping, got {got}")


def id_of(value: object) -> str:
    """An id as PostgreSQL writes it: a text, a whole number, or for several columns a JSON array.

    A list of one item is the id of one column, which is not an array. Raises AskingError.
    """
    if isinstance(value, list) and len(value) == 1:
        return _one_id(value[0])
    if isinstance(value, list) and value:
        return json.dumps([_one_id(each) for each in value], ensure_ascii=False)
    return _one_id(value)


def _one_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        got = "an empty text" if value == "" else _kind(value)
        raise AskingError("shape", f"id: expected a text or a whole number, got {got}")
    if "\0" in value or not _is_unicode(value):
        raise AskingError("shape", "id: a text that PostgreSQL cannot hold")
    return value


class SessionReader:
    """Reads the id and the times of a listed session."""

    def __init__(
        self, started_at: TimePath | None, last_seen_at: TimePath | None, key: str | None
    ) -> None:
        self._started_at = started_at and _TimeReader("started_at", started_at)
        self._last_seen_at = last_seen_at and _TimeReader("last_seen_at", last_seen_at)
        self._key = None if key is None else path(key)

    def read(self, item: object) -> ListedSession:
        """Raises AskingError."""
        key = None if self._key is None else self._key(item)
        return ListedSession(
            self._started_at.read(item) if self._started_at else None,
            self._last_seen_at.read(item) if self._last_seen_at else None,
            None if key is None else id_of(key),
        )


class _TimeReader:
    def __init__(self, name: str, settings: TimePath) -> None:
        self._name = name
        self._path = path(settings.path)
        self._divisor = None if settings.epoch is None else _IN_SECONDS[settings.epoch]

    def read(self, item: object) -> float | None:
        """A Unix timestamp; None where there is none. Raises AskingError."""
        value = self._path(item)
        if value is None or value == "":
            return None
        if self._divisor is not None:
            return self._number(value)
        if not isinstance(value, str):
            advice = "write epoch: with the unit of a number"
            raise self._error(f"expected a time as ISO 8601, got {_kind(value)}; {advice}")
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise self._error(f"expected a time as ISO 8601, got {value[:40]!r}") from None
        if moment.tzinfo is None:
            raise self._error(f"expected a time with its zone, got {value[:40]!r}")
        at = moment.timestamp()
        return at if at >= ABOVE_NONE else None

    def _number(self, value: object) -> float | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_number |= isinstance(value, str) and _DECIMAL.fullmatch(value) is not None
        try:
            number = float(value) if is_number else math.nan  # type: ignore[arg-type] # a number
        except OverflowError:  # a whole number of more than 308 digits
            number = math.nan
        if not math.isfinite(number):
            raise self._error(f"expected a number since 1970, got {_shown(value)}")
        assert self._divisor is not None  # noqa: S101 - for mypy
        return number / self._divisor if number > 0 else None

    def _error(self, why: str) -> AskingError:
        return AskingError("shape", f"{self._name}: {why}")


def _shown(value: object) -> str:
    return repr(value[:40]) if isinstance(value, str) else _kind(value)


def _kind(value: object) -> str:
    kinds: Mapping[type, str] = {
        str: "a text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a mapping",
    }
    return kinds.get(type(value), "null")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
