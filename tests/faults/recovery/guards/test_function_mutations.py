"""Each guard of the printed functions is needed: without it something goes wrong that is seen."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.recovery.functions.chat import (
    TABLES,
    call,
    closed,
    config_of,
    found,
    lose,
    open_ones,
)
from tests.support.recovery.functions.installation import calling, install
from tests.support.recovery.statements.changes import (
    Change,
    with_call,
    with_column,
    without_branch,
    without_condition,
    without_words,
)
from tests.support.recovery.statements.templates import Templates
from tests.support.servers.statements import execute

STOP = "INSERT INTO session_exporter.stop (source, brake, why) VALUES ('chat', 'share', 'a test')"

Connection = psycopg.Connection[Any]
Holds = Callable[[EmbeddedDatabase, Connection], bool]
Recreate = Callable[[], Awaitable[None]]


@pytest.fixture
def recreate(database: EmbeddedDatabase, tmp_path: Path) -> Recreate:
    """Five lost chats, and the functions as the templates are now; three may be closed an hour."""
    execute(database, TABLES)
    lose(database, 5)

    async def recreate() -> None:
        config = config_of(database, tmp_path)
        await install(database, config, calling(config.sources["chat"]))

    return recreate


def heeds_the_isolation(database: EmbeddedDatabase, connection: Connection) -> bool:
    connection.execute(b"SET default_transaction_isolation = 'repeatable read'")
    return is_refused(database, connection)


def is_refused(database: EmbeddedDatabase, connection: Connection) -> bool:
    try:
        closed(database, connection)
    except psycopg.errors.InvalidTransactionState:
        return True
    return False


def heeds_the_budget(database: EmbeddedDatabase, connection: Connection) -> bool:
    return len(closed(database, connection, "auto")) == 3


def heeds_a_pause(database: EmbeddedDatabase, connection: Connection) -> bool:
    execute(database, "INSERT INTO session_exporter.pause (source) VALUES ('chat')")
    return closed(database, connection, "auto") == set()


def heeds_a_stop(database: EmbeddedDatabase, connection: Connection) -> bool:
    execute(database, STOP)
    try:
        return closed(database, connection, "auto") == set()
    except psycopg.Error:  # automatically nothing that it holds is asked for
        return False


def refuses_what_a_stop_holds(database: EmbeddedDatabase, connection: Connection) -> bool:
    execute(database, STOP)
    return is_failure(database, connection, "XS005")


def passes_over_what_is_locked(database: EmbeddedDatabase, connection: Connection) -> bool:
    with database.connect() as holder, holder.transaction():
        holder.execute(b"SELECT FROM public.chat WHERE id = 1 FOR UPDATE")
        try:
            return closed(database, connection) == {"2", "3", "4", "5"}
        except psycopg.errors.LockNotAvailable:
            return False


def closes_each_in_its_version(database: EmbeddedDatabase, connection: Connection) -> bool:
    statement = found(database) + call()
    execute(database, "UPDATE public.chat SET length = 1 WHERE id = 1")
    connection.execute(statement.encode())
    return open_ones(database) == {1}


def heeds_a_trigger_that_skips(database: EmbeddedDatabase, connection: Connection) -> bool:
    triggers(database, "BEFORE UPDATE ON public.chat", "RETURN NULL;")
    return is_failure(database, connection, "XS001")


def heeds_a_session_that_stays_active(database: EmbeddedDatabase, connection: Connection) -> bool:
    triggers(database, "BEFORE UPDATE ON public.chat", "NEW.is_open := true; RETURN NEW;")
    return is_failure(database, connection, "XS002")


def heeds_an_audit_that_skips(database: EmbeddedDatabase, connection: Connection) -> bool:
    triggers(database, "BEFORE INSERT ON session_exporter.recovery", "RETURN NULL;")
    return is_failure(database, connection, "XS003")


def triggers(database: EmbeddedDatabase, event: str, does: str) -> None:
    execute(
        database,
        "CREATE FUNCTION public.meddle() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN {does} END $$",
        f"CREATE TRIGGER meddle {event} FOR EACH ROW EXECUTE FUNCTION public.meddle()",
    )


def is_failure(database: EmbeddedDatabase, connection: Connection, state: str) -> bool:
    try:
        closed(database, connection)
    except psycopg.Error as error:
        return error.sqlstate == state and open_ones(database) == {1, 2, 3, 4, 5}
    return False


class Mutation(NamedTuple):
    """A template without one of its guards, and what does not hold then."""

    template: str
    change: Change
    holds: Holds


BODY, REQUIREMENTS = "recovery/functions/recover_body", "recovery/functions/requirements"
LOCK, CLOSE = "recovery/close/lock", "recovery/close/close"
ROWS = "recovery/close/closed_rows"
FOUND, WRITTEN = "session_exporter_found_count", "session_exporter_written_count"
STILL_ACTIVE = "session_exporter_is_active"

MUTATIONS = [
    Mutation(REQUIREMENTS, without_branch("'transaction_isolation'"), heeds_the_isolation),
    Mutation(BODY, with_call("greatest", "1000"), heeds_the_budget),
    Mutation(BODY, without_branch("{paused}"), heeds_a_pause),
    Mutation(CLOSE, without_condition("{skips_held}"), heeds_a_stop),
    Mutation(BODY, without_branch("session_exporter_is_held"), refuses_what_a_stop_holds),
    Mutation(CLOSE, with_column("session_exporter_is_held", "false"), refuses_what_a_stop_holds),
    Mutation(LOCK, without_words("SKIP LOCKED"), passes_over_what_is_locked),
    Mutation(CLOSE, without_condition("xmin"), closes_each_in_its_version),
    Mutation(BODY, without_branch(FOUND), heeds_a_trigger_that_skips),
    Mutation(CLOSE, with_column(STILL_ACTIVE, "false"), heeds_a_session_that_stays_active),
    Mutation(BODY, without_branch(STILL_ACTIVE), heeds_a_session_that_stays_active),
    Mutation(BODY, without_branch(WRITTEN), heeds_an_audit_that_skips),
    Mutation(ROWS, with_column(FOUND, "0"), heeds_a_trigger_that_skips),
    Mutation(ROWS, with_column(WRITTEN, "1000"), heeds_an_audit_that_skips),
]


@pytest.mark.quick("closes_each")
@pytest.mark.parametrize(
    "mutation",
    MUTATIONS,
    ids=[f"{each.holds.__name__}: {each.template} {each.change}" for each in MUTATIONS],
)
async def test_without_a_guard_something_goes_wrong(
    database: EmbeddedDatabase, recreate: Recreate, templates: Templates, mutation: Mutation
) -> None:
    templates.change(mutation.template, mutation.change)
    await recreate()
    with database.connect(RECOVERY_ROLE) as connection:
        assert not mutation.holds(database, connection)


@pytest.mark.quick("closes_each")
@pytest.mark.parametrize("holds", dict.fromkeys(each.holds for each in MUTATIONS))
async def test_with_every_guard_it_holds(
    database: EmbeddedDatabase, recreate: Recreate, holds: Holds
) -> None:
    await recreate()
    with database.connect(RECOVERY_ROLE) as connection:
        assert holds(database, connection)
