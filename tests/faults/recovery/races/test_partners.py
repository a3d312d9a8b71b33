"""Others hold what recovery needs, or want what it holds: it goes away soon, and comes again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.collection.declarations import source_of
from tests.support.processes.background import Background
from tests.support.processes.session_exporter import wait_for
from tests.support.recovery.chats import ACTS, SOURCE, Chats
from tests.support.recovery.gates import GATED, GATES
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.scenarios import races

#: The application counts its active chats in another row, in a trigger.
COUNTED = """
CREATE TABLE public.counts (active integer NOT NULL);
INSERT INTO public.counts VALUES (2);
CREATE FUNCTION public.count_chats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.counts SET active = active - 1;
    RETURN NULL;
END $$;
CREATE TRIGGER count_chats AFTER UPDATE OF is_active ON public.chats
    FOR EACH ROW EXECUTE FUNCTION public.count_chats();
"""

SLOW = """
CREATE FUNCTION public.dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(60);
    RETURN NULL;
END $$;
CREATE TRIGGER dawdle AFTER UPDATE OF is_active ON public.chats
    FOR EACH ROW EXECUTE FUNCTION public.dawdle();
"""


@pytest.fixture
def recoveries(chats: Chats) -> Iterator[Recoveries]:
    """With the deadlines as they are."""
    with Background() as background:
        yield Recoveries(chats, background)


def recover_all(recoveries: Recoveries, *expected: int) -> None:
    with recoveries.recovery() as recovery:
        assert [int(each.session) for each in recovery.finish().recovered] == list(expected)


@pytest.mark.quick("write")
@pytest.mark.parametrize("step", ["write", "commit"])
def test_a_recovery_that_freezes_keeps_nobody_waiting_for_long(
    recoveries: Recoveries, step: str
) -> None:
    races.a_recovery_that_freezes_keeps_nobody_waiting_for_long(recoveries, step)


def test_a_locked_table_is_left_alone_soon(recoveries: Recoveries) -> None:
    races.a_locked_table_is_left_alone_soon(recoveries)


def test_who_wants_to_lock_the_table_waits_for_one_batch_alone(recoveries: Recoveries) -> None:
    chats = recoveries.chats
    chats.add(1)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("write")
        call = application.begin("ALTER TABLE public.chats ADD COLUMN later integer")
        application.waits(call)
        assert len(recovery.finish().recovered) == 1
        call.result(20)
    assert chats.recovered == chats.audited == [1]


def test_where_each_waits_for_the_other_the_application_goes_on(recoveries: Recoveries) -> None:
    """Ours is the shorter patience, so that it never comes to a deadlock."""
    chats = recoveries.chats
    chats.add(1, 2)
    chats.do(COUNTED)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("write")
        with application.connection.transaction():
            application.do("UPDATE public.counts SET active = active")
            call = application.begin(ACTS["shows life"])
            application.waits(call)
            outcome = recovery.finish()
            assert call.result(20) == 1
    assert outcome.recovered == []
    assert outcome.skipped == 2
    recover_all(recoveries, 2)
    assert chats.recovered == chats.audited == [2]


def test_the_victim_of_a_deadlock_comes_again(recoveries: Recoveries) -> None:
    """Where the server looks for deadlocks sooner than that, recovery comes last and is found."""
    chats = recoveries.chats
    chats.add(1, 2)
    chats.do(COUNTED)
    chats.do(f"ALTER DATABASE {chats.database.name} SET deadlock_timeout = '20ms'")
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("write")
        application.connection.execute(b"SET deadlock_timeout = '10s'")
        with application.connection.transaction():
            application.do("UPDATE public.counts SET active = active")
            call = application.begin(ACTS["shows life"])
            application.waits(call)
            outcome = recovery.finish()
            assert call.result(20) == 1
    assert outcome.recovered == []
    assert outcome.skipped == 2
    recover_all(recoveries, 2)
    assert chats.recovered == chats.audited == [2]


def test_a_trigger_that_takes_its_time_is_stopped_by_the_server(recoveries: Recoveries) -> None:
    chats = recoveries.chats
    chats.add(1)
    chats.do(SLOW)
    with recoveries.recovery() as recovery, chats.application() as application:
        recovery.until("write")
        call = application.begin(ACTS["shows life"])
        application.waits(call)
        outcome = recovery.finish()
        assert call.result(20) == 1
    # It is tried again by itself: by then the application may have it, or wait for it once more.
    assert outcome.skipped + len(outcome.refused) == 1
    assert chats.recovered == chats.audited == []


def test_who_holds_what_a_trigger_wants_keeps_none_of_the_others(recoveries: Recoveries) -> None:
    chats = recoveries.chats
    chats.add(1, 2, 3)
    chats.do("CREATE TABLE public.users AS SELECT id, 0 AS chats FROM public.chats")
    chats.do("""
        CREATE FUNCTION public.count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            UPDATE public.users SET chats = chats - 1 WHERE id = NEW.id; RETURN NULL; END $$;
        CREATE TRIGGER count AFTER UPDATE ON public.chats
            FOR EACH ROW EXECUTE FUNCTION public.count()""")
    application = chats.application()
    with application, recoveries.recovery() as recovery, application.connection.transaction():
        application.do("UPDATE public.users SET chats = 5 WHERE id = 2")
        outcome = recovery.finish()
    assert (outcome.skipped, outcome.refused) == (1, {})
    assert chats.recovered == chats.audited == [1, 3]


def test_a_row_that_moves_to_another_partition_is_passed_over(
    recoveries: Recoveries, tmp_path: Path
) -> None:
    """After the lock's snapshot: the row is not where it was, and nobody can follow it."""
    chats = recoveries.chats
    chats.do("DROP TABLE public.messages, public.chats")
    chats.do(PARTITIONED)
    chats.do(GATES)
    chats.add(1, 2)
    gated = recoveries.on(source_of(tmp_path, GATED))
    chats.do("INSERT INTO public.gates VALUES ('lock')")
    with gated.recovery() as recovery, chats.application() as application:
        recovery.release()
        wait_for(lambda: chats.rows(SLEEPING), "it is about to lock")
        assert application.do(ACTS["ends"]) == 1
        before = chats.row()
        chats.do("DELETE FROM public.gates")
        outcome = recovery.finish()
    assert outcome.skipped == 2
    assert chats.row() == before
    recover_all(recoveries, 2)
    assert chats.recovered == chats.audited == [2]


