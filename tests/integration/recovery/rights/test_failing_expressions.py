"""Which expression is named where one fails for a session, whoever asks."""

from collections.abc import Callable

import pytest

from exporter.check.findings import Status
from exporter.check.recovery import check_recovery
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import BadData
from exporter.postgres import Database
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import name_failing_key
from tests.support.collection.declarations import settings_of
from tests.support.servers.statements import execute

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  id: id
  orphaned_after: {after}
  recovery: {{set: {{is_open: false}}, end_at: now, evidence: "{evidence}"}}
"""


def chats(database: EmbeddedDatabase, silence: str) -> None:
    execute(
        database,
        "CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool, started timestamptz)",
        f"INSERT INTO public.chat VALUES (1, true, now() - interval '{silence}')",
    )


async def test_a_threshold_that_fails_is_not_blamed_on_the_evidence(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    chats(database, "3 hours")
    threshold = "{sql: 's.id * 1e300 * 1e300 * interval ''1 s'''}"
    source = source_of(CHAT.format(after=threshold, evidence="s.id > 5"))
    checked = check_recovery(settings_of(database.dsn), source)
    found = {each.check: each.message async for each in checked}
    said = found["recovery evidence"]
    assert said.startswith("the evidence cannot be read: orphaned_after: ")
    assert "recovery.evidence" not in said


async def test_what_fails_for_a_session_that_is_not_orphaned_is_named(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    """PostgreSQL may evaluate it before it knows which are orphaned."""
    chats(database, "1 minute")
    pool = Database(settings_of(database.dsn))
    reader = pool.reader()
    rule = await bind_rule(
        reader, source_of(CHAT.format(after="2h", evidence="1 / (s.id - 1) > 2"))
    )
    named = await name_failing_key(reader, rule, BadData("division by zero"))
    await pool.close()
    expected = "recovery.evidence, which fails for a session that is active: division by zero"
    assert str(named) == expected


@pytest.mark.parametrize("mode", ["disabled", "dry_run"])
@pytest.mark.parametrize(
    ("state", "is_refused"), [("'gone'", True), ("'lost'", False), ("(1 / (s.id - 1))::text", True)]
)
async def test_a_new_value_that_an_orphaned_session_cannot_get_is_named(
    database: EmbeddedDatabase,
    source_of: Callable[[str], Source],
    state: str,
    is_refused: bool,
    mode: str,
) -> None:
    """PostgreSQL plans such a change without an error: it checks a domain only when it writes."""
    chats(database, "3 hours")
    execute(
        database,
        "CREATE DOMAIN public.phase AS text CHECK (VALUE IN ('open', 'lost'))",
        "ALTER TABLE public.chat ADD state public.phase DEFAULT 'open'",
    )
    text = CHAT.format(after="2h", evidence="s.id > 5").replace(
        "{is_open: false}", f'{{is_open: false, state: "{state}"}}, mode: {mode}'
    )
    checked = check_recovery(settings_of(database.dsn), source_of(text))
    found = {each.check: each async for each in checked}
    assert ("recovery values" in found) is is_refused
    if is_refused:
        values = found["recovery values"]
        assert "recovery.set.state fails for it, or gives what type public.phase" in values.message
        assert values.status is (Status.WARNING if mode == "disabled" else Status.FAILED)
