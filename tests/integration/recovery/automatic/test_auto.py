"""Recovery by itself, on a real database: what it closes, when it does not, and what it tells."""

import asyncio

import pytest

from exporter.collection import job
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.functions import definitions
from tests.support.recovery.automatic.runner import (
    Recover,
    open_ones,
    sessions,
)
from tests.support.servers.statements import execute, rows

MESSAGES = (
    "EXISTS (SELECT FROM public.message AS m WHERE m.chat = s.id"
    " AND m.at > now() - interval '1 hour')"
)


def fill_audit(
    session: str = "'1'", *, source: str = "chat", trigger: str = "auto", at: str = "now()"
) -> str:
    """A row as somebody else would have written it; `session` and `at` are SQL."""
    return (
        "INSERT INTO session_exporter.recovery"
        " (run, at, source, relation, session, trigger, evidence, before, after, row_version)"
        f" VALUES (gen_random_uuid(), {at}, '{source}', '\"public\".\"chat\"',"
        f" ARRAY[({session})::text], '{trigger}', '{{}}', '{{}}', '{{}}', '1')"
    )


async def test_what_is_orphaned_in_two_runs_is_closed_and_nothing_else(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 4, seen="5 minutes")
    sessions(database, 7, 1, seen="8 days")  # backlog
    async with recover() as runner:
        state = await runner.run()
        assert open_ones(database) == {1, 2, 3, 4, 5, 6, 7}
        assert (state.candidates, state.brakes) == (2, frozenset())
        state = await runner.run()
        assert open_ones(database) == {3, 4, 5, 6, 7}
        state = await runner.run()
        assert state.recovered == {"auto": 2, "manual": 0, "close": 0}
        assert state.candidates == 0
        assert state.last_run == 1_700_000_000.0
    ended = rows(database, "SELECT id, ended = seen FROM public.chat WHERE ended IS NOT NULL")
    assert sorted(ended) == [(1, True), (2, True)]
    audit = "SELECT session[1], trigger, source, before ->> 'ended' FROM session_exporter.recovery"
    assert sorted(rows(database, audit)) == [
        ("1", "auto", "chat", None),
        ("2", "auto", "chat", None),
    ]


@pytest.mark.quick("by statements")
async def test_a_sign_of_life_between_the_runs_starts_over(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 4, seen="5 minutes")
    async with recover() as runner:
        await runner.run()
        execute(database, "UPDATE public.chat SET seen = now() - interval '90 min' WHERE id = 1")
        await runner.run()
        assert open_ones(database) == {1, 3, 4, 5, 6}
        await runner.run()
        assert open_ones(database) == {3, 4, 5, 6}


@pytest.mark.quick("by statements")
async def test_a_dry_run_writes_nothing(database: EmbeddedDatabase, recover: Recover) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 4, seen="5 minutes")
    execute(database, "DROP SCHEMA session_exporter CASCADE")
    async with recover(mode="dry_run") as runner:
        state = await runner.run(3)
        assert len(open_ones(database)) == 6
        assert state.candidates == 2
        assert sum(state.failed.values()) == 0


@pytest.mark.quick("by statements")
async def test_without_an_audit_table_nothing_is_closed(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 4, seen="5 minutes")
    async with recover() as runner:
        execute(database, "DROP SCHEMA session_exporter CASCADE")
        state = await runner.run(3)
        assert len(open_ones(database)) == 6
        assert state.failed["schema"] == 3


@pytest.mark.quick("by statements")
async def test_an_hour_has_a_budget_that_several_exporters_share_at_the_same_time(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 9)
    sessions(database, 100, 41, seen="5 minutes")
    # What one closes takes its time, so that the other would count too few if it did not wait.
    execute(
        database,
        "CREATE FUNCTION public.dawdle() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$",
        "CREATE TRIGGER dawdle AFTER UPDATE ON public.chat"
        " FOR EACH ROW EXECUTE FUNCTION public.dawdle()",
    )
    async with recover(per_hour=5, batch=2) as one, recover(per_hour=5, batch=2) as other:
        for _ in range(4):
            await asyncio.gather(one.run(), other.run())
        assert len(open_ones(database)) == 41 + 4
        (count,) = rows(
            database, "SELECT count(*), count(DISTINCT session) FROM session_exporter.recovery"
        )
        assert count == (5, 5)
        assert one.state.skipped["budget"] + other.state.skipped["budget"] > 0


