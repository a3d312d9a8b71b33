"""Options that several commands share, and what their values mean."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from exporter.cli import connection_strings
from exporter.config import Config, Source, load_config, parse_duration
from exporter.errors import UsageError

DEFAULT_CONFIG = Path("config.yaml")
DEFAULT_PORT = 10046


class ListFormat(StrEnum):
    """How a list is printed."""

    TABLE = "table"
    JSON = "json"


Format = Annotated[ListFormat, typer.Option("--format", help="Output format.")]
ConfigFile = Annotated[
    Path, typer.Option("--config.file", "-c", metavar="FILE", help="The config file.")
]
ListenAddress = Annotated[
    str, typer.Option("--web.listen-address", metavar="[HOST]:PORT", help="Where to listen.")
]
ASource = Annotated[str, typer.Argument(metavar="SOURCE")]
OneSource = Annotated[str | None, typer.Argument(metavar="[SOURCE]", show_default=False)]
Yes = Annotated[
    bool, typer.Option("--yes", help="Carry out the plan. Without it, the plan is only shown.")
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch",
        min=1,
        max=10_000,
        help="Sessions per transaction. Without it, as many as 50 ms are enough for.",
        show_default=False,
    ),
]
Reason = Annotated[
    str | None,
    typer.Option(
        "--reason", metavar="TEXT", help="The reason, which is stored and listed by runs."
    ),
]
Pause = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Pause between transactions; none without it."),
]


def load(path: Path) -> Config:
    """The config, if this version can connect to its databases; raises ExporterError."""
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


def given_reason(reason: str | None) -> str | None:
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
