"""Options that several commands share, and the parsing of their values."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from exporter.cli.config_path import DEFAULT_CONFIG, require_found
from exporter.cli.options import connection_strings
from exporter.cli.options.config_file import ConfigFile
from exporter.config import Config, Source, load_config, parse_duration
from exporter.errors import UsageError

DEFAULT_PORT = 10046

#: The most rows that a list has: they are all in memory, and take a few kilobytes each.
MOST_ROWS = 100_000

__all__ = ["DEFAULT_CONFIG", "ConfigFile"]  # beside what is defined here


class ListFormat(StrEnum):
    """How a list is printed."""

    TABLE = "table"
    JSON = "json"


Format = Annotated[ListFormat, typer.Option("--format", help="Output format.")]
ListenAddress = Annotated[
    str,
    typer.Option("--web.listen-address", metavar="[HOST]:PORT", help="Serve on this address."),
]
ASource = Annotated[
    str, typer.Argument(metavar="SOURCE", help="The name of a source in the config file.")
]
OneSource = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE",
        help="The name of a source in the config file; without it, all of them.",
        show_default=False,
    ),
]
ListLimit = Annotated[
    int,
    typer.Option("--limit", min=1, max=MOST_ROWS, metavar="N", help="List N rows per source."),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Carry out the plan. Without it, the plan is only shown.")
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch",
        min=1,
        max=10_000,
        metavar="N",
        help="Close N sessions per transaction; without it, as many as take 50 ms.",
        show_default=False,
    ),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Store this reason; `runs` lists it."),
]
Pause = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Pause between two transactions, such as 100ms."),
]


def load(path: Path) -> Config:
    """The config, if this version can connect to its databases; raises ExporterError."""
    require_found(path)
    config = load_config(path)
    connection_strings.require_valid(config)
    return config


def duration(option: str, text: str | None, *, may_be_zero: bool = False) -> float | None:
    """The seconds of an option's value, which may be 0 with `may_be_zero`; raises UsageError."""
    if may_be_zero and text is not None and re.fullmatch(r"\s*0+(ms|[smhd])?\s*", text):
        return 0.0
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}, got '{text}'") from None


def set_pace(source: Source, batch: int | None, pause: str | None) -> Source:
    """The source with --batch and --pause; by hand there is no pause but that.

    Without --batch, that of the config is only where a run by hand begins.
    """
    seconds = 0.0 if pause is None else duration("--pause", pause, may_be_zero=True)
    changes = {"pause": seconds} | ({} if batch is None else {"batch": batch})
    return source.model_copy(update={"recovery": source.recovery.model_copy(update=changes)})


def plain_text(option: str, text: str) -> str:
    """The option's value, if it can be sent to PostgreSQL; raises UsageError."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{option}: expected text in UTF-8, got {text!a}") from None
    if "\0" in text:
        raise UsageError(f"{option}: expected text without a zero byte, got {text!a}")
    return text


def parse_reason(reason: str | None) -> str | None:
    """The value of --reason, if it is one; raises UsageError."""
    if reason is not None and not plain_text("--reason", reason).strip():
        raise UsageError("--reason: expected a text, got nothing")
    return reason


def parse_address(text: str) -> tuple[str, int]:
    """Split [HOST]:PORT, with an IPv6 host in brackets; raises UsageError."""
    match = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^\[\]:]*)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65535:
        raise UsageError(
            f"--web.listen-address: expected [HOST]:PORT such as :{DEFAULT_PORT} or "
            f"127.0.0.1:{DEFAULT_PORT}, got '{text}'"
        )
    return match[1] or match[2] or "", int(match[3])
