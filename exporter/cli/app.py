"""The command line: its commands, and how an error becomes a sentence and an exit code."""

import importlib
import sys
from collections import UserDict
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from exporter.cli import VERSION_LINE
from exporter.errors import ExporterError
from exporter.text import printable_lines

#: The module of each command, in the order of --help. One is imported when it is asked for: all of
#: them take several times as long as most need. A command returns True where it has failed.
COMMANDS = {
    "run": "exporter.cli.commands.run",
    "check": "exporter.cli.commands.check",
    "once": "exporter.cli.commands.once",
    "orphans": "exporter.cli.commands.orphans",
    "schema": "exporter.cli.commands.schema",
    "demo": "exporter.cli.commands.demo",
    "recover": "exporter.cli.recovery.recover",
    "undo": "exporter.cli.recovery.undo",
    "runs": "exporter.cli.recovery.runs",
    "close": "exporter.cli.recovery.close",
    "pause": "exporter.cli.recovery.pause",
    "resume": "exporter.cli.recovery.resume",
    "sql": "exporter.cli.commands.sql",
}


class ImportedCommands(UserDict[str, Any]):
    """A command by its name; its module has a function or a group of that name."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer's command is private
        found = getattr(importlib.import_module(super().__getitem__(name)), name)
        parent = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=name)
        else:
            parent.command()(found)
        return typer.main.get_group(parent).commands[name]


class Commands(typer.core.TyperGroup):
    """Turns what a user can do something about into a sentence and an exit code."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - typer's own
        super().__init__(**settings)
        self.commands = ImportedCommands(COMMANDS)

    def invoke(self, ctx: Any) -> None:  # noqa: ANN401 - typer's own
        """Run the command; no traceback for an ExporterError."""
        try:
            has_failed = super().invoke(ctx)
        except ExporterError as error:
            print(f"session-exporter: {printable_lines(str(error))}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:  # the other end was closed, as `| head` does
            raise typer.Exit(0) from None
        if has_failed:
            raise typer.Exit(1)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Watches session tables in PostgreSQL for sessions that never end."""
    if show:
        print(VERSION_LINE)
        raise typer.Exit
