"""The tokens of an SQL or PL/pgSQL template, and where its conditions, columns and calls are.

White space, comments and the case of words do not matter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<skipped>\s+|--[^\n]*)|'(?:[^']|'')*'|\{\w+\}|\w+|::|:=|->>|->|\|\||<>|<=|>=|.", re.DOTALL
)
#: What a condition ends at, at its own depth of brackets.
_AFTER_CONDITION = {
    "and",
    "or",
    "where",
    "join",
    "left",
    "group",
    "order",
    "limit",
    "offset",
    "for",
}
_AFTER_CONDITION |= {"union", "returning"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token, where it is in the text, and in how many brackets."""

    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        return self.text.lower()


@dataclass(frozen=True, slots=True)
class Span:
    """Some tokens in a row."""

    tokens: tuple[Token, ...]

    @property
    def words(self) -> list[str]:
        return [token.word for token in self.tokens]

    def replaced(self, text: str, instead: str) -> str:
        """Return the text with something else in the place of these tokens."""
        return text[: self.tokens[0].start] + instead + text[self.tokens[-1].end :]


def tokens(text: str) -> list[Token]:
    """Read the tokens; an opening bracket and the one that closes it have the depth outside."""
    found, depth = [], 0
    for match in _TOKEN.finditer(text):
        if match["skipped"]:
            continue
        depth -= match[0] == ")"
        found.append(Token(match[0], match.start(), match.end(), depth))
        depth += match[0] == "("
    assert depth == 0, "the brackets do not match"
    return found


def sequences(text: str, words: str) -> list[Span]:
    """Find where these words come one after the other."""
    wanted, found = [each.word for each in tokens(words)], tokens(text)
    return [
        Span(tuple(found[at : at + len(wanted)]))
        for at in range(len(found))
        if [each.word for each in found[at : at + len(wanted)]] == wanted
    ]


def conditions(text: str) -> list[Span]:
    """Find the parts between AND of each WHERE and ON."""
    found, spans = tokens(text), []
    for at, token in enumerate(found):
        starts = token.word in {"where", "and"} or (
            token.word == "on" and found[at - 1].word != "distinct"
        )
        if starts:
            span = tuple(_until(found[at + 1 :], token.depth, _AFTER_CONDITION))
            spans += [Span(span)] if span else []
    return spans


def branches(text: str) -> list[Span]:
    """Find the conditions of IF … THEN."""
    found, spans = tokens(text), []
    for at, token in enumerate(found):
        if token.word == "if" and found[at - 1].word != "end":
            spans.append(Span(tuple(_until(found[at + 1 :], token.depth, {"then"}))))
    return spans


def column(text: str, alias: str) -> list[Span]:
    """Find the expressions that a SELECT or RETURNING calls by this name."""
    spans = []
    for name in sequences(text, f"AS {alias}"):
        as_ = name.tokens[0]
        before = [each for each in tokens(text) if each.end <= as_.start]
        taken: list[Token] = []
        for token in reversed(before):
            outside = token.depth < as_.depth or (token.depth == as_.depth and token.text == ",")
            if outside or (token.word in {"select", "returning"} and token.depth == as_.depth):
                break
            taken.insert(0, token)
        spans.append(Span(tuple(taken)))
    return spans


def bracketed(text: str, words: str) -> list[Span]:
    """Find these words with the brackets that follow them: a call, or DISTINCT ON (…)."""
    found, spans = tokens(text), []
    for head in sequences(text, words):
        at = found.index(head.tokens[-1]) + 1
        if at < len(found) and found[at].text == "(":
            last = next(
                n
                for n, each in enumerate(found)
                if n > at and each.text == ")" and each.depth == found[at].depth
            )
            spans.append(Span((*head.tokens, *found[at : last + 1])))
    return spans


def locking_clauses(text: str) -> list[Span]:
    """Find FOR UPDATE with OF, NOWAIT or SKIP LOCKED."""
    found, spans = tokens(text), []
    for head in sequences(text, "FOR UPDATE"):
        clause = list(head.tokens)
        for token in found[found.index(head.tokens[-1]) + 1 :]:
            is_table = clause[-1].word in {"of", ","}
            if not is_table and token.word not in {"of", "nowait", "skip", "locked", ","}:
                break
            clause.append(token)
        spans.append(Span(tuple(clause)))
    return spans


def _until(found: list[Token], depth: int, ends: set[str]) -> Iterator[Token]:
    for token in found:
        if token.depth < depth or (
            token.depth == depth and (token.word in ends or token.text in {",", ";"})
        ):
            return
        yield token
