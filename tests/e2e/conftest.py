"""A config file that works, for tests of the program as a whole."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.session_exporter import CONVERSATIONS, IMPATIENT, write_config


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    """One source, `conversations`, in one database, `app`."""
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    return write_config(tmp_path, {"app": app}, {"conversations": CONVERSATIONS})
