"""The command line: its commands, and the exit code of one that has failed."""

import gc
import importlib
from collections import UserDict
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from exporter import VERSION_LINE

#: The module of each command, in the order of --help. One is imported when it is asked for: all of
#: them take several times as long as most need. A command returns True where it has failed.
COMMANDS = {
    "run": "exporter.cli.commands.run",
    "check": "exporter.cli.commands.check",
    "once": "exporter.cli.commands.once",
    "orphans": "exporter.cli.commands.orphans",
    "inconsistent": "exporter.cli.commands.inconsistent",
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
        # Modules live as long as the process: two thirds of what a full collection would visit.
        gc.freeze()
        parent = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=name)
        else:
            parent.command()(found)
        return typer.main.get_group(parent).commands[name]


class Commands(typer.core.TyperGroup):
    """The commands by name, each imported when it is asked for."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - typer's own
        super().__init__(**settings)
        self.commands = ImportedCommands(COMMANDS)

    def invoke(self, ctx: Any) -> None:  # noqa: ANN401 - typer's own
        """Run the command; raises ExporterError, which main() reports."""
        if super().invoke(ctx):
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
