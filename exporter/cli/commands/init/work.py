"""Surveys the database, and keeps as sure only what `check --live` has nothing against."""

import tempfile
from dataclasses import replace
from pathlib import Path

import uvloop

from exporter import logs
from exporter.check.collectors.indexes import INDEX_CHECK
from exporter.check.findings import Status
from exporter.check.live import check_all
from exporter.cli.commands.init.answers import Answers, apply, ask
from exporter.cli.commands.init.connection import LABEL, FoundDatabase
from exporter.cli.output.terminal.progress import Progress, polled
from exporter.config import Config, load_config
from exporter.daemon import machine_clock
from exporter.discover.output.yaml_output import as_yaml
from exporter.discover.proposal import Standing, Survey
from exporter.discover.survey import Scope, Surveyor
from exporter.errors import ConfigError, ExporterError, Problem, SourceError, UsageError
from exporter.postgres import Database

#: Sources that are checked as `check --live` does, before they are written: of more it takes long.
MOST_CHECKED = 10


def survey_database(connection: FoundDatabase, scope: Scope, answers: Answers) -> Survey:
    """What is found, with the answers. Raises ExporterError where nothing can be found."""
    logs.log_errors_only()

    async def surveyed() -> Survey:
        database = Database(connection.settings)
        try:
            survey = await _surveyed(database, scope)
            _require_tables(survey, scope)
            apply(survey, answers)
            _require_valid(survey, connection, answers)
            ask(survey, answers)
            await _keep_checked(survey, connection, database, answers, reads_data=scope.reads_data)
        finally:
            await database.close()
        return survey

    return uvloop.run(surveyed())


async def _surveyed(database: Database, scope: Scope) -> Survey:
    """The survey; a failure does not name the label of the database, which the user never gave."""
    surveyor = Surveyor(database, scope)
    progress = Progress(None, "tables")

    def done() -> int:
        progress.expect(surveyor.table_count)
        return surveyor.tables_done

    try:
        async with polled(progress, done):
            return await surveyor.survey()
    except SourceError as error:
        said = str(error).replace(f"cannot connect to database {LABEL}:", "cannot connect:")
        raise ExporterError(said) from None


def _require_valid(survey: Survey, connection: FoundDatabase, answers: Answers) -> None:
    """Raise UsageError for a value of --set that its key cannot have."""
    declared = [
        replace(each, standing=Standing.LIVE)
        for each in survey.sources
        if each.name in answers.values
    ]
    if not declared:
        return
    for problem in _problems(replace(survey, sources=declared), connection):
        for name, values in answers.values.items():
            for key in values:
                place = f"sources.{name}.{key}"
                if problem.key == place or problem.key.startswith((f"{place}.", f"{place}[")):
                    raise UsageError(f"--set {name}.{key}: {problem.message}")


def _problems(survey: Survey, connection: FoundDatabase) -> tuple[Problem, ...]:
    """What is wrong with the file as it would be written."""
    try:
        _load(survey, connection)
    except ConfigError as error:
        return error.problems
    return ()


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
    """Turn a source into a question where the config or the database has something against it."""
    config = None
    while survey.live and config is None:
        config = _loaded(survey, connection)
    if config is None or not reads_data:
        return
    found = {each.name: each for each in survey.live}
    sources = sorted(config.sources.values(), key=lambda each: each.name not in answers.values)
    async for finding in check_all(database, sources[:MOST_CHECKED], machine_clock.CLOCK):
        if finding.check.startswith(INDEX_CHECK):
            continue  # a missing index makes a source expensive, and not doubtful
        if finding.status is Status.FAILED and finding.source in found:
            if finding.source in answers.values:
                raise ExporterError(
                    f"{finding.source} with the values of --set fails `check --live`: "
                    f"{finding.message}"
                )
            found[finding.source].doubt("table", f"`check --live` says: {finding.message}")


def _loaded(survey: Survey, connection: FoundDatabase) -> Config | None:
    """The config as it would be loaded; None: a source was invalid, and is a question now."""
    try:
        return _load(survey, connection)
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
            source.doubt("table", f"it cannot be declared so: {problem.key}: {problem.message}")
        return None


def _load(survey: Survey, connection: FoundDatabase) -> Config:
    """Raises ConfigError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(as_yaml(survey, variable=connection.variable), encoding="utf-8")
        return load_config(path, {connection.variable: connection.dsn})
