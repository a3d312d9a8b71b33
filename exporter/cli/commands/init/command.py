"""`session-exporter init`: writes a config file for the session tables of a database."""

from pathlib import Path
from typing import Annotated

import typer

from exporter.cli.commands.init.answers import parse_answers
from exporter.cli.commands.init.connection import FoundDatabase, find_connection, parse_variable
from exporter.cli.commands.init.output import InitFormat, print_found, require_new, write
from exporter.cli.commands.init.work import survey_database
from exporter.cli.config_path import new_config
from exporter.discover.survey import Scope

_ANSWER = "SOURCE.KEY=VALUE"


def init(  # noqa: PLR0917 - typer passes them by name
    dsn: Annotated[
        str | None,
        typer.Argument(
            metavar="DSN",
            help="A connection string. Without it: the variable, else libpq's PG* variables, else "
            "a question on a terminal.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write this file, which may not exist yet; - is stdout. Without it: the config "
            "file of other commands, and stdout with --format json.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        InitFormat, typer.Option("--format", help="How the output is written.")
    ] = InitFormat.YAML,
    variable: Annotated[
        str,
        typer.Option(
            "--database-url-variable",
            metavar="NAME",
            help="The variable of the environment that the file names as connection string.",
        ),
    ] = "DATABASE_URL",
    schemas: Annotated[
        list[str] | None,
        typer.Option("--schema", metavar="NAME", help="Look only at this schema; repeatable."),
    ] = None,
    tables: Annotated[
        list[str] | None,
        typer.Option("--table", metavar="NAME", help="Look only at this table; repeatable."),
    ] = None,
    catalog_only: Annotated[
        bool,
        typer.Option("--catalog-only", help="Read the catalog and statistics, and no rows."),
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept",
            metavar="SOURCE",
            help="Answer the questions about this source with yes: declare it; repeatable.",
        ),
    ] = None,
    omit: Annotated[
        list[str] | None,
        typer.Option("--omit", metavar="SOURCE", help="Leave this source out; repeatable."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar=_ANSWER, help="Declare another value; repeatable."),
    ] = None,
) -> bool:
    """Write a config file for the session tables it finds.

    It only reads: the catalog, statistics and at most 2,000 rows of each table. What is doubtful is
    commented out with a question, and every line says what was seen.
    """
    parsed = parse_variable(variable)
    answers = parse_answers(accept or (), omit or (), set_ or ())
    target = _target(out, format_)
    require_new(target)
    connection: FoundDatabase = find_connection(dsn, parsed)
    scope = Scope(tuple(schemas or ()), tuple(tables or ()), reads_data=not catalog_only)
    survey = survey_database(connection, scope, answers)
    if target is None:
        print_found(survey, format_, connection)
        return False
    write(survey, format_, connection, target)
    return False


def _target(out: Path | None, format_: InitFormat) -> Path | None:
    """The file; None: stdout."""
    if out is None:
        return None if format_ is InitFormat.JSON else new_config()
    return None if str(out) == "-" else out
