"""A hundred reloads, each of which replaces nearly everything, leave nothing behind."""

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.collection.job import Job
from exporter.collection.snapshots import Snapshots
from exporter.config import Config, DatabaseSettings, Source, load_config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.daemon.pages.metrics_page import Page
from exporter.daemon.reload.reloader import Reloader
from exporter.daemon.schedule import Schedule
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.evidence.evidence import Evidence
from exporter.postgres import Database
from exporter.recovery.audit.installation import audit_script
from tests.support.network.answering import Answering, serving
from tests.support.processes.reloading import reload
from tests.support.processes.session_exporter import Daemon, wait_for
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.slow  # a hundred reloads

#: A multiple of 30: then the last config is the one after the warm-up, but for a threshold.
RELOADS = 120
#: The first reloads import what the start did not need.
WARM_UP = 10

#: Of each there are as many as one config makes.
MADE = (Config, DatabaseSettings, Source, Exporter, Database, Job, Snapshots, Evidence, Page)

CALLS: dict[str, Any] = {
    "table": "public.calls",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "id": "id",
    "owner": {"of": "server", "in": "servers"},
    "list": "live",
    "orphaned_after": "2h",
    "every": "50ms",
}
#: What may be resident more after a hundred reloads, in bytes; one config takes some 100 kB.
MORE_MEMORY = 4_000_000


@pytest.fixture
def live() -> Iterator[Answering]:
    """An application that lists its calls."""
    with serving(live=[{"id": "1"}], recovered=(204, {}, b"")) as server:
        yield server


@pytest.fixture
def path(database: EmbeddedDatabase, live: Answering, tmp_path: Path) -> Path:
    execute(
        database,
        "CREATE TABLE public.calls (id int PRIMARY KEY, server text, is_open bool DEFAULT true,"
        " started timestamptz DEFAULT now() - interval '3 hours', seen timestamptz DEFAULT now())",
        "CREATE TABLE public.servers (server text PRIMARY KEY, reported timestamptz)",
        "INSERT INTO public.servers VALUES ('a', now())",
        "INSERT INTO public.calls (id, server) SELECT n, 'a' FROM generate_series(1, 30) AS n",
    )
    with database.connect() as connection:
        connection.execute(audit_script().encode())
    (tmp_path / "secret").write_text("x" * 32, encoding="utf-8")
    path = tmp_path / "config.yaml"
    write(path, database, live, 0)
    return path


def write(path: Path, database: EmbeddedDatabase, live: Answering, number: int) -> None:
    """A config in which all that may differ from one reload to the next does."""
    limits = {"connect_timeout": "2s", "lock_timeout": "200ms"}
    app = {"dsn": database.dsn, **limits, "max_connections": 2 + number % 2}
    other = {"dsn": database.dsn, **limits}
    webhook = {"url": live.url("/recovered"), "secret_file": "secret"}
    recovery = {"set": {"is_open": False}, "grace": "1ms", "webhook": webhook}
    servers = {"table": "public.servers", "id": "server", "seen_at": "reported", "within": "1h"}
    pace = {"every": f"{60 + number % 3}ms", "timeout": "1s"}
    data = {
        "databases": {"app": app, "other": other},
        "owners": {"servers": {"unique_per_start": True, "table": servers, **pace}},
        "lists": {"live": {"urls": {"app": live.url("/live")}, "started_at": None, **pace}},
        "sources": {
            "replaced": {**CALLS, "database": "app", "recovery": {**recovery, "mode": "auto"}},
            "changed": {
                **CALLS,
                "database": "other",
                "orphaned_after": f"{60 + number}m",
                "recovery": {**recovery, "mode": ("dry_run", "auto", "disabled")[number % 3]},
            },
            f"named-{number % 5}": {**CALLS, "database": "other"},
            "stays": {**CALLS, "database": "other", "owner": None, "list": None},
        },
    }
    path.write_text(yaml.safe_dump(data), encoding="utf-8")


def made() -> Counter[str]:
    gc.unfreeze()  # or they would not be listed
    gc.collect()
    return Counter(
        kind.__name__ for each in gc.get_objects() for kind in MADE if isinstance(each, kind)
    )


async def test_no_task_no_thread_and_no_object_of_an_earlier_config_is_left(
    path: Path, database: EmbeddedDatabase, live: Answering
) -> None:
    exporter = Exporter(load_config(path, {}), CLOCK)
    schedule = Schedule(exporter.jobs, CLOCK)
    reloader = Reloader(
        exporter, schedule, CLOCK, load=lambda: load_config(path, {}), on_change=lambda _: None
    )
    del exporter
    schedule.start()
    try:
        for number in range(WARM_UP + RELOADS + 1):
            write(path, database, live, number)
            assert await reloader.reload()
            if number == WARM_UP:
                tasks, threads = len(asyncio.all_tasks()), threading.active_count()
                objects = made()
        running = len(reloader.exporter.jobs)  # one task each, at most
        assert running < RELOADS / 2
        assert len(asyncio.all_tasks()) <= tasks + running
        assert made() == objects
        assert threading.active_count() <= threads + 2
    finally:
        await reloader.stop()
        await schedule.stop(5)
        await reloader.exporter.close()
        gc.unfreeze()


def test_no_connection_no_file_and_no_memory_is_left(
    path: Path, database: EmbeddedDatabase, live: Answering, tmp_path: Path
) -> None:
    with Daemon(path, folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        for number in range(WARM_UP + RELOADS):
            write(path, database, live, number)
            reload(daemon)
            if number == WARM_UP:
                before = Usage(daemon, database)
        after = Usage(daemon, database)
        wait_for(
            lambda: Usage(daemon, database).connections <= MOST_CONNECTIONS,
            "connections that are not used any more are closed",
        )
        assert after.files <= before.files + 5
        assert after.threads <= before.threads + 2
        assert after.memory <= before.memory + MORE_MEMORY


#: Of both databases, of collection and recovery.
MOST_CONNECTIONS = 3 + 2 + 2 + 2


class Usage:
    """What a daemon holds now."""

    def __init__(self, daemon: Daemon, database: EmbeddedDatabase) -> None:
        process = Path("/proc", str(daemon.process.pid))
        status = dict(
            line.split(":", 1) for line in (process / "status").read_text("utf-8").splitlines()
        )
        self.memory = int(status["VmRSS"].split()[0]) * 1024
        self.threads = int(status["Threads"])
        self.files = len(list((process / "fd").iterdir()))
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'session-exporter'"
        ((self.connections,),) = rows(database, query)

    def __repr__(self) -> str:
        return f"{self.memory=} {self.threads=} {self.files=} {self.connections=}"
