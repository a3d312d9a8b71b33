"""The command line: its commands, and how an error becomes a sentence and an exit code."""

import sys
from typing import Annotated, Any

import typer
import typer.core

from exporter import __version__
from exporter.cli.commands import check, demo, once, orphans, run, schema, sql
from exporter.cli.recovery import close, pause, recover, runs, undo
from exporter.errors import ExporterError
from exporter.text import printable_lines


class Commands(typer.core.TyperGroup):
    """Turns what a user can do something about into a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own signature
        """Run the command; no traceback for an ExporterError."""
        try:
            return super().invoke(ctx)
        except ExporterError as error:
            print(f"session-exporter: {printable_lines(str(error))}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            # The other end was closed, as `| head` does; Python would complain at exit.
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
#: In the order of --help.
WATCHING = (run.run, check.check, once.once, orphans.orphans, schema.schema, demo.demo)
CLOSING = (recover.recover, undo.undo, runs.runs, close.close, pause.pause, pause.resume)
for command in (*WATCHING, *CLOSING):
    app.command()(command)
app.add_typer(sql.commands, name="sql")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Watches session tables in PostgreSQL for sessions that never end."""
    if show:
        print(f"session-exporter {__version__}")
        raise typer.Exit
