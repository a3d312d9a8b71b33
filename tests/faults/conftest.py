"""The programs that faults need: libfaketime and PgBouncer."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.wall_clock import WallClock
from tests.support.servers.pgbouncer import (
    PgBouncer,
)


@pytest.fixture
def wall_clock(tmp_path: Path) -> WallClock:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        missing = "libfaketime is not installed (on Debian: apt-get install faketime)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return WallClock(found[0], tmp_path / "offset")


@pytest.fixture(scope="module")
def program() -> str:
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    found = shutil.which("pgbouncer", path=places)
    if found is None:
        missing = "pgbouncer is not installed (on Debian: apt-get install pgbouncer)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture
def bouncer(program: str, database: EmbeddedDatabase) -> Iterator[PgBouncer]:
    with PgBouncer(program, database) as running:
        yield running
