r"""Splits SQL into tokens as PostgreSQL does, and refuses SQL in which something stays open.

The rules are those of the PostgreSQL documentation, "Lexical Structure", with
standard_conforming_strings on: a backslash escapes only inside E'…', and comments nest.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["word", "quoted", "string", "space", "other"]

# A name begins with a letter, `_` or anything beyond ASCII, and goes on with digits too. Both are
# written as what they are not: a class up to the last character takes far longer to compile.
_START = r"[^\x00-@\[-^`{-\x7f]"
_MORE = r"[^\x00-/:-@\[-^`{-\x7f]"

# An E'…' goes on behind white space with a line break, and there a backslash escapes too. Each
# alternative begins differently, so that an expression that never ends is found in linear time.
_TOKEN = re.compile(
    r"""
    (?P<line_comment>--[^\n\r]*)
    | (?P<block_comment>/\*)
    | (?P<comment_end>\*/(?!\*))
    | (?P<string>
        [eE]'(?:[^'\\]|\\.|''|'{goes_on}')*'(?!'|{goes_on}')
        | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'(?!')
        | \$(?P<tag>(?:{start}{more}*)?)\$.*?\$(?P=tag)\$
      )
    | (?P<quoted>(?:[uU]&)?"(?:[^"]|"")*"(?!"))
    | (?P<open>(?:[eEbBxXnN]|[uU]&)?'|(?:[uU]&)?"|\$(?:{start}{more}*)?\$)
    | (?P<word>{start}(?:{more}|\$)*)
    | (?P<number>\$?\d[\w.]*)
    | (?P<space>[ \t\n\r\f\v]+)
    | (?P<other>.)
    """.replace("{start}", _START)
    .replace("{more}", _MORE)
    .replace("{goes_on}", r"[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*"),
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_CLOSES = {")": "(", "]": "["}
#: In bytes; PostgreSQL cuts longer names silently (NAMEDATALEN).
LONGEST_NAME = 63
_OPENED = {"'": "string", '"': "quoted name", "$": "dollar quote"}


class Token(NamedTuple):
    """One piece of SQL. `value` is the name that a word or quoted identifier means."""

    kind: Kind
    text: str
    value: str = ""


class IncompleteSqlError(ValueError):
    """A bracket, a quote or a comment has no counterpart; the text says which, and where."""

    def __init__(self, sql: str, position: int, problem: str, *, is_open: bool) -> None:
        before = sql[:position]
        line = f"line {before.count(chr(10)) + 1}, " if "\n" in sql else ""
        character = position - before.rfind("\n")
        super().__init__(problem.format(f"at {line}character {character}"))
        self.is_open = is_open  # at the end of the SQL, so that the rest of it may be missing


def tokens(sql: str) -> Iterator[Token]:
    """Yield the tokens in order; a comment is the white space that it stands for.

    Raises IncompleteSqlError for a quote or a comment that does not end.
    """
    return (token for _, token in _tokens(sql))


def check_complete(sql: str) -> None:
    """Raise IncompleteSqlError unless each bracket, quote and comment has its counterpart."""
    opened: list[tuple[str, int]] = []
    for position, token in _tokens(sql):
        if token.text in _CLOSES.values():
            opened.append((token.text, position))
        elif token.text in _CLOSES:
            bracket, _ = opened.pop() if opened else ("", 0)
            if bracket != _CLOSES[token.text]:
                closed = f"a {bracket}" if bracket else "no bracket"
                problem = f"the {token.text} {{}} closes {closed}"
                raise IncompleteSqlError(sql, position, problem, is_open=False)
    if opened:
        bracket, position = opened[-1]
        raise IncompleteSqlError(sql, position, f"the {bracket} {{}} is not closed", is_open=True)


def escape_strings(sql: str) -> str:
    r"""The same SQL, with strings that standard_conforming_strings does not change.

    Each '…' becomes E'…' with its backslashes doubled, where there is one at all. What PostgreSQL
    refuses with the setting off stays as it is: U&'…'.
    """
    if "\\" not in sql:
        return sql
    parts, done, string_ends = list[str](), 0, -1
    is_escaped = False
    for start, token in _tokens(sql):
        if token.kind == "space":
            continue
        if token.kind != "string":
            string_ends = -1
            continue
        # A string goes on behind white space with a line break, and is of the kind that it began.
        is_plain, gap = token.text.startswith("'"), sql[max(string_ends, 0) : start]
        goes_on = is_plain and string_ends >= 0 and re.search(r"[\n\r]", gap) is not None
        is_escaped = is_escaped if goes_on else is_plain
        string_ends = start + len(token.text)
        if is_escaped:
            # Behind a word, such as LIKE'\_', an E would be its last letter.
            prefix = "" if goes_on else " E" if re.match(r"[\w$]", sql[start - 1 : start]) else "E"
            parts += sql[done:start], prefix, token.text.replace("\\", "\\\\")
            done = string_ends
    return "".join([*parts, sql[done:]])


def fold(name: str) -> str:
    """An unquoted name folded to lower case, ASCII letters only (scansup.c)."""
    if name.isascii():
        return name.lower()
    return "".join(each.lower() if each.isascii() else each for each in name)


def _truncated(name: str) -> str:
    """A name as truncated by PostgreSQL: 63 bytes of whole characters."""
    if len(name) <= LONGEST_NAME // 4:
        return name
    return name.encode(errors="replace")[:LONGEST_NAME].decode(errors="ignore")


def _tokens(sql: str) -> Iterator[tuple[int, Token]]:
    """Yield the tokens, each with its position."""
    position = 0
    while match := _TOKEN.match(sql, position):
        start, position, text = position, match.end(), match[0]
        match match.lastgroup:
            case "line_comment" | "block_comment":
                if text == "/*":
                    position = _end_of_comment(sql, start)
                yield start, Token("space", " ")
            case "comment_end":
                raise IncompleteSqlError(sql, start, "the */ {} ends no comment", is_open=False)
            case "open":
                problem = f"the {_OPENED[text[-1]]} {{}} does not end"
                raise IncompleteSqlError(sql, start, problem, is_open=True)
            case "quoted":
                name = text[text.index('"') + 1 : -1].replace('""', '"')
                yield start, Token("quoted", text, _truncated(name))
            case "word":
                yield start, Token("word", text, _truncated(fold(text)))
            case "space":
                yield start, Token("space", text)
            case "string":
                yield start, Token("string", text)
            case _:
                yield start, Token("other", text)


def _end_of_comment(sql: str, start: int) -> int:
    """Return where the block comment that starts here ends; they nest."""
    position, depth = start + 2, 1
    while depth:
        edge = _COMMENT_EDGE.search(sql, position)
        if edge is None:
            raise IncompleteSqlError(sql, start, "the comment {} does not end", is_open=True)
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position