def test_a_session_whose_new_values_cannot_be_computed_is_set_aside(
    recoveries: Recoveries, tmp_path: Path
) -> None:
    chats = recoveries.chats
    chats.add(1, 2, 3)
    text = SOURCE.replace(
        "'recovery'", "CASE s.id WHEN 2 THEN (1 / (s.id - 2))::text ELSE 'recovery' END"
    )
    with recoveries.on(source_of(tmp_path, text)).recovery() as recovery:
        outcome = recovery.finish()
    assert list(outcome.refused.items()) == [("2", "division by zero")]
    assert chats.recovered == chats.audited == [1, 3]


#: Closing moves a chat to another partition; PostgreSQL takes it for deleted and inserted.
PARTITIONED = """
CREATE TABLE public.chats (
    id integer, is_active boolean DEFAULT true, last_seen_at timestamptz,
    started_at timestamptz DEFAULT now() - interval '1 day', ended_at timestamptz, ended_by text,
    PRIMARY KEY (id, is_active)
) PARTITION BY LIST (is_active);
CREATE TABLE public.chats_active PARTITION OF public.chats FOR VALUES IN (true);
CREATE TABLE public.chats_ended PARTITION OF public.chats FOR VALUES IN (false);
CREATE TABLE public.messages (chat integer NOT NULL, at timestamptz NOT NULL DEFAULT now());
"""

SLEEPING = (
    "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
)
