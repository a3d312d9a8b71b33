"""`init` on a database with ten thousand tables: bounded work for the server and for itself."""

import resource
import subprocess
from pathlib import Path

import pytest

from exporter.demo.server.databases import create_database
from exporter.demo.server.server import SUPERUSER, wheel_binaries
from tests.support.processes.session_exporter import PROGRAM, environment
from tests.support.servers.many_tables import create_many_tables, processor_seconds
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.versions import settings_of

#: Processor seconds: of all statements, of the dearest one, and of the command itself. Unlike the
#: time by the clock they hardly depend on what else the machine does.
ALL_STATEMENTS, ONE_STATEMENT, COMMAND = 1.0, 0.2, 10.0


@pytest.mark.slow  # ten thousand tables take half a minute to make
def test_ten_thousand_tables_cost_a_second_of_the_server(
    fast_folder: Path | None, tmp_path: Path
) -> None:
    with QuickServer(wheel_binaries(18), settings=settings_of(18), parent=fast_folder) as server:
        database = create_database(server, "many", owner=SUPERUSER)
        create_many_tables(database, 10_000)
        with database.connect() as connection:
            connection.execute("ALTER DATABASE many SET log_statement_stats = on")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [PROGRAM, "init", database.dsn, "--output", tmp_path / "config.yaml"],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = processor_seconds(server.folder / "server.log")
    assert done.returncode == 0, done.stderr
    assert "visit_" in (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert len(spent) > 3  # or nothing was logged
    assert sum(spent) <= ALL_STATEMENTS
    assert max(spent) <= ONE_STATEMENT
    of_command = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert of_command <= COMMAND
