"""What was found as a commented config.yaml."""

import itertools
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from exporter.discover.proposal import Line, SourceProposal, Survey
from exporter.text import number_of, printable

WIDTH = 100

#: Keys whose value is SQL, and stands in a block unless it is one word.
_SQL = frozenset(
    {
        "table",
        "where",
        "active",
        "started_at",
        "last_seen_at",
        "ended_at",
        "duration",
        "id",
        "owner",
    }
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(?:\.[A-Za-z_][A-Za-z0-9_$]*)?")

#: Plain words that YAML reads as something else than a text.
_NO_TEXT = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))


def as_yaml(survey: Survey, *, variable: str) -> str:
    """The file: the database by a variable of the environment, and each source with reasons."""
    lines = [
        *_head(survey),
        "",
        "databases:",
        "  app:",
        f"    dsn: ${{{variable}}}",
        "",
    ]
    lines += ["sources:"] if survey.live else ["sources: {}  # none is sure: see the questions"]
    for source in sorted(survey.sources, key=lambda each: not each.is_live):
        lines += _source(source)
    if survey.left_out:
        lines += ["", "# Left out, because they are no session tables:"]
        for each in survey.left_out:
            lines += _comment(f"{each.table}: {each.reason}", hanging=True)
    return "\n".join(lines) + "\n"


def _head(survey: Survey) -> Iterator[str]:
    server = survey.server
    asked = sum(not each.is_live for each in survey.sources)
    found = (
        f"{number_of(len(survey.live), 'source', 'sources')} and "
        f"{number_of(asked, 'table', 'tables')} commented out with questions"
    )
    of = f"{number_of(survey.tables, 'table', 'tables')} of database {server.database}"
    yield from _comment(
        f"Written by `session-exporter init`: {found}, of {of} on PostgreSQL {server.version}, as "
        f"the role {server.role} sees them. Every line says what was seen; what is commented out "
        "with QUESTION has no effect until it is answered."
    )
    if server.is_standby:
        yield from _comment(
            "The server is a standby: it can be collected from, and closes nothing."
        )
    if server.is_pooled:
        yield from _comment("The connection goes through a pooler; its transaction mode suffices.")
    if not survey.reads_data:
        yield from _comment(
            "Only the catalog and statistics were read (--catalog-only), and no row."
        )
    for each in survey.unseen:
        yield from _comment(f"Not seen: {each}", hanging=True)


def _source(source: SourceProposal) -> Iterator[str]:
    yield ""
    if source.application is not None:
        yield from _comment(f"{source.application}.", "  ")
    for question in source.questions:
        yield from _comment(f"QUESTION ({question.key}): {question.text}", "  ", hanging=True)
    if source.questions:
        yield from _comment(f"To answer: {_how_to_answer(source)}", "  ", hanging=True)
    for remark in source.remarks:
        yield from _comment(remark, "  ", hanging=True)
    body = [f"{_scalar(source.name, is_key=True)}:"]
    for line in source.lines:
        text = _line(line)
        body += _commented(text) if line.is_suggestion else text
    body += _recovery(source)
    indented = [f"  {each}" if each else each for each in body]
    yield from indented if source.is_live else (f"  # {each[2:]}" for each in indented)


def _how_to_answer(source: SourceProposal) -> str:
    """By an edit, or by an option of `init`."""
    name = printable(source.name)
    if source.is_live:
        keys = dict.fromkeys(each.key for each in source.questions)
        options = " or ".join(f"--set {name}.{key}=VALUE" for key in keys)
        return f"the source works as it is; edit the value, or run init with {options}"
    return (
        "correct the lines below and remove their `#` (and a `{}` after `sources:`), or run "
        f"init with --accept {name} or --omit {name}; --set {name}.KEY=VALUE changes a value"
    )


def _recovery(source: SourceProposal) -> Iterator[str]:
    """Always commented out: a guessed write must not be one word from `auto`."""
    if source.no_recovery is not None:
        yield from (
            f"  {each}"
            for each in _comment(f"No recovery by SQL: {source.no_recovery}", hanging=True)
        )
    if not source.recovery:
        return
    lines = [
        "recovery:                      # what your own end call writes: compare first",
        "  set:",
    ]
    for each in source.recovery:
        lines += [f"  {text}" for text in _line(each, is_sql=True)]
    yield from _commented(f"  {each}" for each in lines)


def _commented(lines: Iterable[str]) -> list[str]:
    return [f"  # {each[2:]}" for each in lines]


def _line(line: Line, *, is_sql: bool = False) -> list[str]:
    """The lines of a key, indented by two."""
    comment = f"  # {printable(line.because)}" if line.because else ""
    value = _without_variables(line.value)
    return _entry("  ", line.key, value, comment, is_sql=is_sql or line.key in _SQL)


def _without_variables(value: Any) -> Any:  # noqa: ANN401 - of any key
    """The value where `${` in a name or a text is no variable of the environment."""
    match value:
        case str():
            return value.replace("${", "$${")
        case dict():
            return {key: _without_variables(each) for key, each in value.items()}
        case list():
            return [_without_variables(each) for each in value]
    return value


def _entry(indent: str, key: str, value: Any, comment: str, *, is_sql: bool) -> list[str]:  # noqa: ANN401 - of any key
    """A key with its value: SQL that is more than a word is a block, and so is what holds SQL."""
    start = f"{indent}{_scalar(key, is_key=True)}:"
    if isinstance(value, dict) and any(_needs_block(each) for each in value.values()):
        inner = [_entry(f"{indent}  ", *each, "", is_sql=True) for each in value.items()]
        return [*_fit(start, comment), *itertools.chain(*inner)]
    if is_sql and isinstance(value, str) and _needs_block(value):
        block = textwrap.indent(value.strip(), f"{indent}  ")
        return [*_fit(f"{start} |", comment), *block.splitlines()]
    return _fit(f"{start} {_value(value)}", comment)


def _needs_block(value: object) -> bool:
    is_text = isinstance(value, str) and not value.startswith("{")
    return isinstance(value, dict) or (is_text and not _is_word(str(value)))


def _fit(text: str, comment: str) -> list[str]:
    """The line with its comment behind it, or above it where both are too long."""
    if len(text) + len(comment) <= WIDTH:
        return [text + comment]
    indent = text[: len(text) - len(text.lstrip())]
    return [*_comment(comment.strip().removeprefix("# "), indent), text]


def _value(value: Any) -> str:  # noqa: ANN401 - of any key
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _scalar(value)


def _scalar(value: Any, *, is_key: bool = False) -> str:  # noqa: ANN401 - of any key
    text = str(value)
    is_plain = _is_word(text) or (not is_key and re.fullmatch(r"[0-9]+[smhd]([0-9]+[smh])*", text))
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None and text.lower() not in _NO_TEXT


def _comment(text: str, indent: str = "", *, hanging: bool = False) -> list[str]:
    lines = textwrap.wrap(
        printable(text),
        WIDTH - len(indent) - 2,
        subsequent_indent="  " if hanging else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [f"{indent}# {each}" for each in lines]
