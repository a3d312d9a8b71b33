"""Whether an expression can be part of an index: only what is immutable can.

PostgreSQL alone knows, and says so only when the index is created. So this rather suspects too
much than too little: a command that is printed must work.
"""

import re
from collections.abc import Iterable

from exporter.config.fields.sql_lexer import Token
from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions.relation import Relation
from exporter.sessions.sql_names import ALIAS, calls, code, uses_whole_row

# What follows from settings such as TimeZone is not immutable. Whether a cast does depends on what
# it starts from; these targets are reached by immutable ways only.
_SAFE_CASTS = {"smallint", "int2", "integer", "int", "int4", "bigint", "int8", "boolean", "bool"}
_SAFE_CASTS |= {"numeric", "decimal", "real", "float4", "float8", "double", "uuid"}
# How these are written depends on no setting.
_TEXTS = {"text", "varchar"}
_WRITTEN_ALIKE = {"text", "character varying", "character", "smallint", "integer", "bigint"}
_WRITTEN_ALIKE |= {"numeric", "boolean", "uuid", "json", "jsonb"}
_UNSTABLE = {"select", "localtime", "localtimestamp", "session_user", "user", "timestamp"}
_UNSTABLE |= {"timestamptz", "date", "time", "timetz", "interval"}
# Written like functions, these are casts, and what they start from is anything.
_CASTS_BY_NAME = {"text", "varchar", "bpchar", "name"}
_MAKES = {"make_date", "make_time", "make_timestamp", "make_interval"}
_TIMES = ("timestamp", "date", "time")
_INSTANT = "timestamp with time zone"
_NOTHING = Token("other", "")


async def instability(reader: Reader, relation: Relation, texts: Iterable[str]) -> str | None:
    """What in the expressions may give another result for the same row; None: nothing."""
    for text in texts:
        if called := calls(text):
            listed = ", ".join(literal(name) for name in sorted(called))
            (result,) = await reader.read(fill("catalog/volatile", names=listed))
            if result.rows:
                return f"{result.rows[0][0]}()"
        if reason := _instability(relation, text):
            return reason
    return None


def _instability(relation: Relation, text: str) -> str | None:
    if uses_whole_row(text):
        return "the whole row"
    types = {_type(relation, name) for name in relation.columns_in([text])}
    pieces = [_NOTHING, *code(text), _NOTHING]
    for n in range(1, len(pieces) - 1):
        reason = _cast(relation, pieces, n) or _word(pieces, n) or _operator(pieces, n, types)
        if reason:
            return reason
    return _mixture(types, calls(text))


def _type(relation: Relation, column: str) -> str:
    """The type of a column without its precision: timestamp(3) with time zone has it inside."""
    return re.sub(r"\(.*?\)", "", relation.columns[column].type)


def _cast(relation: Relation, pieces: list[Token], n: int) -> str | None:
    """Whether `pieces[n]` is the target of a cast that may depend on a setting."""
    before, token = pieces[n - 1], pieces[n]
    if before.text == ":" and token.text != ":":
        said, operand_end = f"::{token.text}", n - 3
        is_column = _is_alike(relation, pieces, operand_end)
    elif before.value == "as" and "cast" in {each.value for each in pieces}:
        said, operand_end = f"CAST to {token.text}", n - 2
        opens = pieces[_start_of_name(pieces, operand_end) - 1]
        is_column = opens.text == "(" and _is_alike(relation, pieces, operand_end)
    elif token.value in _CASTS_BY_NAME and pieces[n + 1].text == "(":
        return f"{token.text}()"
    else:
        return None
    is_literal = pieces[operand_end].kind == "string"
    if _is_array(pieces, n):
        is_safe = token.value in _SAFE_CASTS | _TEXTS and is_literal
    else:
        is_safe = token.value in _SAFE_CASTS or (
            token.value in _TEXTS and (is_literal or is_column)
        )
    return None if is_safe else said


def _is_array(pieces: list[Token], n: int) -> bool:
    """Whether the type that begins at `n` is one of arrays, which are read by settings."""
    after = n + 1
    if pieces[after].text == "(":
        while after < len(pieces) - 2 and pieces[after].text != ")":
            after += 1
        after += 1
    return pieces[after].text == "[" or pieces[after].value == "array"


def _start_of_name(pieces: list[Token], end: int) -> int:
    """Where the possibly qualified name that ends at `end` begins."""
    return end - 2 if end >= 3 and pieces[end - 1].text == "." else end


def _is_alike(relation: Relation, pieces: list[Token], end: int) -> bool:
    """Whether what ends there is a column that is written alike whatever the settings are."""
    start = _start_of_name(pieces, end)
    name, before = pieces[end], pieces[start - 1]
    if start != end and pieces[start].value != ALIAS:
        return False
    if name.kind not in {"word", "quoted"} or name.value not in relation.columns:
        return False
    is_plain = before.text not in {".", ":"}
    return is_plain and _type(relation, name.value) in _WRITTEN_ALIKE


def _word(pieces: list[Token], n: int) -> str | None:
    token = pieces[n]
    is_word = token.kind == "word" and pieces[n - 1].text != "."
    is_unstable = token.value in _UNSTABLE or token.value.startswith("current_")
    return token.text if is_word and is_unstable else None


def _operator(pieces: list[Token], n: int, types: set[str]) -> str | None:
    """Whether `pieces[n]` adds a text to a timestamp, as an interval, or joins texts."""
    before, token, after = pieces[n - 1 : n + 2]
    if token.text in {"+", "-"} and "string" in {before.kind, after.kind} and _has(types, _INSTANT):
        return f"{token.text} beside {_INSTANT}"
    if token.text == after.text == "|":
        is_alike = types <= _WRITTEN_ALIKE and not _MAKES & {each.value for each in pieces}
        return None if is_alike else "||"
    return None


def _mixture(types: set[str], called: set[str]) -> str | None:
    """What takes the TimeZone setting to compare, or to add: a day is not always 24 hours."""
    times = sorted(each for each in types if each.startswith(_TIMES))
    if _has(types, _INSTANT) and (_has(types, "interval") or "make_interval" in called):
        times = ["interval", _INSTANT]
    return f"{' and '.join(times)} side by side" if len(times) > 1 else None


def _has(types: set[str], wanted: str) -> bool:
    """Whether a type is among others: arrays of it, and intervals of some fields, count too."""
    return any(each.startswith(wanted) for each in types)
