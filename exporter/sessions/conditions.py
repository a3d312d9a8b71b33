"""Parses expressions: conditions joined by AND, columns with a fixed value, stored columns."""

import re
from collections.abc import Collection
from functools import lru_cache

from exporter.config.fields.sql_lexer import Token, tokens
from exporter.sessions.relation import ALWAYS
from exporter.sessions.session_table import SessionTable
from exporter.sessions.sql_names import code, without_alias

#: Words that bind weaker than AND, or contain an AND.
_INDIVISIBLE = {"or", "between"}
_OPENS, _CLOSES = {"(", "[", "case"}, {")", "]", "end"}
#: The tokens of a condition that fixes a column; a string is `'`. The literal may have casts.
_FIXED = re.compile(
    r"(not )?\S+( is (not )?(true|false))?"
    r"|\S+ (is (null|unknown)|= ('|\d\S*|true|false|null)( : : \S+( \. \S+)*( \[ \])*)*)"
)
#: What gives one of its values, or NULL.
_CHOICES = {"greatest", "least", "coalesce", "nullif", "null"}
#: NULLIF() gives its first value or NULL, whatever the second is.
_STORED = re.compile(r"(nullif \( )*\S+( , [^(),]* \))*")


def conjuncts(sql: str) -> list[str]:
    """The conditions that AND joins, without comments; the whole if it cannot decide."""
    parts: list[list[str]] = [[]]
    depth, after_dot = 0, False
    for token in tokens(sql):
        # After a dot every word is a column: s.end closes nothing.
        word = token.text.lower() if token.kind in {"word", "other"} and not after_dot else ""
        after_dot = token.text == "."
        depth += (word in _OPENS) - (word in _CLOSES)
        if depth == 0 and word in _INDIVISIBLE:
            return [sql.strip()]
        if depth == 0 and word == "and":
            parts.append([])
        else:
            parts[-1].append(token.text)
    return ["".join(part).strip() for part in parts]


def fixed_column(condition: str) -> str | None:
    """The column that has one value, or NULL, where the condition holds: `a`, `NOT a`, `a = 'x'`.

    Also `a IS NULL`, `a IS TRUE` and similar conditions. None if there is no such column, or it
    cannot decide.
    """
    pieces, text = _shape(condition)
    fixed = _FIXED.fullmatch(text)
    return pieces[1 if fixed[1] else 0].value or None if fixed else None


@lru_cache(maxsize=512)  # the same in many sources, and each time that one is bound
def stored_column(expression: str) -> str | None:
    """The column of which an expression is the value, or NULL: `a`, `NULLIF(a, 0)`; else None."""
    pieces, text = _shape(expression)
    is_stored = _STORED.fullmatch(text)
    return pieces[text.count("nullif ( ") * 2].value or None if is_stored else None


def chooses_among(expression: str, columns: Collection[str]) -> bool:
    """Whether an expression gives the value of one of these columns, a constant, or NULL.

    `greatest(s.seen, s.pinged)`: it reads nothing else, and fails for no row.
    """
    pieces = code(without_alias(expression))
    for token, after in zip(pieces, [*pieces[1:], None], strict=True):
        if token.kind == "word" and token.text.lower() in _CHOICES:
            continue
        is_called = after is not None and after.text == "("
        is_column = token.kind in {"word", "quoted"} and token.value in columns and not is_called
        if not (is_column or token.kind == "string" or re.fullmatch(r"[(),]|\d+", token.text)):
            return False
    return True


def _shape(expression: str) -> tuple[list[Token], str]:
    """The pieces, and as one text in which a string is `'` and a quoted name `"`."""
    pieces = code(without_alias(expression))
    texts = [{"string": "'", "quoted": '"'}.get(each.kind, each.text.lower()) for each in pieces]
    return pieces, " ".join(texts)


def conditions_of(table: SessionTable) -> list[tuple[str, str]]:
    """The conditions of `where` and `active`, each with its config key; none for true."""
    return [
        (key, condition)
        for key in ("where", "active")
        if key in table.expressions
        for condition in conjuncts(table.expressions[key])
        if condition.lower() != ALWAYS
    ]
