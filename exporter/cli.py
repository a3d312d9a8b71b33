"""The commands. The only place that prints or exits."""

import asyncio
import difflib
import functools
import io
import os
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import typer.core
import uvloop

from exporter import __version__, daemon, live_check, logs, report, roles, sessions
from exporter.config import Config, Source, json_schema, load_config
from exporter.config.values import parse_duration
from exporter.database import Database, Reader, dsn_problem
from exporter.errors import CollectionError, ExporterError, UsageError
from exporter.exposition import OPENMETRICS, TEXT
from exporter.index_commands import propose
from exporter.live_check import Finding, Status
from exporter.logs import LogFormat
from exporter.orphans import list_orphans

T = TypeVar("T")

DEFAULT_CONFIG = Path("config.yaml")
DEFAULT_PORT = 10046


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


class MetricsFormat(StrEnum):
    """What `once` can print."""

    PROMETHEUS = "prometheus"
    OPENMETRICS = "openmetrics"
    TABLE = "table"


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


@app.command()
def run(
    config_file: ConfigFile = DEFAULT_CONFIG,
    listen_address: Annotated[
        str, typer.Option("--web.listen-address", metavar="[HOST]:PORT", help="Where to listen.")
    ] = f":{DEFAULT_PORT}",
    log_format: Annotated[
        LogFormat, typer.Option("--log.format", help="How log lines are written.")
    ] = LogFormat.LOGFMT,
) -> None:
    """Collect on a schedule and serve /metrics until SIGTERM."""
    config = _load(config_file)
    sock = daemon.listen(*parse_address(listen_address))
    logs.start(format_=log_format)

    _wait_for(daemon.run(config, sock))


@app.command()
def check(
    config_file: ConfigFile = DEFAULT_CONFIG,
    live: Annotated[
        bool, typer.Option("--live", help="Prove each source against its database, read-only.")
    ] = False,
    format_: Annotated[ListFormat, typer.Option("--format", help="Of --live.")] = ListFormat.TABLE,
) -> None:
    """Validate the config file; with --live prove it against the databases."""
    config = _load(config_file)
    if live:
        _check_live(config, format_)
        return
    series = sum(each.series() * len(each.databases) for each in config.sources.values())
    counted = f"sources: {len(config.sources)}, databases: {len(config.databases)}"
    print(f"{config_file} is valid ({counted}, at most {series} time series about sessions)")


@app.command()
def once(
    config_file: ConfigFile = DEFAULT_CONFIG,
    format_: Annotated[MetricsFormat, typer.Option("--format")] = MetricsFormat.TABLE,
) -> None:
    """Collect everything once and print it; exit 1 if a source failed."""
    config = _load(config_file)
    logs.only_bugs()

    async def collected() -> daemon.Exporter:
        exporter = daemon.Exporter(config)
        await exporter.collect_once()
        await exporter.close()
        return exporter

    exporter = _wait_for(collected())
    if format_ is MetricsFormat.TABLE:
        print(report.overview(exporter.snapshots))
    else:
        page = exporter.page.render(TEXT if format_ is MetricsFormat.PROMETHEUS else OPENMETRICS)
        print(page.decode(), end="")
    for line in report.failures(exporter.snapshots):
        print(f"session-exporter: {line}", file=sys.stderr)
    if not all(state.succeeded for state in exporter.snapshots.states.values()):
        raise typer.Exit(1)


@app.command()
def orphans(
    source: OneSource = None,
    config_file: ConfigFile = DEFAULT_CONFIG,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Instead of the source's orphaned_after, like 1h."),
    ] = None,
    format_: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
    limit: Annotated[int, typer.Option(min=1, help="Rows per source.")] = 100,
) -> None:
    """List the orphaned sessions: the rows behind the number."""
    config = _load(config_file)
    seconds = _duration("--older-than", older_than)

    async def listed(reader: Reader, each: Source, database: str) -> Any:  # noqa: ANN401 - text or JSON
        table = await sessions.bind(reader, each)
        found = await list_orphans(reader, table, limit=limit, older_than=seconds)
        write = report.orphan_json if format_ is ListFormat.JSON else report.orphan_table
        return write(each, database, found, seconds or each.orphaned_after)

    results, failed = _on_each(config, source, listed)
    if format_ is ListFormat.JSON:
        print(report.as_json(results))
    elif results:
        print("\n\n".join(results))
    if failed:
        raise typer.Exit(1)


