"""Finds the names in SQL expressions."""

from itertools import pairwise

from exporter.config.fields.sql_lexer import Token, tokens

#: What every expression calls the row.
ALIAS = "s"

_START = Token("other", "")
_DOT = Token("other", ".")


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
