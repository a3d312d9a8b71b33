"""What a column is for follows from the words of its name together with its type."""

import pytest

from exporter.discover.roles.roles import Role, role_of
from tests.support.corpus.tables import table


def found(name: str, type_: str, *, of: str = "sessions") -> Role | None:
    given = table(of, f"{name} {type_}")
    return role_of(given, given.columns[name])


@pytest.mark.parametrize(
    ("name", "type_", "role"),
    [
        ("started_at", "timestamptz", Role.START),
        ("session_start", "timestamptz", Role.START),
        ("startedAt", "timestamp", Role.START),
        ("timestart", "int8", Role.START),
        ("check_in", "timestamp", Role.START),
        ("acctstarttime", "timestamptz", Role.START),
        ("attempted_at", "timestamptz", Role.START),
        ("ended_at", "timestamptz", Role.END),
        ("end", "timestamptz", Role.END),
        ("timefinish", "int8", Role.END),
        ("stoppedAt", "timestamptz", Role.END),
        ("check_out", "timestamp", Role.END),
        ("left_at", "timestamptz", Role.END),
        ("last_heartbeat_at", "timestamptz", Role.SEEN),
        ("acctupdatetime", "timestamptz", Role.SEEN),
        ("last_activity", "int4", Role.SEEN),
        ("updated_at", "timestamp", Role.UPDATED),
        ("timemodified", "int8", Role.UPDATED),
        ("created_at", "timestamptz", Role.CREATION),
        ("expires_at", "timestamptz", Role.EXPIRY),
        ("timeout", "int4", Role.EXPIRY),
        ("scheduled_start_time", "timestamptz", Role.PLANNED),
        ("status", "text", Role.STATUS),
        ("session_state", "varchar", Role.STATUS),
        ("is_active", "bool", Role.FLAG),
        ("finished", "bool", Role.FLAG),
        ("server_id", "text", Role.OWNER),
        ("nasipaddress", "inet", Role.OWNER),
        ("pod_name", "text", Role.OWNER),
        ("duration_seconds", "float8", Role.DURATION),
    ],
)
def test_a_column_has_its_role(name: str, type_: str, role: Role) -> None:
    assert found(name, type_) is role


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("start_date", "date"),  # a day has no time
        ("start_count", "int8"),
        ("payment_status", "text"),
        ("us_state", "text"),
        ("is_admin", "bool"),
        ("user_id", "int8"),
        ("started_by", "text"),
        ("end", "text"),
    ],
)
def test_a_column_of_another_meaning_or_type_has_none(name: str, type_: str) -> None:
    assert found(name, type_) is None


def test_the_words_of_the_table_itself_add_nothing() -> None:
    assert found("ride_start", "timestamptz", of="rides") is Role.START
