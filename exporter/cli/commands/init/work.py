"""Surveys the database, and keeps as sure only what `check --live` has nothing against."""

import tempfile
from pathlib import Path

import uvloop

from exporter import logs
from exporter.check.findings import Status
from exporter.check.live import check_all
from exporter.cli.commands.init.answers import Answers, apply, ask
from exporter.cli.commands.init.connection import FoundDatabase
from exporter.cli.output.terminal.progress import Progress, polled
from exporter.config import Config, load_config
from exporter.daemon import machine_clock
from exporter.discover.output.yaml_output import as_yaml
from exporter.discover.proposal import Survey
from exporter.discover.survey import Scope, Surveyor
from exporter.errors import ConfigError, ExporterError, UsageError
from exporter.postgres import Database

#: Sources that are checked as `check --live` does, before they are written: of more it takes long.
MOST_CHECKED = 10


def survey_database(connection: FoundDatabase, scope: Scope, answers: Answers) -> Survey:
    """What is found, with the answers. Raises ExporterError where nothing can be found."""
    logs.log_errors_only()

    async def surveyed() -> Survey:
        database = Database(connection.settings)
        try:
            surveyor = Surveyor(database, scope)
            progress = Progress(None, "tables")

            def done() -> int:
                progress.expect(surveyor.table_count)
                return surveyor.tables_done

            async with polled(progress, done):
                survey = await surveyor.survey()
            _require_tables(survey, scope)
            apply(survey, answers)
            ask(survey, answers)
            await _keep_checked(survey, connection, database, answers, reads_data=scope.reads_data)
        finally:
            await database.close()
        return survey

    return uvloop.run(surveyed())


def _require_tables(survey: Survey, scope: Scope) -> None:
    server = survey.server
    if not survey.tables:
        raise ExporterError(
            f"database {server.database} has no table: is it the one that the application uses?"
        )
    if (scope.tables or scope.schemas) and not survey.sources and not survey.left_out:
        raise ExporterError(
            f"database {server.database} has no such table that may hold sessions; without --table "
            "and --schema all are looked at"
        )


async def _keep_checked(
    survey: Survey,
    connection: FoundDatabase,
    database: Database,
    answers: Answers,
    *,
    reads_data: bool,
) -> None:
    """Turn a source into a question where the config or the database has something against it.

    Raises UsageError for a value of --set that is invalid, and ExporterError for one that the
    database refuses.
    """
    config = None
    while survey.live and config is None:
        config = _loaded(survey, connection, answers)
    if config is None or not reads_data:
        return
    found = {each.name: each for each in survey.live}
    sources = list(config.sources.values())[:MOST_CHECKED]
    async for finding in check_all(database, sources, machine_clock.CLOCK):
        if finding.status is Status.FAILED and finding.source in answers.values:
            raise ExporterError(f"--set {finding.source}: {finding.message}")
        if finding.status is Status.FAILED and finding.source in found:
            found[finding.source].doubt("table", f"`check --live` says: {finding.message}")


def _loaded(survey: Survey, connection: FoundDatabase, answers: Answers) -> Config | None:
    """The config as it would be loaded; None: a source was invalid, and is a question now."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(as_yaml(survey, variable=connection.variable), encoding="utf-8")
        try:
            return load_config(path, {connection.variable: connection.dsn})
        except ConfigError as error:
            named = {each.name: each for each in survey.live}
            invalid = [
                (named[name], each)
                for each in error.problems
                if (name := each.key.removeprefix("sources.").split(".")[0]) in named
            ]
            if not invalid:
                raise
            for source, problem in invalid:
                if source.name in answers.values:
                    key = problem.key.removeprefix("sources.")
                    raise UsageError(f"--set {key}: {problem.message}") from None
                source.doubt("table", f"it cannot be declared so: {problem.key}: {problem.message}")
            return None
