"""docs/first_day.md leads from a table that would page to a first day without a page."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.monitoring.followed_runbooks import TABLE, Followed, config_of, orphans
from tests.support.processes.session_exporter import run
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.slow  # a dozen commands


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    """Twelve sessions were lost long ago, and ten live."""
    execute(database, TABLE, orphans(21, 32, "40 days"))
    return config_of(tmp_path, database)


def checked(config: Path, *more: str) -> str:
    return run("check", "--live", *more, "-c", config, folder=config.parent).stdout


def test_a_backlog_is_closed_and_then_nothing_would_page(
    database: EmbeddedDatabase, config: Path
) -> None:
    assert "12 orphaned, alert_above is 5: this would page; the oldest was last" in checked(config)
    with Followed("first_day", database, config) as document:
        assert "orphaned_count 12" in document.run()
        assert "12 would be closed" in document.run()
        assert "1 was closed" in document.run()
        assert "11 were closed" in document.run()
    assert "alert: 0 orphaned, alert_above is 5: no page" in checked(config, "--all")
    assert "would page" not in checked(config)
    reasons = "SELECT DISTINCT reason FROM session_exporter.recovery ORDER BY 1"
    assert rows(database, reasons) == [("backlog of the first day",), (None,)]


@pytest.mark.parametrize(
    ("key", "value"),
    [("where", "s.began >= now() - interval '20 days'"), ("alert_above", "12")],
)
def test_a_backlog_is_left_out_or_tolerated(config: Path, key: str, value: str) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("    active:", f"    {key}: {value}\n    active:"), "utf-8")
    assert "would page" not in checked(config)
