"""Ways to take a guard out of a template: each says what it takes out, and fails unless it is there
just once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.support.recovery.statements import tokens
from tests.support.recovery.statements.tokens import Span


@dataclass(frozen=True)
class Change:
    """A change of a template's text, and what it does in words."""

    name: str
    make: Callable[[str], str]

    def __str__(self) -> str:
        return self.name


def without_condition(mentioned: str) -> Change:
    """Take the condition that mentions a placeholder or a column for true."""
    return Change(
        f"without the condition on {mentioned}",
        lambda text: _only(_mentioning(tokens.conditions(text), mentioned)).replaced(text, "true"),
    )


def without_branch(mentioned: str) -> Change:
    """Never take the IF whose condition mentions this."""
    return Change(
        f"without the branch on {mentioned}",
        lambda text: _only(_mentioning(tokens.branches(text), mentioned)).replaced(text, "false"),
    )


def without_lock() -> Change:
    """Lock no row."""
    return Change(
        "without its lock", lambda text: _only(tokens.locking_clauses(text)).replaced(text, "")
    )


def with_lock(strength: str) -> Change:
    """Lock rows with another strength than FOR UPDATE."""
    return Change(
        f"with the lock {strength}",
        lambda text: _only(tokens.sequences(text, "FOR UPDATE")).replaced(text, strength),
    )


def without_words(words: str) -> Change:
    """Leave out a clause that is these words, such as SKIP LOCKED."""
    return Change(
        f"without {words}", lambda text: _only(tokens.sequences(text, words)).replaced(text, "")
    )


def without_brackets(words: str) -> Change:
    """Leave out these words and the brackets after them, such as DISTINCT ON (…)."""
    return Change(
        f"without {words}", lambda text: _only(tokens.bracketed(text, words)).replaced(text, "")
    )


def with_call(function: str, value: str) -> Change:
    """Put a value in the place of the call of a function."""
    return Change(
        f"with {value} for {function}()",
        lambda text: _only(tokens.bracketed(text, function)).replaced(text, value),
    )


def with_column(alias: str, value: str) -> Change:
    """Put a value in the place of an expression in a SELECT or RETURNING."""
    return Change(
        f"with {value} for {alias}",
        lambda text: _only(tokens.column(text, alias)).replaced(text, value),
    )


def with_setting(name: str, value: str) -> Change:
    """Set a parameter of PostgreSQL to another value."""

    def make(text: str) -> str:
        call = _only(_mentioning(tokens.bracketed(text, "set_config"), f"'{name}'"))
        literal = call.tokens[4]  # set_config ( 'name' , 'value'
        assert literal.text.startswith("'"), f"{name} is set to {literal.text}"
        return Span((literal,)).replaced(text, f"'{value}'")

    return Change(f"with {name} = {value}", make)


def _mentioning(spans: Sequence[Span], mentioned: str) -> list[Span]:
    return [span for span in spans if mentioned.lower() in span.words]


def _only(spans: Sequence[Span]) -> Span:
    assert len(spans) == 1, f"expected one place, found {len(spans)}"
    return spans[0]
