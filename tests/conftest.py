"""Real PostgreSQL for tests: one server per major version, one fresh database per test.

`database` is on PostgreSQL 18. `any_database` runs the test once on every version there is; in the
fast tier on the newest alone.
Both have the schemas of all demo systems, no rows, and the roles `app` and `session_exporter`
(`database.dsn_for("session_exporter")`). A test that harms its server starts one of its own:
`with QuickServer(wheel_binaries(18), parent=fast_folder) as server:`.
"""

import contextlib
import gc
import logging
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer, wheel_binaries
from tests.support.processes.preloaded import preload_server
from tests.support.servers.fresh_databases import FreshDatabases
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.versions import SYSTEM_BINARIES, VERSIONS, settings_of

MEMORY = Path("/dev/shm")
#: The variable that tells workers of a folder in it.
FAST_FOLDER = "SESSION_EXPORTER_FAST_FOLDER"


#: The files that take longest begin first, so that no worker is left with one of them at the end.
LONGEST_FIRST = (
    "content/alerts/test_alert_mutations.py",
    "unit/recovery/decision/test_worlds.py",
    "unit/recovery/decision/test_service.py",
    "e2e/test_lowest_dependencies.py",
    "e2e/monitoring/test_dashboard_queries.py",
    "faults/network/test_network.py",
    "faults/process/test_clock.py",
    "faults/server/test_server.py",
    "faults/recovery/failures/test_clocks.py",
    "faults/recovery/failures/test_outage.py",
    "faults/server/test_isolation.py",
    "faults/recovery/failures/test_processes.py",
    "integration/recovery/automatic/test_auto.py",
    "e2e/monitoring/test_paging.py",
    "faults/recovery/races/test_function_races.py",
    "e2e/commands/test_bad_input.py",
    "faults/process/test_stop.py",
    "faults/server/test_replica.py",
    "faults/process/test_soak.py",
    "faults/recovery/races/test_auto_interleavings.py",
    "integration/recovery/notifications/test_webhook.py",
    "content/alerts/test_alerts.py",
    "content/alerts/test_alertmanager.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Make what all workers share: a server for commands, and a folder for what initdb makes."""
    if hasattr(config, "workerinput"):
        return
    commands = contextlib.ExitStack()
    commands.enter_context(preload_server())
    config.add_cleanup(commands.close)
    os.environ.pop(FAST_FOLDER, None)
    status = os.statvfs(MEMORY) if MEMORY.is_dir() else None
    roomy = status is not None and status.f_bavail * status.f_frsize > 3 * 1024**3
    if status is None or not roomy or status.f_flag & os.ST_NOEXEC:
        return
    folder = tempfile.TemporaryDirectory(prefix="session-exporter-tests-", dir=MEMORY)
    config.add_cleanup(folder.cleanup)
    Path(folder.name).chmod(0o755)  # the server's user has to get in
    os.environ[FAST_FOLDER] = folder.name


def pytest_report_header() -> list[str]:
    lines = [f"postgresql: {', '.join(map(str, VERSIONS)) or 'none'}"]
    if os.environ.get("CI") == "true" and 15 not in VERSIONS:
        lines.append(f"postgresql: WARNING: no PostgreSQL 15 in {SYSTEM_BINARIES}")
    return lines


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage meanwhile nor look at the tests later: nearly all of it stays to the end.

    To look for garbage among more and more tests takes a third of the time in which they are found.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before `-m 'not slow'` is asked
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    _mark_slow(items)
    tests = Path(__file__).parent
    ranks = {tests / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    if gone := [str(each) for each in ranks if not each.exists()]:
        raise pytest.UsageError(f"LONGEST_FIRST names {', '.join(gone)}, and there is no such file")
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def _mark_slow(items: list[pytest.Item]) -> None:
    """Mark what `@pytest.mark.quick` leaves out; fail if it leaves out all of a test."""
    quick = dict[str, list[bool]]()
    for item in items:
        mark = item.get_closest_marker("quick")
        if mark is None or not isinstance(item, pytest.Function):
            continue
        is_quick = any(part in item.callspec.id for part in mark.args)
        quick.setdefault(item.nodeid.partition("[")[0], []).append(is_quick)
        if not is_quick:
            item.add_marker(pytest.mark.slow)
    for name, found in quick.items():
        if len(found) > 1 and not any(found):
            raise pytest.UsageError(f"{name}: `quick` names no parameter that it has")


@pytest.fixture(autouse=True)
def untouched_loggers() -> Iterator[None]:
    """Leave every logger as it was: `logs.start` is meant to be called once per process."""
    names = (
        "session_exporter",
        "apscheduler",
        "psycopg",
        "uvicorn",
        "asyncio",
        "httpx",
        "httpcore",
    )
    loggers = [logging.getLogger(name) for name in names]
    before = [(each, each.level, each.propagate, list(each.handlers)) for each in loggers]
    yield
    for each, level, propagate, handlers in before:
        each.setLevel(level)
        each.propagate, each.handlers = propagate, handlers


@pytest.fixture(scope="session")
def fast_folder() -> Path | None:
    """Where servers are quick: a database is 300 small files, and each test gets a fresh one."""
    return Path(os.environ[FAST_FOLDER]) if FAST_FOLDER in os.environ else None


@pytest.fixture(scope="session")
def databases_of(fast_folder: Path | None) -> Iterator[Callable[[int], FreshDatabases]]:
    """Return the databases of a major version; its server starts when it is first asked for."""
    ready: dict[int, FreshDatabases] = {}
    with contextlib.ExitStack() as stack:

        def get(major: int) -> FreshDatabases:
            if major not in ready:
                binaries = VERSIONS.get(major) or wheel_binaries(major)
                own = QuickServer(binaries, settings=settings_of(major), parent=fast_folder)
                server = stack.enter_context(own)
                ready[major] = stack.enter_context(FreshDatabases(server))
            return ready[major]

        yield get


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(major, marks=() if major == max(VERSIONS) else pytest.mark.slow)
        for major in VERSIONS
    ],
    ids="pg{}".format,
)
def databases(
    request: pytest.FixtureRequest, databases_of: Callable[[int], FreshDatabases]
) -> FreshDatabases:
    """Of every version there is, one after the other."""
    return databases_of(request.param)


@pytest.fixture(scope="session")
def server(databases: FreshDatabases) -> PostgresServer:
    """Every version there is, one after the other; shared, so leave it as it was."""
    return databases.server


@pytest.fixture
def has_audit() -> bool:
    """Whether fresh databases have the audit from the start: tests of recovery say so."""
    return False


@pytest.fixture
def any_database(databases: FreshDatabases, *, has_audit: bool) -> Iterator[EmbeddedDatabase]:
    """A fresh database with the demo's schemas, on every version."""
    with databases.fresh(has_audit=has_audit) as database:
        yield database


@pytest.fixture
def database(
    databases_of: Callable[[int], FreshDatabases], *, has_audit: bool
) -> Iterator[EmbeddedDatabase]:
    """A fresh database with the demo's schemas, on PostgreSQL 18."""
    with databases_of(18).fresh(has_audit=has_audit) as database:
        yield database
