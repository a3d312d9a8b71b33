"""Takes conditions apart: what AND joins, and the columns of which they admit one value."""

from exporter.config.fields.sql_lexer import tokens
from exporter.sessions.sql_names import code, without_alias

#: What binds weaker than AND, or has an AND of its own.
_INDIVISIBLE = {"or", "between"}
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
    name, *rest = pieces[is_negated:]
    words = [token.text.lower() for token in rest]
    is_test = words[:1] == ["is"] and words[-1] in {"null", "true", "false"}
    is_fixed = is_test and words != ["is", "not", "null"]
    is_equal = words[:1] == ["="] and not is_negated
    return name.value if name.value and (not words or is_fixed or is_equal) else None
