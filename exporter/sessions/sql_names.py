"""Finds the names in SQL expressions: columns, the row itself, and the tables of subqueries.

Where it cannot decide, it finds too much and never too little.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from exporter.config.fields.sql_lexer import Token, tokens
from exporter.queries import identifier

#: What every expression calls the row.
ALIAS = "s"

#: What every table has besides its columns.
SYSTEM_COLUMNS = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

_EDGE = Token("other", "")
_DOT = Token("other", ".")
_NAME_KINDS = {"word", "quoted"}
_AT_TIME_ZONE = ["at", "time", "zone"]
_BEFORE_A_TABLE = {"from", "join", "only", "lateral", "table"}
_AFTER_A_TABLE = {"where", "on", "using", "join", "cross", "inner", "left", "right", "full"}
_AFTER_A_TABLE |= {"natural", "group", "order", "having", "window", "limit", "offset", "fetch"}
_AFTER_A_TABLE |= {"union", "intersect", "except", "for", "tablesample"}


def code(sql: str) -> list[Token]:
    """The pieces without white space and comments."""
    return [token for token in tokens(sql) if token.kind != "space"]


def names(sql: str) -> set[str]:
    """Every word and quoted identifier, as the name that it means.

    Not AT TIME ZONE, the alias in `s.status`, or the type in `::timestamp` and `date '2026-01-01'`.
    """
    pieces = [*code(sql), _EDGE]
    texts = [token.text.lower() for token in pieces]
    operators = {
        n + place
        for n in range(len(pieces))
        if texts[n : n + len(_AT_TIME_ZONE)] == _AT_TIME_ZONE
        for place in range(len(_AT_TIME_ZONE))
    }
    return {
        token.value
        for n, token in enumerate(pieces)
        if token.kind in _NAME_KINDS
        and n not in operators
        and not _is_type(pieces, n)
        and not (_is_alias(token) and pieces[n + 1] == _DOT and pieces[n - 1 : n] != [_DOT])
    }


def _is_alias(token: Token) -> bool:
    return token.kind in _NAME_KINDS and token.value == ALIAS


def _is_type(pieces: list[Token], n: int) -> bool:
    """Whether a name stands where only that of a type can: behind `::`, or before a string."""
    is_cast = [token.text for token in pieces[max(n - 2, 0) : n]] == [":", ":"]
    return is_cast or (pieces[n].kind == "word" and pieces[n + 1].kind == "string")


def called(sql: str) -> set[str]:
    """The names before a parenthesis: every function that is called, and other words."""
    pieces = [*code(sql), _EDGE]
    return {
        name.value
        for name, after in pairwise(pieces)
        if name.kind in _NAME_KINDS and after.text == "("
    }


def qualified(sql: str) -> set[tuple[str, str]]:
    """What a dot joins: the first name of each chain and what follows it, as (`s`, `status`)."""
    pieces = [_EDGE, *code(sql)]
    return {
        (name.value, after.value or after.text)
        for before, name, dot, after in _windows(pieces)
        if name.value and dot.text == "." and before.text != "."
    }


def of_row(sql: str) -> set[str]:
    """What follows the alias and a dot: columns, functions of the row, `*`."""
    return {
        after.value or after.text
        for before, name, dot, after in _windows([_EDGE, *code(sql)])
        if _is_alias(name) and dot == _DOT and before.text not in {".", ":"}
    }


def _windows(pieces: list[Token]) -> Iterator[tuple[Token, Token, Token, Token]]:
    return zip(pieces, pieces[1:], pieces[2:], pieces[3:], strict=False)


def uses_whole_row(sql: str) -> bool:
    """Whether the row `s` itself is a value (`s`, `s.*`) and not only its columns."""
    pieces = [_EDGE, *code(sql), _EDGE, _EDGE]
    return any(
        _is_alias(token)
        and before.text not in {".", ":"}
        and ((after.text != "." and token.kind == "word") or (after, next_.text) == (_DOT, "*"))
        for before, token, after, next_ in _windows(pieces)
    )


def without_alias(sql: str) -> str:
    """The expression for a place that knows no alias, such as an index; without comments.

    What follows the alias is quoted: alone, a reserved word such as `s.end` would be no column.
    """
    kept: list[Token] = []
    is_column = False
    for token in _without_space_at_dots(sql):
        last = kept[-1] if kept else Token("other", "(")
        is_type = [each.text for each in kept[-3:-1]] == [":", ":"]
        if token == _DOT and _is_alias(last) and kept[-2:-1] != [_DOT] and not is_type:
            kept.pop()
            is_column = True
            continue
        if is_column and token.kind == "word" and token.text.isascii():
            token = Token("quoted", identifier(token.value), token.value)  # noqa: PLW2901
        is_column = False
        if token.text == ")" and last.kind == "space":
            kept.pop()
        if token.kind != "space" or (last.kind != "space" and last.text != "("):
            kept.append(token)
    return "".join(token.text for token in kept).strip()


def _without_space_at_dots(sql: str) -> Iterator[Token]:
    pieces = [_EDGE, *tokens(sql), _EDGE]
    for before, token, after in zip(pieces, pieces[1:], pieces[2:], strict=False):
        if token.kind != "space" or _DOT not in {before, after}:
            yield token


def without_subqueries(sql: str) -> str:
    """The expression with nothing in the parentheses that begin with SELECT."""
    kept: list[str] = []
    depth = inside = 0
    pieces = [*code(sql), _EDGE]
    for token, after in pairwise(pieces):
        depth += (token.text == "(") - (token.text == ")")
        if inside and depth < inside:
            inside = 0
        if not inside:
            kept.append(token.text)
        if token.text == "(" and after.value == "select" and after.kind == "word" and not inside:
            inside = depth
    return " ".join(kept)


class Read(NamedTuple):
    """A possibly qualified name where a table can stand; whether whole rows of it are values."""

    chain: tuple[str, ...]
    is_whole: bool


def reads(sql: str) -> Iterator[Read]:
    """The names after FROM, JOIN, TABLE or a comma: every table that is read, and others too."""
    pieces = code(sql)
    words = {token.value for token in pieces if token.kind == "word"}
    if not words & {"select", "table"}:
        return
    windows = _windows([_EDGE, *pieces, _EDGE, _EDGE])
    takes_all = "natural" in words or any(_is_every_column(*each[:3]) for each in windows)
    for n, token in enumerate(pieces):
        if (token.kind == "word" and token.value in _BEFORE_A_TABLE) or token.text == ",":
            start = n + 1
            while start < len(pieces) and pieces[start].text == "(":
                start += 1
            chain, end = _chain(pieces, start)
            if chain:
                is_whole = takes_all or token.value == "table" or _is_whole(pieces, chain, end)
                yield Read(chain, is_whole)


def _is_every_column(before: Token, token: Token, after: Token) -> bool:
    """Whether it is the `*` of SELECT: neither that of count(*) nor one that multiplies."""
    is_last = after.text in {",", ")", ""} or (after.kind, after.value) == ("word", "from")
    return token.text == "*" and before.text not in {"(", "."} and is_last


def _chain(pieces: list[Token], start: int) -> tuple[tuple[str, ...], int]:
    """The names from `start` on that dots join, and where they end."""
    chain: list[str] = []
    n = start
    while n < len(pieces) and pieces[n].kind in _NAME_KINDS:
        chain.append(pieces[n].value)
        n += 1
        if n == len(pieces) or pieces[n].text != ".":
            break
        n += 1
    return tuple(chain), n


def _is_whole(pieces: list[Token], chain: tuple[str, ...], end: int) -> bool:
    """Whether a row of the table that is named before `end` is a value, as in count(o.*)."""
    called, declared = chain[-1], end - 1
    rest = [*pieces[end : end + 3], _EDGE, _EDGE, _EDGE]
    has_as = (rest[0].kind, rest[0].value) == ("word", "as")
    alias, after = rest[has_as : has_as + 2]
    if alias.kind == "quoted" or (alias.kind == "word" and alias.value not in _AFTER_A_TABLE):
        called, declared = alias.value, end + has_as
        if after.text == "(":
            return True  # its columns have other names here
    return any(
        token.kind in _NAME_KINDS
        and token.value == called
        and (
            (after.text == "." and next_.text == "*")
            or (n != declared and before.text != "." and after.text not in {".", "("})
        )
        for n, (before, token, after, next_) in enumerate(_windows([_EDGE, *pieces, _EDGE, _EDGE]))
    )
