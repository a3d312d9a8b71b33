"""Takes conditions apart: what AND joins, and the columns of which they admit one value."""

from exporter.config.fields.sql_lexer import Token, tokens
from exporter.sessions.sql_names import code, without_alias

#: What binds weaker than AND, or has an AND of its own.
_INDIVISIBLE = {"or", "between"}
#: What is said of a boolean.
_STATES = [["is", "true"], ["is", "false"], ["is", "not", "true"], ["is", "not", "false"]]
#: Between the names of types, and words that are no part of one.
_IN_CASTS = {":", ".", "[", "]"}
_OPERATORS = {"and", "or", "is", "in", "not", "between", "like", "ilike"}
_OPENS, _CLOSES = {"(", "[", "case"}, {")", "]", "end"}


def conjuncts(sql: str) -> list[str]:
    """The conditions that AND joins, without comments; the whole where it cannot tell."""
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

    Also `a IS NULL`, `a IS TRUE` and the like. None where there is no such column, or it cannot
    tell.
    """
    pieces = code(without_alias(condition))
    is_negated = pieces[0].text.lower() == "not"
    name, *rest = pieces[is_negated:] or [Token("other", "")]
    words = [token.text.lower() for token in rest]
    if is_negated:
        is_fixed = words in _STATES
    else:
        is_fixed = words in [*_STATES, ["is", "null"], ["is", "unknown"]] or _is_constant(rest)
    return name.value if name.value and (not words or is_fixed) else None


def _is_constant(comparison: list[Token]) -> bool:
    """Whether it is `=` and a literal, perhaps with casts: `= 'open'::public.state`."""
    if len(comparison) < 2 or comparison[0].text != "=":
        return False
    value, *casts = comparison[1:]
    is_literal = value.kind == "string" or value.text[:1].isdigit()
    is_literal = is_literal or value.text.lower() in {"true", "false", "null"}
    has_casts_alone = not casts or [each.text for each in casts[:2]] == [":", ":"]
    return (
        is_literal
        and has_casts_alone
        and all(each.kind in {"word", "quoted"} or each.text in _IN_CASTS for each in casts)
        and not {each.value for each in casts} & _OPERATORS
    )
