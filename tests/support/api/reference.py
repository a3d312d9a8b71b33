"""docs/api.md: the documented fields of each endpoint, its example, and what an answer has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).parents[3] / "docs" / "api.md"

#: By endpoint, the section that documents it, and the list that holds its items.
ENDPOINTS = {
    "sources": ("Sources", "sources"),
    "orphans": ("Orphans", "orphans"),
    "inconsistent": ("Inconsistent rows", "inconsistent"),
    "runs": ("Runs", "runs"),
    "config": ("Config", None),
}

_TIME = re.compile(r"([+-]\d{6}|\d{4})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

#: What JSON has for each documented type.
_IS_OF_TYPE = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "time": lambda value: isinstance(value, str) and _TIME.fullmatch(value) is not None,
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "list of strings": lambda value: (
        isinstance(value, list) and all(each is None or isinstance(each, str) for each in value)
    ),
}


def sections() -> dict[str, str]:
    """The text of each section."""
    parts = re.split(r"^## (.+)\n", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented_fields(section: str) -> dict[str, str]:
    """The type of each field in the tables of a section."""
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| [^|]+ \|$", sections()[section], re.MULTILINE)
    return dict(rows)


def fields_of(endpoint: str) -> dict[str, str]:
    """The documented fields of a whole answer, by path, each with its type."""
    section, items = ENDPOINTS[endpoint]
    own = documented_fields(section)
    if items is None:
        return own
    of_answer = {field for field in own if field.split("[")[0] == "lists"}
    return {
        **documented_fields("Requests"),
        **{field: own[field] for field in of_answer},
        items: "list",
        **{f"{items}[].{field}": own[field] for field in own if field not in of_answer},
    }


def example_of(endpoint: str) -> Any:
    """The example of an endpoint, as JSON."""
    (example,) = re.findall(
        r"^```json\n(.*?)^```", sections()[ENDPOINTS[endpoint][0]], re.MULTILINE | re.DOTALL
    )
    return json.loads(example)


def is_of_type(value: Any, type_: str) -> bool:
    """Whether a value is of a documented type, such as `time or null` or `object by cause`."""
    alternatives = re.split(r" or |, ", re.sub(r"^object by \w+$", "object", type_))
    return any(_IS_OF_TYPE[each](value) for each in alternatives)


def values_of(answer: Any, types: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Each field of an answer by its path, and its value; free keys of an object are no fields."""
    yield from _walk("", answer, types)


def _walk(path: str, value: Any, types: dict[str, str]) -> Iterator[tuple[str, Any]]:
    if path:
        yield path, value
    if types.get(path, "").startswith("object by") or path.endswith(".id"):
        return
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _walk(f"{path}.{key}" if path else key, each, types)
    elif isinstance(value, list) and types.get(path) == "list":
        for each in value:
            for below, found in _walk("", each, _below(types, f"{path}[]")):
                yield f"{path}[].{below}", found


def _below(types: dict[str, str], path: str) -> dict[str, str]:
    start = f"{path}."
    return {field.removeprefix(start): each for field, each in types.items() if start in field}
