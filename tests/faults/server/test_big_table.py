"""A table that is too big to be read without an index: said, left alone, and fixed as it was told.

In the fast tier test_isolation has a query that is too slow, and test_indexes what is printed.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import Daemon, Page, run, write_config

ROWS = 10_000_000
ACTIVE = 200

#: Half a second or more for all rows.
RUNNING = """\
log ILIKE '%phase: running' OR log ILIKE '%phase: paused'
"""

#: No reading of the catalog takes so long, and reading the whole table takes longer.
STATEMENT_TIMEOUT = 0.2

INTERVAL = "session_exporter_collection_interval_seconds"
DURATION = "session_exporter_collection_duration_seconds"
INDEX_MISSING = "session_exporter_index_missing"

FILL = f"""\
CREATE UNLOGGED TABLE public.jobs (
    id bigint, log text NOT NULL, started timestamptz NOT NULL, ended timestamptz
);
INSERT INTO public.jobs
SELECT
    number,
    CASE WHEN number % {ROWS // ACTIVE} = 0 THEN 'phase: running' ELSE 'phase: over' END,
    now() - number * interval '0.6 s',
    CASE WHEN number % {ROWS // ACTIVE} <> 0 THEN now() - number * interval '0.6 s' END
FROM generate_series(1, {ROWS}) AS number;
ANALYZE public.jobs
"""


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    with database.connect() as connection:
        connection.execute(FILL.encode())
    app = {"dsn": database.dsn, "statement_timeout": "200ms", "lock_timeout": "100ms"}
    jobs: dict[str, Any] = {
        "table": "public.jobs",
        "active": RUNNING,
        "started_at": "started",
        "ended_at": "ended",
        "id": "id",
        "orphaned_after": "2h",
        "every": "250ms",
        "daily": {"days": 7, "every": "30s", "timeout": "30s"},
    }
    return write_config(tmp_path, {"app": app}, {"jobs": jobs})


def value(page: Page, name: str, collector: str) -> float:
    found = page.value(name, source="jobs", collector=collector)
    assert found is not None
    return found


@pytest.mark.slow
def test_a_table_without_an_index_times_out_rarely_and_with_the_one_we_print_it_is_quick(
    database: EmbeddedDatabase, config: Path, tmp_path: Path
) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        page = daemon.wait_until_ready()
        assert page.errors("jobs") == {"timeout"}
        assert page.value("session_exporter_database_up") == 1
        assert page.values("sessions_active") == []
        assert value(page, INDEX_MISSING, "active") == 1
        assert value(page, INDEX_MISSING, "daily") == 1
        took = value(page, DURATION, "active")
        assert took >= STATEMENT_TIMEOUT
        assert value(page, INTERVAL, "active") == pytest.approx(20 * took)

        printed = run("sql", "index", "jobs", "-c", config, folder=tmp_path)
        assert printed.returncode == 0, printed.stderr
        commands = re.findall(r"^CREATE INDEX CONCURRENTLY[^;]+;", printed.stdout, re.MULTILINE)
        assert len(commands) == 2, printed.stdout
        with database.connect() as connection:
            for command in commands:
                connection.execute(command.encode())

        page = daemon.wait_for_page(
            lambda page: page.succeeds("jobs"), "it is quick enough", seconds=60
        )
        assert page.value("sessions_active") == ACTIVE
        page = daemon.wait_for_page(
            lambda page: value(page, INTERVAL, "active") < 20 * STATEMENT_TIMEOUT,
            "it is collected often again",
            seconds=60,
        )
        assert value(page, DURATION, "active") < STATEMENT_TIMEOUT

    once = run("once", "--format", "prometheus", "-c", config, folder=tmp_path)
    page = Page(once.stdout)
    assert value(page, INDEX_MISSING, "active") == 0
    assert value(page, INDEX_MISSING, "daily") == 0
    assert once.returncode == 0, once.stderr