@sql.command("index")
def sql_index(
    source: Annotated[str, typer.Argument(metavar="SOURCE")],
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print the commands that create the indexes which a source wants."""

    async def proposed(reader: Reader, each: Source, database: str) -> str:
        table = await sessions.bind(reader, each)
        return report.proposals(each, database, await propose(reader, table))

    results, failed = _on_each(_load(config_file), source, proposed)
    if results:
        print("\n\n".join(results))
    if failed:
        raise typer.Exit(1)


@sql.command("role")
def sql_role(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the commands that create a role with just the rights that collection needs."""

    async def granted(reader: Reader, each: Source, database: str) -> tuple[str, str, list[str]]:
        return database, await roles.database_name(reader), await roles.grants(reader, each)

    results, failed = _on_each(_load(config_file), None, granted)
    if results:
        print(report.role(roles.ROLE, results))
    if failed:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the JSON schema of the config file, for editors."""
    print(report.as_json(json_schema()))


@app.command()
def demo(
    listen_address: Annotated[
        str, typer.Option("--web.listen-address", metavar="[HOST]:PORT", help="Where to listen.")
    ] = f"127.0.0.1:{DEFAULT_PORT}",
) -> None:
    """Run an embedded PostgreSQL with simulated traffic, and the exporter on it."""
    from exporter.demo.run import run_demo  # noqa: PLC0415 - only the demo needs its extra

    say = functools.partial(print, flush=True)  # a pipe would get it at the very end
    run_demo(daemon.listen(*parse_address(listen_address)), sys.argv[0], say)


def parse_address(text: str) -> tuple[str, int]:
    """Split [HOST]:PORT, with an IPv6 host in brackets."""
    match = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^\[\]:]*)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65535:
        raise UsageError(
            f"--web.listen-address: expected [HOST]:PORT such as :{DEFAULT_PORT} or "
            f"127.0.0.1:{DEFAULT_PORT}, got '{text}'"
        )
    return match[1] or match[2] or "", int(match[3])


def _load(path: Path) -> Config:
    """The config, or a sentence about what this version cannot do with it."""
    config = load_config(path)
    for database in config.databases.values():
        if problem := dsn_problem(database.dsn):
            raise ExporterError(f"{path}: databases.{database.name}.dsn: {problem}")
    for source in config.sources.values():
        if source.recovery.mode != "disabled":
            raise ExporterError(
                f"{path}: sources.{source.name}.recovery.mode: expected disabled, got "
                f"{source.recovery.mode}; this version watches and cannot recover sessions yet"
            )
    return config


def _check_live(config: Config, format_: ListFormat) -> None:
    async def found() -> list[Finding]:
        findings: list[Finding] = []
        for name, settings in config.databases.items():
            database = Database(settings)
            sources = [each for each in config.sources.values() if name in each.databases]
            async for finding in live_check.check_all(database, sources, daemon.CLOCK):
                if format_ is ListFormat.TABLE:
                    place = report.finding_place(finding)
                    if not findings or report.finding_place(findings[-1]) != place:
                        print(place)
                    print(report.finding(finding), flush=True)
                findings.append(finding)
            await database.close()
        return findings

    findings = _wait_for(found())
    if format_ is ListFormat.JSON:
        print(report.as_json(report.findings_json(findings)))
    if any(finding.status is Status.FAILED for finding in findings):
        raise typer.Exit(1)


def _on_each(
    config: Config, name: str | None, work: Callable[[Reader, Source, str], Awaitable[T]]
) -> tuple[list[T], bool]:
    """Do `work` for one source or all, in each of its databases; say which of them failed."""
    if name is not None and name not in config.sources:
        near = difflib.get_close_matches(name, config.sources, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(config.sources)}"
        raise UsageError(f"{config.path} declares no source {name}; {hint}")
    sources = [each for each in config.sources.values() if name in {None, each.name}]
    logs.only_bugs()

    async def done() -> tuple[list[T], bool]:
        databases = {key: Database(settings) for key, settings in config.databases.items()}
        results, failed = [], False
        for source, database in ((s, databases[d]) for s in sources for d in s.databases):
            reader = database.reader(timezone=sessions.time_zone(source))
            try:
                results.append(await work(reader, source, database.name))
            except CollectionError as error:
                failed = True
                place = f"{source.name} ({database.name})"
                print(report.printable(f"session-exporter: {place}: {error}"), file=sys.stderr)
        for database in databases.values():
            await database.close()
        return results, failed

    return _wait_for(done())


def _duration(option: str, text: str | None) -> float | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}, got '{text}'") from None


def _wait_for(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def main() -> NoReturn:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a tick shows a question mark, and no traceback.
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="session-exporter")
    finally:
        _flush()
    sys.exit(0)


def _flush() -> None:
    """Write what is still buffered; that nobody reads it any more is no error."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"session-exporter: cannot write the output: {error.strerror}", file=sys.stderr)
            sys.exit(1)
