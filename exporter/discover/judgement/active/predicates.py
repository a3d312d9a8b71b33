"""Conditions in partial indexes and CHECK constraints, as far as they say what is active."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = r'(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))'
_CAST = r"(?:::[\w\s.\"]+(?:\(\d+\))?(?:\[\])?)?"
_LITERAL = rf"'((?:[^']|'')*)'{_CAST}"

_IS_NULL = re.compile(rf"{_NAME} IS NULL")
_EQUAL = re.compile(rf"\(?{_NAME}\)?{_CAST} = (?:{_LITERAL}|(-?\d+))")
_ANY = re.compile(rf"\(?{_NAME}\)?{_CAST} = ANY \(+(?:ARRAY)?\[?(.+?)\]?\)*{_CAST}\)*")
_LITERALS = re.compile(_LITERAL)
_FLAG = re.compile(rf"(NOT )?{_NAME}(?: = (true|false)| IS (NOT )?(TRUE|FALSE))?")


@dataclass(frozen=True, slots=True)
class Predicate:
    """One condition on one column."""

    column: str
    values: Sequence[str] | None = None
    """The values of a status; None: the column is NULL, or true."""
    is_null: bool = False
    flag: bool | None = None


def parse(text: str) -> list[Predicate]:
    """The conditions that are joined by AND; empty where one is of another form.

    Of a condition with OR, or with a function, nothing is known.
    """
    found = []
    for part in _conjuncts(_strip(text)):
        parsed = _parse_one(_strip(part))
        if parsed is None:
            return []
        found.append(parsed)
    return found


def allowed_values(check: str, column: str) -> tuple[str, ...]:
    """The values that a CHECK constraint allows a column; empty where it does not list them."""
    text = check.removeprefix("CHECK ")
    for part in _conjuncts(_strip(text)):
        parsed = _parse_one(_strip(part))
        if parsed is not None and parsed.column == column and parsed.values:
            return tuple(parsed.values)
    return ()


def _parse_one(text: str) -> Predicate | None:
    if match := _IS_NULL.fullmatch(text):
        return Predicate(_name(match[1], match[2]), is_null=True)
    if match := _EQUAL.fullmatch(text):
        value = match[4] if match[4] is not None else match[3].replace("''", "'")
        return Predicate(_name(match[1], match[2]), (value,))
    if match := _ANY.fullmatch(text):
        values = tuple(each.replace("''", "'") for each in _LITERALS.findall(match[3]))
        return Predicate(_name(match[1], match[2]), values) if values else None
    if match := _FLAG.fullmatch(text):
        negated = bool(match[1]) ^ (match[4] == "false")
        if match[6]:
            negated ^= (match[6] == "FALSE") ^ bool(match[5])
        return Predicate(_name(match[2], match[3]), flag=not negated)
    return None


def _name(quoted: str | None, plain: str | None) -> str:
    return quoted.replace('""', '"') if quoted else plain or ""


def _strip(text: str) -> str:
    """Without parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closing(text: str) -> int:
    depth = 0
    in_text = False
    for place, character in enumerate(text):
        if character == "'":
            in_text = not in_text
        elif not in_text and character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return place
    return -1


def _conjuncts(text: str) -> list[str]:
    """Split at AND outside of parentheses and texts."""
    parts, depth, in_text, begin, place = [], 0, False, 0, 0
    while place < len(text):
        character = text[place]
        if character == "'":
            in_text = not in_text
        elif not in_text and character in "()":
            depth += 1 if character == "(" else -1
        elif not in_text and depth == 0 and text.startswith(" AND ", place):
            parts.append(text[begin:place])
            begin = place + 5
            place = begin
            continue
        place += 1
    return [*parts, text[begin:]]