@pytest.mark.quick("by statements")
async def test_one_run_closes_no_more_than_it_may(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 7)
    sessions(database, 100, 41, seen="5 minutes")
    async with recover(per_run=3) as runner:
        await runner.run(2)
        assert len(open_ones(database)) == 41 + 4
        await runner.run(2)
        assert len(open_ones(database)) == 41


@pytest.mark.quick("by statements")
async def test_sessions_that_somebody_holds_for_long_keep_none_of_the_others(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3, seen="3 hours")
    sessions(database, 10, 4)
    sessions(database, 100, 41, seen="5 minutes")
    async with recover(per_run=3) as runner:
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM public.chat WHERE id < 4 FOR UPDATE")
            await runner.run(4)
            assert {id_ for id_ in open_ones(database) if id_ < 100} <= {1, 2, 3, 13}
        await runner.run(3)
    assert len(open_ones(database)) == 41


@pytest.mark.slow
async def test_while_the_application_is_down_nothing_is_closed_and_nothing_when_it_is_back(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 5, seen="61 minutes")
    async with recover() as runner:
        state = await runner.run(4)
        assert state.brakes == {"silent", "share"}
        execute(database, "UPDATE public.chat SET seen = now() WHERE id = 1")
        state = await runner.run(4)
        assert state.brakes == {"grace", "share"}  # a stop, until all are back
        execute(database, "UPDATE public.chat SET seen = now()")
        state = await runner.run(30)
        assert state.brakes == {"grace"}
        state = await runner.run(450)  # half of orphaned_after
        assert state.brakes == frozenset()
        assert len(open_ones(database)) == 5


@pytest.mark.quick("by statements")
async def test_where_only_starts_are_known_a_rare_one_is_a_sign_of_life(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(
        database,
        "INSERT INTO public.chat (id, started)"
        " SELECT n, now() - n * interval '46 minutes' FROM generate_series(1, 5) AS n",
    )
    async with recover({"last_seen_at": None}, end_at="now", trust_age=True) as runner:
        assert (await runner.run(2)).brakes == frozenset()
    assert open_ones(database) == {1}


@pytest.mark.quick("by statements")
async def test_an_outage_closes_nothing_though_the_heartbeats_stop_one_after_the_other(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    # Each session was to be seen every half hour, and the application stopped 31 minutes ago.
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen)"
        " SELECT n, now() - interval '1 day', now() - interval '31 minutes' - n * interval '90 s'"
        " FROM generate_series(0, 19) AS n",
    )
    async with recover() as runner:
        for _ in range(30):
            state = await runner.run(2)
            together = {"share"} if (state.candidates or 0) > 3 else set()
            assert state.brakes == {"silent"} | together
            execute(database, "UPDATE public.chat SET seen = seen - interval '1 minute'")
    assert len(open_ones(database)) == 20


@pytest.mark.quick("by statements-NULL")
@pytest.mark.parametrize("seen", ["NULL", "now() + interval '1 year'"])
async def test_a_session_without_a_usable_time_does_not_make_a_silent_application_look_alive(
    database: EmbeddedDatabase, recover: Recover, seen: str
) -> None:
    sessions(database, 1, 5, seen="61 minutes")
    execute(
        database,
        "ALTER TABLE public.chat ALTER started DROP NOT NULL",
        f"INSERT INTO public.chat (id, started, seen) VALUES (99, NULL, {seen})",
    )
    async with recover() as runner:
        assert (await runner.run(4)).brakes == {"silent", "share"}
    assert len(open_ones(database)) == 6


@pytest.mark.quick("by statements")
async def test_a_backlog_does_not_make_a_share_look_small(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 25, seen="61 minutes")
    sessions(database, 100, 1, seen="5 minutes")
    sessions(database, 1000, 200, seen="20 days")
    async with recover() as runner:
        assert (await runner.run(4)).brakes == {"share"}
    assert len(open_ones(database)) == 226


@pytest.mark.quick("by statements")
async def test_a_session_without_an_id_keeps_none_of_the_others(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 6, seen="5 minutes")
    execute(
        database,
        "ALTER TABLE public.chat DROP CONSTRAINT chat_pkey",
        "ALTER TABLE public.chat ALTER id DROP NOT NULL",
        "CREATE UNIQUE INDEX ON public.chat (id)",
        "INSERT INTO public.chat (id, seen, started)"
        " VALUES (NULL, now() - interval '2 hours', now() - interval '2 hours')",
    )
    async with recover() as runner:
        state = await runner.run(2)
    assert sum(state.failed.values()) == 0
    assert open_ones(database) == {None, 3, 4, 5, 6, 7, 8}


