"""Which tables become sources, which are asked about, and which are left out."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from exporter.discover.facts import Activity, ForeignKey, IndexFacts
from tests.support.corpus.tables import (
    DAY,
    HOUR,
    NOW,
    partial,
    reason,
    sample,
    source,
    table,
    times,
)

PRIMARY = IndexFacts(is_primary=True, is_unique=True, columns=["id"], predicate=None)
COLUMNS = "id int8!, started_at timestamptz!, ended_at timestamptz"
STARTS, ENDS = times(150, 5)


def keys(found: object) -> set[str]:
    return {each.key for each in found.questions}  # type: ignore[attr-defined]


def test_an_end_that_some_rows_lack_is_what_makes_the_others_active() -> None:
    found = source(table("visits", COLUMNS), sample(started_at=STARTS, ended_at=ENDS))
    assert found.is_live
    assert found.value("active") == "ended_at IS NULL"
    assert found.value("orphaned_after") == "45m"
    assert found.questions == []


def test_a_reserved_word_is_quoted_in_sql_and_plain_as_a_key() -> None:
    found = source(
        table("visits", "start timestamptz, end timestamptz"), sample(start=STARTS, end=ENDS)
    )
    assert found.value("active") == '"end" IS NULL'
    assert found.value("ended_at") == "end"


def test_a_flag_that_the_ends_confirm_is_taken() -> None:
    flags = [end is None for end in ENDS]
    given = table("visits", f"{COLUMNS}, is_active bool!")
    found = source(given, sample(started_at=STARTS, ended_at=ENDS, is_active=flags))
    assert found.value("active") == "is_active"


def test_a_flag_that_is_true_of_most_rows_with_an_end_archives() -> None:
    given = table("visits", f"{COLUMNS}, active bool!")
    rows = sample(started_at=STARTS, ended_at=ENDS, active=[True] * len(ENDS))
    assert source(given, rows).value("active") == "ended_at IS NULL"


def test_a_status_is_taken_where_rows_without_an_end_have_not_begun() -> None:
    statuses = ["running" if end is None else "failed" for end in ENDS]
    rows = sample(
        started_at=[*STARTS, None, None],
        ended_at=[*ENDS, None, None],
        status=[*statuses, "pending", "pending"],
    )
    given = table("runs", "id int8!, status text, started_at timestamptz, ended_at timestamptz")
    found = source(given, rows)
    assert (found.is_live, found.value("active")) == (True, "status = 'running'")


def test_a_value_that_says_nothing_is_asked_about() -> None:
    statuses = ["running" if end is None else "done" for end in ENDS]
    statuses[-1] = "zombie"
    given = table("runs", f"{COLUMNS}, status text")
    found = source(given, sample(started_at=STARTS, ended_at=ENDS, status=statuses))
    assert found.value("active") == "ended_at IS NULL"  # which no row contradicts
    without_end = table("runs", "id int8!, started_at timestamptz, status text")
    found = source(without_end, sample(started_at=STARTS, status=statuses))
    assert (found.is_live, "active" in keys(found)) == (False, True)


def test_the_predicate_of_a_partial_index_is_the_best_proof() -> None:
    index = partial("started_at", where="(status = 'in_progress'::text)")
    given = table("runs", f"{COLUMNS}, status text!", indexes=[index])
    found = source(given, sample())
    assert (found.is_live, found.value("active")) == (True, "status = 'in_progress'")


def test_an_index_by_who_may_have_one_open_row_is_of_memberships_too() -> None:
    index = partial("user_id", where="(ended_at IS NULL)")
    given = table("visits", f"{COLUMNS}, user_id int8", indexes=[index])
    assert not source(given, sample()).is_live
    assert source(given, sample(started_at=STARTS, ended_at=ENDS)).is_live


def test_names_alone_are_a_question() -> None:
    assert not source(table("visits", COLUMNS), sample()).is_live


@pytest.mark.parametrize("ends", [[None] * len(STARTS), [each + 600 for each in STARTS]])
def test_an_end_that_no_row_has_or_every_row_is_a_question(ends: list[float | None]) -> None:
    found = source(table("visits", COLUMNS), sample(started_at=STARTS, ended_at=ends))
    assert (found.is_live, "active" in keys(found)) == (False, True)


def test_numbers_count_in_the_unit_that_gives_times_of_this_century() -> None:
    given = table("visits", "id int8!, timestart int8!, timefinish int8!")
    rows = sample(
        timestart=[1000 * each for each in STARTS],
        timefinish=[0 if each is None else 1000 * each for each in ENDS],
    )
    found = source(given, rows)
    assert found.value("started_at") == {"column": "timestart", "epoch": "ms"}
    assert found.value("active") == "timefinish = 0"
    assert found.is_live


def test_a_number_without_rows_is_a_question() -> None:
    index = partial("start_time", where="(end_time IS NULL)")
    given = table("visits", "id int8!, start_time int8!, end_time int8", indexes=[index])
    assert "started_at" in keys(source(given, sample()))


@pytest.mark.parametrize(
    ("ahead", "is_live"), [(0.0, True), (2 * HOUR, False), (-7 * HOUR, False), (0.5 * HOUR, False)]
)
def test_a_zone_is_confirmed_by_what_is_fresh_and_never_guessed(
    ahead: float, is_live: bool
) -> None:
    given = table("visits", COLUMNS.replace("timestamptz", "timestamp"))
    shifted = [None if each is None else each + ahead for each in ENDS]
    starts = [*STARTS[:-1], NOW - 1]
    rows = sample(started_at=[each + ahead for each in starts], ended_at=shifted)
    found = source(given, rows)
    assert found.value("timestamps_in") == "UTC"
    assert (found.is_live, "timestamps_in" in keys(found)) == (is_live, not is_live)
    if ahead == 2 * HOUR:
        assert any("2 whole hours ahead" in each.text for each in found.questions)


def test_a_heartbeat_is_the_last_sign_of_life() -> None:
    given = table("visits", f"{COLUMNS}, last_heartbeat_at timestamptz")
    rows = sample(started_at=STARTS, ended_at=ENDS, last_heartbeat_at=[NOW - 9] * len(STARTS))
    found = source(given, rows)
    assert found.value("last_seen_at") == "last_heartbeat_at"


@pytest.mark.parametrize("moves", [True, False])
def test_a_column_that_any_change_moves_is_taken_where_it_moves_while_active(moves: bool) -> None:
    given = table("visits", f"{COLUMNS}, updated_at timestamptz")
    updated = [start + 60 * moves for start in STARTS]
    found = source(given, sample(started_at=STARTS, ended_at=ENDS, updated_at=updated))
    assert found.value("last_seen_at") == ("updated_at" if moves else None)
    assert ("last_seen_at" in keys(found)) is not moves


@pytest.mark.parametrize(("oldest", "is_asked"), [(DAY, True), (3 * DAY, False)])
def test_starts_alone_are_asked_about_where_all_rows_are_young(
    oldest: float, is_asked: bool
) -> None:
    given = table("calls", "id int8!, started timestamptz!, host text")
    rows = sample(started=[NOW - oldest, *(NOW - 60 * row for row in range(40))])
    if is_asked:
        assert source(given, rows).value("active") is True
        assert "active" in keys(source(given, rows))
    else:
        assert reason(given, rows) == "no column says what ends a row"


def test_rows_most_of_which_never_end_may_be_memberships() -> None:
    starts, ends = times(120, 300)
    found = source(table("room_people", COLUMNS), sample(started_at=starts, ended_at=ends))
    assert not found.is_live
    assert any("300 of 420 rows are active" in each.text for each in found.questions)


def test_rows_that_last_for_days_are_asked_about_and_for_weeks_left_out() -> None:
    starts, ends = times(150, 5, length=2 * DAY)
    assert not source(table("visits", COLUMNS), sample(started_at=starts, ended_at=ends)).is_live
    starts, ends = times(150, 5, length=8 * DAY)
    rows = sample(started_at=starts, ended_at=ends)
    assert "8 days" in reason(table("visits", COLUMNS), rows)


def test_ends_in_the_future_are_planned() -> None:
    planned = [each + 400 * DAY for each in STARTS]
    rows = sample(started_at=STARTS, ended_at=planned)
    assert "in the future" in reason(table("visits", COLUMNS), rows)


def test_an_end_that_is_never_null_is_set_at_insert() -> None:
    given = table("visits", "started_at timestamptz!, ended_at timestamptz!")
    rows = sample(started_at=STARTS, ended_at=[each + 60 for each in STARTS])
    assert "NOT NULL" in reason(given, rows)


@pytest.mark.parametrize(
    ("name", "columns", "says"),
    [
        ("seasons", COLUMNS, "season"),
        ("subscriptions", COLUMNS, "subscription"),
        ("group_memberships", COLUMNS, "membership"),
        ("invoices", f"{COLUMNS}, status text", "invoice"),
        ("support_tickets", f"{COLUMNS}, status text", "ticket"),
        ("access_tokens", "created_at timestamptz, revoked_at timestamptz, active bool", "token"),
        (
            "web_sessions",
            "created_at timestamptz, last_seen_at timestamptz, expires_at timestamptz",
            "expire by themselves",
        ),
        ("toggles", "created_at timestamptz, is_active bool", "toggle"),
        ("widgets", "created_at timestamptz, is_active bool", "switch"),
    ],
)
def test_what_only_looks_like_sessions_is_left_out_with_the_reason(
    name: str, columns: str, says: str
) -> None:
    assert says in reason(table(name, columns), sample())


def test_recovery_is_proposed_with_a_value_that_the_status_may_have() -> None:
    states = ("open", "closed", "abandoned")
    index = partial("started_at", where="(state = 'open'::x)")
    given = table("visits", f"{COLUMNS}, state x", indexes=[index], labels={"state": states})
    found = {each.key: each.value for each in source(given, sample()).recovery}
    assert found == {"state": "'abandoned'", "ended_at": "{end}"}


def test_messages_and_servers_are_proposed_with_a_question() -> None:
    given = table("visits", f"{COLUMNS}, server_id text", indexes=[PRIMARY])
    given.referenced_by.append(ForeignKey(2, ["visit_id"], 1))
    messages = replace(table("visit_messages", "visit_id int8, created_at timestamptz"), oid=2)
    servers = replace(table("servers", "id text, last_seen_at timestamptz"), oid=3)
    rows = sample(started_at=STARTS, ended_at=ENDS)
    found = source(given, rows, [messages, servers])
    assert found.is_live
    assert keys(found) == {"last_seen_at", "owner"}
    assert found.value("last_seen_at") is None
    (line,) = (each for each in found.lines if each.key == "last_seen_at")
    assert "max(m.created_at) FROM public.visit_messages" in line.value
    assert found.value("owner") == "server_id"
    assert any("seen_at: last_seen_at" in each.text for each in found.questions)
    others = [replace(messages, name="visit_tags"), replace(servers, name="offices")]
    assert keys(source(given, rows, others)) == set()


def test_a_table_in_which_nothing_starts_or_no_row_is_updated_is_asked_about() -> None:
    given = replace(table("visits", COLUMNS), activity=Activity(100, 0, 0))
    long_ago = [each - 31 * DAY for each in STARTS]
    ends = [None if each is None else each - 31 * DAY for each in ENDS]
    found = source(given, sample(started_at=long_ago, ended_at=ends))
    assert (found.is_live, keys(found)) == (True, {"table", "ended_at"})
    given = replace(table("visits", COLUMNS), activity=Activity(100, 1, 0))
    assert keys(source(given, sample(started_at=STARTS, ended_at=ENDS))) == set()


@pytest.mark.parametrize(
    ("end", "length", "states", "is_live"),
    [
        ("completed_at", 600.0, ("running", "failed"), True),
        ("closed_at", 600.0, ("running", "failed"), False),
        ("completed_at", 10 * HOUR, ("running", "failed"), False),
        ("completed_at", 600.0, ("running", "pending"), False),
    ],
)
def test_a_session_starts_with_its_row_where_a_program_ends_it_and_nothing_waits(
    end: str, length: float, states: tuple[str, str], is_live: bool
) -> None:
    starts, ends = times(150, 5, length=length)
    status = [states[end is not None] for end in ends]
    given = table("scans", f"id int8!, status text, created_at timestamptz, {end} timestamptz")
    found = source(given, sample(created_at=starts, status=status, **{end: ends}))
    assert (found.is_live, "started_at" in keys(found)) == (is_live, not is_live)


#: Columns and values beside the start and the end, by which one of the two cannot be all.
UNCLEAR: dict[str, tuple[str, Callable[[float | None], object]]] = {
    "a paused session has no end": ("status text", lambda end: "done" if end else "paused"),
    "rows wait and have no end": ("state text", lambda end: "done" if end else "waiting"),
    "rows without an end were cancelled": ("cancelled_at timestamptz", lambda end: end or NOW),
    "active rows are deleted": ("deleted_at timestamptz", lambda end: None if end else NOW),
    "rows with an end are flagged active": (
        "online bool!",
        lambda end: end is None or end > NOW - DAY,
    ),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_rows_without_an_end_that_may_not_be_active_are_asked_about(case: str) -> None:
    column, value = UNCLEAR[case]
    given = table("visits", f"{COLUMNS}, {column}")
    values = {column.split()[0]: [value(end) for end in ENDS]}
    assert not source(given, sample(started_at=STARTS, ended_at=ENDS, **values)).is_live


def test_rows_that_were_abandoned_without_an_end_are_not_active() -> None:
    rows = [*ENDS[:100], *([None] * 55)]
    states = ["done"] * 100 + ["abandoned"] * 50 + ["in_progress"] * 5
    found = source(
        table("visits", f"{COLUMNS}, status text"),
        sample(started_at=STARTS, ended_at=rows, status=states),
    )
    assert (found.is_live, found.value("active")) == (True, "status = 'in_progress'")


@pytest.mark.parametrize("none", [float("inf"), "start"])
def test_an_end_that_is_infinite_or_at_the_start_is_a_question(none: float | str) -> None:
    ends = [
        (start if none == "start" else none) if end is None else end
        for start, end in zip(STARTS, ENDS, strict=True)
    ]
    given = table("visits", "started_at timestamptz!, ended_at timestamptz!")
    assert "active" in keys(source(given, sample(started_at=STARTS, ended_at=ends)))


def test_rows_that_have_not_begun_wait() -> None:
    given = table("jobs", "id int8!, performed_at timestamptz, finished_at timestamptz")
    rows = sample(performed_at=[*STARTS, None, None], finished_at=[*ENDS, None, None])
    found = source(given, rows)
    assert found.is_live
    assert found.value("active") == "performed_at IS NOT NULL AND finished_at IS NULL"


@pytest.mark.parametrize("has_index", [True, False])
def test_a_flag_of_rows_that_have_not_begun_needs_a_start(has_index: bool) -> None:
    index = [partial("job_id", where="(NOT completed)")] * has_index
    columns = "id int8!, started_at timestamptz, ended_at timestamptz, completed bool!"
    given = table("builds", columns, indexes=index)
    done = [end is not None for end in ENDS]
    rows = sample(started_at=[*STARTS, None], ended_at=[*ENDS, None], completed=[*done, False])
    found = source(given, rows)
    assert (found.is_live, found.value("active")) == (
        True,
        "started_at IS NOT NULL AND NOT completed",
    )


def test_a_name_that_may_be_of_sessions_is_asked_about_where_two_columns_end_them() -> None:
    given = table("transactions", "created_at timestamptz!, is_active bool, charging_state text")
    flags = [end is None for end in ENDS]
    states = ["Charging" if each else "Idle" for each in flags]
    found = source(given, sample(created_at=STARTS, is_active=flags, charging_state=states))
    assert (found.is_live, "table" in keys(found)) == (False, True)


def test_a_row_that_lives_while_it_has_a_start_is_a_question() -> None:
    given = table("spawners", "started timestamptz, last_activity timestamptz, state text")
    rows = sample(
        started=[*STARTS, None], last_activity=[NOW] * (len(STARTS) + 1), state=[None] * 156
    )
    found = source(given, rows)
    assert (found.is_live, found.value("active")) == (False, "started IS NOT NULL")


def test_an_index_that_the_rows_contradict_is_a_question() -> None:
    index = partial("started_at", where="is_active")
    given = table("visits", f"{COLUMNS}, is_active bool!", indexes=[index])
    flags = [end is None or row < 60 for row, end in enumerate(ENDS)]
    assert not source(given, sample(started_at=STARTS, ended_at=ENDS, is_active=flags)).is_live
