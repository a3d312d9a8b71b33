"""What is known of the threshold before anything is closed: silence now, and what returned."""

import logging
from collections.abc import Callable

import pytest

from exporter.check.findings import Status
from exporter.check.recovery import check_recovery
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.collection import declarations
from tests.support.recovery.automatic.runner import Recover, sessions
from tests.support.servers.statements import execute

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  {last_seen_at}
  id: id
  orphaned_after: 1h
  recovery: {{end_at: now, set: {{is_open: "false"}}}}
"""
TABLE = """
    CREATE TABLE public.chat (
        id int PRIMARY KEY, is_open bool NOT NULL, started timestamptz, seen timestamptz
    )
"""

HEARTBEAT = "last_seen_at: seen"


@pytest.mark.quick("above half", "few sessions")
@pytest.mark.parametrize(
    ("last_seen_at", "numbers", "status"),
    [
        pytest.param(HEARTBEAT, (40, 31), Status.WARNING, id="above half"),
        pytest.param(HEARTBEAT, (40, 29), Status.OK, id="below half"),
        pytest.param("", (40, 31), Status.OK, id="only starts"),
        pytest.param(HEARTBEAT, (20, 31), Status.WARNING, id="enough sessions"),
        pytest.param(HEARTBEAT, (19, 31), None, id="few sessions"),
    ],
)
async def test_the_threshold_is_compared_with_the_silence_of_live_sessions(
    database: EmbeddedDatabase,
    source_of: Callable[[str], Source],
    last_seen_at: str,
    numbers: tuple[int, int],
    status: Status | None,
) -> None:
    live, silent = numbers
    # Orphaned, closed, future and undated sessions are not among those of which 5 % are silent.
    execute(
        database,
        TABLE,
        f"""
        INSERT INTO public.chat (id, is_open, started, seen)
        SELECT n, open, now() - ago, now() - ago
        FROM (
            SELECT n, true, n * interval '1 s' FROM generate_series(1, {live} - {live} / 20) AS n
            UNION ALL SELECT 1000 + n, true, interval '{silent} min'
            FROM generate_series(1, {live} / 20) AS n
            UNION ALL SELECT 2000 + n, true, interval '2 h' FROM generate_series(1, 50) AS n
            UNION ALL SELECT 3000 + n, false, interval '50 min' FROM generate_series(1, 50) AS n
            UNION ALL SELECT 4000 + n, true, NULL FROM generate_series(1, 50) AS n
        ) AS row (n, open, ago)
        """,
    )
    source = source_of(CHAT.format(last_seen_at=last_seen_at))
    settings = declarations.settings_of(database.dsn)
    checked = {each.check: each async for each in check_recovery(settings, source)}
    found = checked.get("recovery threshold")
    if status is None:
        assert found is None
        return
    assert found is not None
    assert found.status is status
    assert f"5 % of the {live} live sessions were silent for {silent}m" in found.message
    assert "or more; orphaned_after is 1h" in found.message


@pytest.mark.quick("by statements")
async def test_a_dry_run_reports_how_many_orphaned_sessions_returned(
    database: EmbeddedDatabase, recover: Recover, caplog: pytest.LogCaptureFixture
) -> None:
    sessions(database, 1, 20, seen="5 minutes")
    sessions(database, 21, 3)
    with caplog.at_level(logging.WARNING):
        async with recover(mode="dry_run") as runner:
            await runner.run(2)
            assert "recovery_dry_run" not in caplog.messages
            execute(
                database,
                "UPDATE public.chat SET seen = now() WHERE id = 21",  # showed life
                "UPDATE public.chat SET is_open = false WHERE id = 22",  # ended
                "DELETE FROM public.chat WHERE id = 23",  # neither
            )
            await runner.run(2)
    (record,) = [each for each in caplog.records if each.getMessage() == "recovery_dry_run"]
    assert vars(record)["fields"] == {
        "database": "app",
        "source": "chat",
        "would_close": 0,
        "returned": 2,
    }