@pytest.mark.quick("by statements")
async def test_a_column_that_a_unique_index_only_includes_names_no_row(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    async with recover() as runner:
        execute(
            database,
            "ALTER TABLE public.chat DROP CONSTRAINT chat_pkey",
            "ALTER TABLE public.chat ADD other serial",
            "CREATE UNIQUE INDEX ON public.chat (other) INCLUDE (id)",
        )
        assert (await runner.run()).failed["schema"] == 1


@pytest.mark.quick("by statements")
async def test_a_connection_that_was_ended_while_it_was_idle_is_no_failure(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 1)
    sessions(database, 100, 60, seen="5 minutes")
    hang_up = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'session-exporter' AND datname = current_database()"
    )
    async with recover() as runner:
        for _ in range(3):
            state = await runner.run()
            assert set(rows(database, hang_up)) == {(True,)}
    assert 1 not in open_ones(database)
    assert sum(state.failed.values()) == 0


@pytest.mark.quick("by statements")
async def test_evidence_that_cannot_be_read_is_a_brake(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 4, seen="5 minutes")
    execute(database, "CREATE TABLE public.message (chat int, at timestamptz)")
    evidence = (
        "EXISTS (SELECT FROM public.message AS m WHERE m.chat = s.id"
        " AND m.at > now() - interval '1 hour')"
    )
    async with recover(evidence=evidence) as runner:
        await runner.run()
        execute(database, "ALTER TABLE public.message RENAME TO letter")
        state = await runner.run(3)
        assert state.brakes == {"blind"}
        execute(
            database,
            "ALTER TABLE public.letter RENAME TO message",
            "INSERT INTO public.message VALUES (1, now())",
        )
        state = await runner.run()
        assert (state.brakes, open_ones(database)) == (frozenset(), {1, 2, 3, 4, 5, 6})
        await runner.run(2)
        assert open_ones(database) == {1, 3, 4, 5, 6}


@pytest.mark.quick("by statements-evidence")
@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ({"evidence": "1 / (s.id - 1) < 0"}, "recovery.evidence, which fails"),
        ({"exempt": "1 / (s.id - 1) < 0"}, "recovery.exempt, which fails"),
        ({"end_at": "s.seen + interval '1 s' / (s.id - 1)"}, "recovery.end_at, which fails"),
    ],
    ids=["evidence", "exempt", "end_at"],
)
async def test_an_expression_that_fails_for_one_session_closes_none_and_is_named(
    database: EmbeddedDatabase,
    recover: Recover,
    caplog: pytest.LogCaptureFixture,
    expression: dict[str, str],
    named: str,
) -> None:
    sessions(database, 1, 3)
    sessions(database, 100, 60, seen="5 minutes")
    async with recover(**expression) as runner:
        await runner.run(3)
        assert len(open_ones(database)) == 63
        (reported,) = [record for record in caplog.records if named in str(vars(record))]
        assert "division by zero" in str(vars(reported))
        execute(database, "DELETE FROM public.chat WHERE id = 1")
        await runner.run(2)
        assert len(open_ones(database)) == 60


@pytest.mark.quick("by statements")
async def test_a_row_that_a_trigger_protects_is_set_aside_and_the_others_go_on(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 3)
    sessions(database, 4, 12, seen="5 minutes")
    execute(
        database,
        "CREATE FUNCTION public.protect() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN IF NEW.id = 2 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER protect BEFORE UPDATE ON public.chat"
        " FOR EACH ROW EXECUTE FUNCTION public.protect()",
    )
    async with recover() as runner:
        state = await runner.run(2)
        assert open_ones(database) & {1, 2, 3} == {2}
        assert state.failed["refused"] == 1
        execute(database, "DROP TRIGGER protect ON public.chat")
        state = await runner.run(10)  # it is left alone for a minute
        assert state.failed["refused"] == 1
        assert open_ones(database) & {1, 2, 3} == {2}
        await runner.run(6)
        assert open_ones(database) & {1, 2, 3} == set()


@pytest.mark.quick(
    "by statements-UPDATE public.chat SET seen", "by statements-UPDATE public.chat SET ended"
)
@pytest.mark.parametrize(
    "later",
    [
        "UPDATE public.chat SET seen = now() + interval '1 second' WHERE id = 1",
        "UPDATE public.chat SET ended = now() WHERE id = 1",
        "UPDATE public.chat SET is_open = true, ended = NULL, seen = now() WHERE id = 1",
    ],
)
async def test_a_recovered_session_that_shows_life_or_a_genuine_end_is_told_once(
    database: EmbeddedDatabase, recover: Recover, later: str
) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 6, seen="5 minutes")
    execute(database, "ALTER TABLE public.chat ADD note text")
    async with recover() as runner:
        await runner.run(2)
        execute(database, "UPDATE public.chat SET note = 'x' WHERE id = 2")  # says nothing
        assert (await runner.run()).contradicted == 0
        execute(database, later)
        assert (await runner.run()).contradicted == 1
        assert (await runner.run()).contradicted == 1


