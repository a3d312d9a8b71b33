"""`recover`: automatic recovery that runs when the test says so."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.automatic.runner import Recover, runners


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture(params=["by statements", "by functions"])
def recover(database: EmbeddedDatabase, tmp_path: Path, request: pytest.FixtureRequest) -> Recover:
    """`async with recover(per_hour=3) as runner`; the table and the audit are there."""
    return runners(database, tmp_path, by_functions=request.param == "by functions")
