"""Options of the commands that change sessions: selection, number, and output."""

import json
from typing import Annotated

import typer

from exporter.cli import options
from exporter.config import Source, format_duration
from exporter.errors import UsageError
from exporter.recovery.rule.limits import Limits
from exporter.recovery.rule.session_id import GivenId
from exporter.text import shorten

Ids = Annotated[
    list[str] | None,
    typer.Option("--id", metavar="ID", help="Change only this session; may be repeated."),
]
OlderThan = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Change only sessions last seen longer ago, such as 1d."),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=1,
        metavar="N",
        help="Change at most N sessions, longest silent first.",
    ),
]
Show = Annotated[
    int,
    typer.Option("--show", min=0, max=options.MOST_ROWS, metavar="N", help="List N sessions."),
]


def limits_of(
    source: Source, ids: list[str] | None, older_than: str | None, most: int | None
) -> Limits:
    """The values of --id, --older-than and --limit; raises UsageError."""
    seconds = options.duration("--older-than", older_than)
    fixed = source.fixed_threshold
    if seconds is not None and fixed is not None and seconds < fixed:
        raise UsageError(
            f"--older-than: expected at least {format_duration(fixed)}, which is "
            f"orphaned_after of {source.name}, got '{older_than}'; a shorter silence "
            "does not make a session orphaned"
        )
    return Limits(plain_ids(ids), seconds, most)


def plain_ids(ids: list[str] | None) -> tuple[GivenId, ...]:
    """The values of --id, each once; raises UsageError."""
    return tuple(dict.fromkeys(_plain_id(each) for each in ids or ()))


def _plain_id(text: str) -> GivenId:
    """The value itself, or the elements of a JSON array: how an id is written in the audit.

    An id that looks like such an array has to be in one.
    """
    try:
        # A number is meant as it is written.
        elements = json.loads(text, parse_int=str, parse_float=str) if text[:1] == "[" else [text]
    except (ValueError, RecursionError):
        elements = [text]
    if not elements or not all(isinstance(each, str) for each in elements):
        raise UsageError(
            "--id: expected a value, or a JSON array with a text or number for each column of the "
            f"id, got {shorten(text)!a}"
        )
    values = tuple(options.plain_text("--id", each) for each in elements)
    return values[0] if len(values) == 1 else values
