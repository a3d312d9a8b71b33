"""What a trigger takes away, or sets back, without an error: nothing is closed without a trace, and
nothing is said to be closed that is not.
"""

from pathlib import Path

import pytest

from exporter.errors import AuditUnusable
from tests.support.collection.declarations import source_of
from tests.support.recovery.chats import SOURCE
from tests.support.recovery.recoveries import Recoveries


def trigger(event: str, table: str, body: str) -> str:
    return f"""
        CREATE FUNCTION public.meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
        CREATE TRIGGER meddle BEFORE {event} ON {table}
            FOR EACH ROW EXECUTE FUNCTION public.meddle()"""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("IF NEW.id = 1 THEN RETURN NULL; END IF; RETURN NEW;", "a trigger skips the row"),
        ("NEW.is_active := NEW.id = 1; RETURN NEW;", "it would still be active"),
    ],
)
def test_a_session_that_a_trigger_keeps_open_is_set_aside_and_the_others_go_on(
    recoveries: Recoveries, body: str, why: str
) -> None:
    chats = recoveries.chats
    chats.add(1, 2)
    chats.do(trigger("UPDATE", "public.chats", body))
    before = chats.row()
    with recoveries.recovery() as recovery:
        outcome = recovery.finish()
    assert list(outcome.refused) == ["1"]
    assert why in outcome.refused["1"]
    assert chats.row() == before
    assert chats.recovered == chats.audited == [2]


def test_a_rule_that_ends_no_session_writes_nothing(recoveries: Recoveries, tmp_path: Path) -> None:
    chats = recoveries.chats
    chats.add(1)
    before = chats.row()
    ends_nothing = SOURCE.replace("      is_active: false\n", "")
    with recoveries.on(source_of(tmp_path, ends_nothing)).recovery() as recovery:
        outcome = recovery.finish()
    assert "`set` does not end a session" in outcome.refused["1"]
    assert (chats.row(), chats.audit) == (before, [])


def test_an_audit_table_that_takes_no_row_without_an_error_keeps_everything_open(
    recoveries: Recoveries,
) -> None:
    chats = recoveries.chats
    chats.add(1)
    before = chats.row()
    chats.do(trigger("INSERT", "session_exporter.recovery", "RETURN NULL;"))
    untraced = pytest.raises(AuditUnusable, match="nothing is closed")
    with recoveries.recovery() as recovery, untraced:
        recovery.finish()
    assert (chats.row(), chats.audit) == (before, [])
