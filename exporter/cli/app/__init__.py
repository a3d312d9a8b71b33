"""The command line: its commands, and the exit code of one that has failed."""

import gc
import importlib
from collections.abc import Iterator
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from exporter import VERSION_LINE
from exporter.cli.app.help import complete_help
from exporter.cli.app.table import COMMANDS
from exporter.cli.output.terminal.interrupts import heed_interrupts


class ImportedCommands(dict[str, Any]):
    """A command by its name; its module has a function or a group of that name.

    One is imported when it is asked for: all of them take several times as long as most need.
    """

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(COMMANDS))

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer's command is private
        found = getattr(importlib.import_module(COMMANDS[name].module), name)
        heed_interrupts()
        # Modules live as long as the process: two thirds of what a full collection would visit.
        gc.freeze()
        parent = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=name)
        else:
            parent.command()(found)
        command = typer.main.get_group(parent).commands[name]
        complete_help(command, name)
        return command

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as of dict
        return self[name] if name in COMMANDS else default


class Commands(typer.core.TyperGroup):
    """The commands by name."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - typer's own
        super().__init__(**settings)
        self.commands = ImportedCommands()

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 - typer's own
        """Write the commands below their headings, without importing them."""
        for heading, rows in _headings():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> None:  # noqa: ANN401 - typer's own
        """Run the command; raises ExporterError, which main() reports."""
        if super().invoke(ctx):
            raise typer.Exit(1)


def _headings() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    width = max(map(len, COMMANDS))
    for heading in dict.fromkeys(each.heading for each in COMMANDS.values()):
        yield (
            heading,
            [
                (name.ljust(width), each.summary)
                for name, each in COMMANDS.items()
                if each.heading == heading
            ],
        )


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
