"""Reads SQL expressions as far as needed to find the names in them: a lexer, not a parser.

The rules are those of the PostgreSQL documentation, "Lexical Structure".
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

Kind = Literal["word", "quoted", "string", "space", "other"]

#: What every expression calls the row.
ALIAS = "s"

_TOKEN = re.compile(
    r"""
    (?P<line_comment>--[^\n]*)
    | (?P<block_comment>/\*)
    | (?P<string>
        [eE]'(?:[^'\\]|''|\\.)*'
        | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'
        | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
      )
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d[\w.]*)
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


class Token(NamedTuple):
    """One piece of SQL. `value` is the name that a word or quoted identifier means."""

    kind: Kind
    text: str
    value: str = ""


_START = Token("other", "")
_DOT = Token("other", ".")


def tokens(sql: str) -> Iterator[Token]:
    """All pieces of an expression, in order; a comment is the white space that it stands for."""
    position = 0
    while match := _TOKEN.match(sql, position):
        position = match.end()
        text = match[0]
        match match.lastgroup:
            case "block_comment":
                position = _end_of_block(sql, position)
                yield Token("space", " ")
            case "line_comment":
                yield Token("space", " ")
            case "quoted":
                yield Token("quoted", text, text[1:-1].replace('""', '"'))
            case "word":
                yield Token("word", text, text.lower())
            case "space":
                yield Token("space", text)
            case "string":
                yield Token("string", text)
            case _:
                yield Token("other", text)


def _end_of_block(sql: str, position: int) -> int:
    """Where a block comment ends; they nest."""
    depth = 1
    while depth and (edge := _BLOCK_EDGE.search(sql, position)):
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return len(sql) if depth else position


def code(sql: str) -> list[Token]:
    """The pieces without white space and comments."""
    return [token for token in tokens(sql) if token.kind != "space"]


def names(sql: str) -> set[str]:
    """Every word and quoted identifier, as the name that it means."""
    return {token.value for token in code(sql) if token.kind in {"word", "quoted"}}


def calls(sql: str) -> set[str]:
    """The names that are followed by a parenthesis: functions, and a few keywords."""
    pieces = code(sql)
    return {name.value for name, after in pairwise(pieces) if name.value and after.text == "("}


def qualified(sql: str) -> set[tuple[str, str]]:
    """What a dot joins: the first name of each chain and what follows it, as (`s`, `status`)."""
    pieces = [_START, *code(sql)]
    return {
        (name.value, after.value or after.text)
        for before, name, dot, after in zip(
            pieces, pieces[1:], pieces[2:], pieces[3:], strict=False
        )
        if name.value and dot.text == "." and before.text != "."
    }


def uses_whole_row(sql: str) -> bool:
    """Whether the row `s` itself is a value (`s`, `s.*`) and not only its columns."""
    pieces = [Token("other", ""), *code(sql), Token("other", ""), Token("other", "")]
    return any(
        token.kind == "word"
        and token.value == ALIAS
        and before.text != "."
        and (after.text != "." or next_.text == "*")
        for before, token, after, next_ in zip(
            pieces, pieces[1:], pieces[2:], pieces[3:], strict=False
        )
    )


def without_alias(sql: str) -> str:
    """The expression for a place that knows no alias, such as an index; without comments."""
    kept: list[Token] = []
    for token in tokens(sql):
        last = kept[-1] if kept else Token("other", "(")
        is_alias = (last.kind, last.value) == ("word", ALIAS) and kept[-2:-1] != [_DOT]
        if token == _DOT and is_alias:
            kept.pop()
            continue
        if token.text == ")" and last.kind == "space":
            kept.pop()
        if token.kind != "space" or (last.kind != "space" and last.text != "("):
            kept.append(token)
    return "".join(token.text for token in kept).strip()