@pytest.mark.quick("by statements")
async def test_a_recovered_session_that_its_evidence_proves_alive_is_told_once(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 100, 60, seen="5 minutes")
    execute(database, "CREATE TABLE public.message (chat int, at timestamptz)")
    async with recover(evidence=MESSAGES) as runner:
        assert (await runner.run(3)).contradicted == 0
        assert open_ones(database) == set(range(100, 160))
        execute(database, "INSERT INTO public.message VALUES (1, now())")
        assert (await runner.run()).contradicted == 1
        assert (await runner.run()).contradicted == 1
    marked = "SELECT session[1] FROM session_exporter.recovery WHERE contradicted_at IS NOT NULL"
    assert rows(database, marked) == [("1",)]


@pytest.mark.quick("by statements-closing makes it true, then")
@pytest.mark.parametrize(
    ("evidence", "later"),
    [
        (f"s.ended IS NOT NULL OR {MESSAGES}", MESSAGES),
        ("s.ended IS NOT NULL", "s.ended IS NOT NULL"),
        (MESSAGES, MESSAGES.replace("1 hour", "1 day")),
    ],
    ids=["closing makes it true, then it is another", "closing makes it true", "it is another"],
)
async def test_evidence_that_says_nothing_of_a_later_life_contradicts_nothing(
    database: EmbeddedDatabase, recover: Recover, evidence: str, later: str
) -> None:
    sessions(database, 1, 1)
    sessions(database, 100, 60, seen="5 minutes")
    execute(
        database,
        "CREATE TABLE public.message (chat int, at timestamptz)",
        "INSERT INTO public.message VALUES (1, now() - interval '2 hours')",
    )
    async with recover(evidence=evidence) as runner:
        assert (await runner.run(3)).contradicted == 0
    async with recover(evidence=later) as runner:
        assert (await runner.run(2)).contradicted == 0
    assert 1 not in open_ones(database)


@pytest.mark.quick("by statements")
async def test_every_page_of_the_audit_is_looked_at_in_turn_and_the_newest_each_time(
    database: EmbeddedDatabase, recover: Recover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "PAGE_ROWS", 2)
    sessions(database, 1, 60, seen="5 minutes")
    # All but the oldest two are of sessions that are gone; two rows have the same time.
    minutes = {1: 7, 2: 6, 103: 5, 104: 4, 105: 3, 106: 3, 107: 2}
    execute(
        database,
        *(fill_audit(f"'{id_}'", at=f"now() - interval '{n} min'") for id_, n in minutes.items()),
    )
    async with recover() as runner:
        assert (await runner.run(2)).contradicted == 0
        assert (await runner.run(3)).contradicted == 2
        execute(database, fill_audit("'3'"), "UPDATE public.chat SET seen = now() WHERE id = 3")
        assert (await runner.run()).contradicted == 3


