"""The command line itself: its groups, shared options, and what becomes of an error."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from exporter import __version__
from exporter.cli.output import report
from exporter.errors import ExporterError

DEFAULT_CONFIG = Path("config.yaml")


class Commands(typer.core.TyperGroup):
    """Turns what a user can do something about into a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own signature
        """Run the command; no traceback for an ExporterError."""
        try:
            return super().invoke(ctx)
        except ExporterError as error:
            print(f"session-exporter: {report.printable_lines(str(error))}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            # Somebody closed the other end, as `| head` does; Python would complain at exit.
            sys.stdout = None
            raise typer.Exit(0) from None


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Watches session tables in PostgreSQL for sessions that never end.",
)
sql = typer.Typer(no_args_is_help=True, help="Print SQL for a DBA to read and run.")
app.add_typer(sql, name="sql")

ConfigFile = Annotated[
    Path, typer.Option("--config.file", "-c", metavar="FILE", help="The config file.")
]
OneSource = Annotated[str | None, typer.Argument(metavar="[SOURCE]", show_default=False)]


class ListFormat(StrEnum):
    """What `orphans` and `check --live` can print."""

    TABLE = "table"
    JSON = "json"


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Watches session tables in PostgreSQL for sessions that never end."""
    if show:
        print(f"session-exporter {__version__}")
        raise typer.Exit
