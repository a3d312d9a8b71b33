"""Finds the names in SQL expressions: columns, the row itself, and the tables of subqueries.

If it cannot decide, it finds too many names and never too few.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from exporter.config.fields.sql_lexer import Token, tokens
from exporter.queries import identifier

#: The alias of the row in every expression.
ALIAS = "s"

#: The system columns, which every table has.
SYSTEM_COLUMNS = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

_EDGE = Token("other", "")
_DOT = Token("other", ".")
_NAME_KINDS = {"word", "quoted"}
_PARENTHESES = {"(", ")"}
_AT_TIME_ZONE = ["at", "time", "zone"]
_BEFORE_A_TABLE = {"from", "join", "only", "lateral", "table"}
_AFTER_A_TABLE = {"where", "on", "using", "join", "cross", "inner", "left", "right", "full"}
_AFTER_A_TABLE |= {"natural", "group", "order", "having", "window", "limit", "offset", "fetch"}
_AFTER_A_TABLE |= {"union", "intersect", "except", "for", "tablesample"}


def code(sql: str) -> list[Token]:
    """The pieces without white space and comments."""
    return [token for token in tokens(sql) if token.kind != "space"]


class Chain(NamedTuple):
    """A chain of words or quoted identifiers joined by dots, and its neighbours."""

    names: tuple[str, ...]
    """Each as the name that it means; the last may also be `*` or an operator."""
    start: int
    """The index of its first piece."""
    is_quoted: bool
    """Whether the first name is quoted."""
    before: Token
    """The piece before it, without opening parentheses."""
    after: Token
    is_type: bool
    """Whether only a type can be there: after `::`, or before a string."""
    is_in_subquery: bool

    @property
    def is_row(self) -> bool:
        """Whether it begins with the row's alias. Alone, a quoted "s" is a column."""
        is_alias = self.names[0] == ALIAS and (len(self.names) > 1 or not self.is_quoted)
        return is_alias and self.before != _DOT and not self.is_type

    @property
    def of_row(self) -> str | None:
        """The part after the alias and a dot: a column, a function of the row, `*`."""
        return self.names[1] if self.is_row and len(self.names) > 1 else None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that can be the name of a column."""
        return () if self.is_type else self.names[self.of_row is not None :]


@lru_cache(maxsize=512)  # the same columns, in many sources and each time that one is bound
def chains(sql: str) -> Sequence[Chain]:
    """Every name in an expression, also keywords, except AT TIME ZONE."""
    pieces = [_EDGE, _EDGE, *code(sql), _EDGE, _EDGE]
    texts = [token.text.lower() for token in pieces]
    found: list[Chain] = []
    before, opened, n = _EDGE, [False], 2
    while n < len(pieces):
        token, end = pieces[n], n + 1
        if token.text == "(":
            opened.append(opened[-1] or texts[end] == "select")
        elif token.text == ")":
            opened.pop()
        elif texts[n : n + 3] == _AT_TIME_ZONE:
            end = n + 3
        elif token.kind in _NAME_KINDS:
            while pieces[end] == _DOT and texts[end + 1] not in _PARENTHESES:
                end += 2
            chain = Chain(
                names=tuple(each.value or each.text for each in pieces[n:end:2]),
                start=n - 2,
                is_quoted=token.kind == "quoted",
                before=before,
                after=pieces[end],
                is_type=texts[n - 2 : n] == [":", ":"] or pieces[end].kind == "string",
                is_in_subquery=opened[-1],
            )
            found.append(chain)
        if token.text != "(":
            before = pieces[end - 1]
        n = end
    return tuple(found)


def names(sql: str) -> set[str]:
    """Every name in an expression that can be the name of a column.

    Not AT TIME ZONE, the alias in `s.status`, or the type in `::timestamp` and `date '2026-01-01'`.
    """
    return {name for chain in chains(sql) for name in chain.columns}


def qualified(sql: str) -> set[tuple[str, ...]]:
    """The first name of each chain and what follows it, as (`s`, `status`)."""
    return {
        chain.names[:2] for chain in chains(sql) if len(chain.names) > 1 and chain.before != _DOT
    }


def without_alias(sql: str) -> str:
    """The expression for a place without an alias, such as an index; without comments.

    The name after the alias is quoted: a reserved word such as `end` of `s.end` would be no column.
    """
    aliases = {chain.start for chain in chains(sql) if chain.of_row is not None}
    kept: list[str] = []
    n = -1
    for token in tokens(sql):
        n += token.kind != "space"
        if {n, n - 1} & aliases:
            continue  # the alias, the dot, or white space behind them
        last = kept[-1] if kept else "("
        if token.kind == "space":
            kept += [token.text] if last != "(" and not last.isspace() else []
            continue
        if token.text == ")" and last.isspace():
            kept.pop()
        is_column = n - 2 in aliases and token.kind == "word" and token.text.isascii()
        kept.append(identifier(token.value) if is_column else token.text)
    return "".join(kept).strip()


class Read(NamedTuple):
    """A possibly qualified name where a table can be, and whether its whole rows are values."""

    chain: tuple[str, ...]
    is_whole: bool


def reads(sql: str) -> Iterator[Read]:
    """The names after FROM, JOIN, TABLE or a comma: every table that is read, and others too."""
    found = chains(sql)
    words = {chain.names[0] for chain in found if not chain.is_quoted}
    if not words & {"select", "table"}:
        return
    takes_all = "natural" in words or _has_every_column(sql)
    for n, chain in enumerate(found):
        before = chain.before
        if before.text == "," or (before.kind == "word" and before.value in _BEFORE_A_TABLE):
            is_whole = takes_all or before.value == "table" or _is_whole(found, n)
            yield Read(chain.names, is_whole)


def _has_every_column(sql: str) -> bool:
    """Whether it has the `*` of SELECT: neither that of count(*) nor one that multiplies."""
    pieces = [_EDGE, *code(sql), _EDGE]
    return any(
        token.text == "*"
        and before.text not in {"(", "."}
        and (after.text in {",", ")", ""} or (after.kind, after.value) == ("word", "from"))
        for before, token, after in zip(pieces, pieces[1:], pieces[2:], strict=False)
    )


def _is_whole(found: Sequence[Chain], n: int) -> bool:
    """Whether a row of the table that the chain `n` names is a value, as in count(o.*)."""
    table, *following = found[n : n + 3]
    called = table
    if following and table.after.kind in _NAME_KINDS:
        alias = following[-1 if table.after.value == "as" else 0]
        if alias.is_quoted or alias.names[0] not in _AFTER_A_TABLE:
            called = alias
            if alias.after.text == "(":
                return True  # its columns have other names here
    name = called.names[-1]
    return any(
        each.names[-2:] == (name, "*")
        or (
            each.names == (name,)
            and each is not called
            and each.before != _DOT
            and each.after.text != "("
        )
        for each in found
    )