@pytest.mark.quick("by statements")
async def test_a_task_of_maintenance_is_due_after_twenty_times_as_long_as_it_took(
    database: EmbeddedDatabase, recover: Recover, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions(database, 1, 60, seen="5 minutes")
    monkeypatch.setattr(job, "DUTY", 1_000_000)
    async with recover() as runner:
        await runner.run(2)
        execute(database, fill_audit("'3'"))
        assert (await runner.run(2)).contradicted == 0


@pytest.mark.quick("by statements")
async def test_ids_of_another_table_contradict_nothing(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 1)
    sessions(database, 100, 60, seen="5 minutes")
    async with recover() as runner:
        await runner.run(2)
        execute(
            database, "UPDATE session_exporter.recovery SET session = '{a}', relation = 'other'"
        )
        assert sum((await runner.run(2)).failed.values()) == 0


@pytest.mark.quick("by statements")
async def test_an_id_that_has_become_of_another_type_keeps_no_counting_and_is_told_once(
    database: EmbeddedDatabase, recover: Recover, caplog: pytest.LogCaptureFixture
) -> None:
    sessions(database, 1, 1)
    sessions(database, 100, 60, seen="5 minutes")
    old = fill_audit("'a'", at="now() - interval '1 day'")
    older = fill_audit("'b'", at="now() - interval '31 days'")
    execute(database, old, older)
    async with recover(audit={"keep": "30d"}) as runner:
        state = await runner.run(2)
        assert state.recovered["auto"] == 1
        assert {why: n for why, n in state.failed.items() if n} == {"data": 1}
    assert rows(database, "SELECT session[1] FROM session_exporter.recovery ORDER BY 1") == [
        ("1",),
        ("a",),
    ]
    logged = [record for record in caplog.records if record.message == "recovery_failed"]
    assert len(logged) == 1


@pytest.mark.quick("by statements")
async def test_words_of_the_config_that_the_audit_knows_too_mean_the_session(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 1)
    sessions(database, 100, 60, seen="5 minutes")
    execute(
        database,
        "ALTER TABLE public.chat RENAME seen TO at",
        "ALTER TABLE public.chat ADD number int",
    )
    source = {"last_seen_at": "greatest(at, started)"}
    async with recover(source, evidence="number > 0") as runner:
        await runner.run(2)
        assert 1 not in open_ones(database)
        execute(database, "UPDATE public.chat SET at = now() WHERE id = 1")
        state = await runner.run()
    assert (state.contradicted, sum(state.failed.values())) == (1, 0)


@pytest.mark.quick("by statements")
async def test_what_others_recover_is_counted_too(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    execute(database, fill_audit(trigger="manual"))  # before the start
    async with recover(mode="disabled") as runner:
        assert sum((await runner.run()).recovered.values()) == 0
        execute(database, fill_audit(trigger="manual"), fill_audit(trigger="close"))
        execute(database, fill_audit(source="other", trigger="manual"))
        state = await runner.run()
        assert state.recovered == {"auto": 0, "manual": 1, "close": 1}
        execute(database, "UPDATE session_exporter.recovery SET undone_at = now()")
        assert (await runner.run()).undone == 3
        assert state.candidates is None


@pytest.mark.quick("by statements")
async def test_a_paused_source_is_looked_at_and_left_alone(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 6, seen="5 minutes")
    execute(database, "INSERT INTO session_exporter.pause (source) VALUES ('chat')")
    async with recover() as runner:
        state = await runner.run(3)
        assert (state.paused, state.candidates) == (True, 2)
        assert state.skipped["paused"] > 0
        assert len(open_ones(database)) == 8
        execute(database, "DELETE FROM session_exporter.pause")
        state = await runner.run()
        assert state.paused is False
        assert len(open_ones(database)) == 6


async def test_a_pause_ends_a_run_that_has_begun_with_its_transaction(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 8)
    sessions(database, 100, 60, seen="5 minutes")
    # The first session that is closed pauses the source, as somebody might at that moment.
    execute(
        database,
        "CREATE FUNCTION public.pause() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        " AS $$ BEGIN"
        " INSERT INTO session_exporter.pause (source) VALUES ('chat'); RETURN NEW; END $$",
        "CREATE TRIGGER pause AFTER UPDATE ON public.chat"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.pause()",
    )
    async with recover(batch=3) as runner:
        state = await runner.run(2)
    assert len(open_ones(database)) == 60 + 5
    assert (state.paused, state.skipped["paused"], state.skipped["busy"]) == (True, 5, 0)


@pytest.mark.quick("by statements")
async def test_what_is_over_the_budget_is_counted_once_also_when_a_session_is_set_aside(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 10)
    sessions(database, 100, 60, seen="5 minutes")
    execute(database, "ALTER TABLE public.chat ADD CHECK (is_open OR id <> 1)")
    async with recover(per_hour=5) as runner:
        state = await runner.run(2)
    assert sum(state.recovered.values()) == 5
    assert state.failed["refused"] == 1
    assert state.skipped == {"budget": 4, "busy": 0, "paused": 0}


@pytest.mark.quick("by statements")
async def test_what_is_older_than_the_audit_is_kept_is_forgotten(
    database: EmbeddedDatabase, recover: Recover
) -> None:
    sessions(database, 1, 2)
    sessions(database, 3, 6, seen="5 minutes")
    async with recover(audit={"keep": "30d"}) as runner:
        await runner.run(2)
        old = "UPDATE session_exporter.recovery SET at = now() - interval '31 days'"
        execute(database, f"{old} WHERE session = ARRAY['1']")
    async with recover(audit={"keep": "30d"}) as runner:
        await runner.run()
    assert rows(database, "SELECT session[1] FROM session_exporter.recovery") == [("2",)]
