"""The functions that are printed: who may call them, what they refuse, and what they heed."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from exporter.check.findings import Status
from exporter.check.recovery import check_recovery
from exporter.config import Source, load_config
from exporter.demo.roles import prepare
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from exporter.errors import FunctionMismatch
from exporter.recovery.functions.definitions import MOST_PER_CALL
from exporter.recovery.functions.installed import find_recover_function
from exporter.recovery.rule.binding import bind_rule
from exporter.sessions.grants import DEFINER_ROLE, RECOVERY_ROLE
from tests.support.collection.declarations import settings_of
from tests.support.recovery.functions.chat import (
    RUN,
    TABLES,
    call,
    closed,
    config_of,
    found,
    lose,
    open_ones,
    reading,
)
from tests.support.recovery.functions.installation import calling, install, printed_for
from tests.support.servers.statements import execute, rows

EXAMPLE = Path(__file__).parents[4] / "config.yaml"


Install = Callable[..., Any]


@pytest.fixture
def installed(any_database: EmbeddedDatabase, tmp_path: Path) -> Install:
    """`source = await installed(set={...})`: public.chat, recovered by its functions."""
    execute(any_database, TABLES)

    async def installed(**recovery: Any) -> Source:
        config = config_of(any_database, tmp_path, **recovery)
        source = calling(config.sources["chat"])
        await install(any_database, config, source)
        return source

    return installed


STUCK = "SELECT * FROM coaching.recover_stuck_roleplay_sessions({})"


@pytest.fixture
async def coaching(any_database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(any_database, "DROP SCHEMA session_exporter CASCADE")  # the demo makes its own
    await prepare(any_database)
    config = load_config(EXAMPLE, {"DATABASE_URL": any_database.dsn})
    await install(any_database, config, calling(config.sources["coaching"]))
    with any_database.connect(APP) as connection:
        connection.execute(
            b"""
            INSERT INTO coaching.profiles VALUES ('00000000-0000-0000-0000-000000000001', 'Ann');
            INSERT INTO coaching.roleplay_sessions (id, trainee_id, status, started_at,
                session_config)
            SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid,
                CASE n WHEN 1 THEN '00000000-0000-0000-0000-000000000001'::uuid END,
                CASE n WHEN 4 THEN 'completed' ELSE 'in_progress' END,
                now() - CASE n WHEN 3 THEN interval '12 minutes' ELSE interval '30 days' END,
                CASE n WHEN 2 THEN '["alto"]'::jsonb END
            FROM generate_series(1, 4) AS n
            """
        )
    return any_database


async def test_the_form_for_people_has_the_signature_that_applications_know(
    coaching: EmbeddedDatabase,
) -> None:
    (signature,) = rows(
        coaching,
        """
        SELECT pg_get_function_arguments(oid), pg_get_function_result(oid), prosecdef,
            proconfig[1]
        FROM pg_proc WHERE proname = 'recover_stuck_roleplay_sessions'
        """,
    )
    arguments, result, is_definer, path = signature
    assert arguments == "p_threshold_minutes integer DEFAULT 10"
    assert result == (
        "TABLE(session_id uuid, trainee_name text, persona_name text, "
        "stuck_since timestamp with time zone)"
    )
    assert is_definer
    assert path.startswith("search_path=pg_catalog,")
    assert path.endswith(", pg_temp")


async def test_the_form_for_people_closes_what_is_stuck_and_says_since_when(
    coaching: EmbeddedDatabase,
) -> None:
    returned = rows(coaching, STUCK.format("p_threshold_minutes => 15"), RECOVERY_ROLE)
    assert [(str(id_)[-1], *names) for id_, *names, _ in returned] == [
        ("1", "Ann", None),
        ("2", None, None),
    ]
    started = "SELECT started_at FROM coaching.roleplay_sessions WHERE id = '{}'"
    assert [(since,) for *_, since in returned] == [
        rows(coaching, started.format(id_))[0] for id_, *_ in returned
    ]
    assert rows(coaching, STUCK.format(""), RECOVERY_ROLE)[0][0] != returned[0][0]
    assert rows(coaching, STUCK.format(""), RECOVERY_ROLE) == []
    written = rows(
        coaching,
        "SELECT status, session_config FROM coaching.roleplay_sessions ORDER BY id",
    )
    assert written == [
        ("abandoned", {"auto_recovered": True}),
        ("abandoned", ["alto"]),
        ("abandoned", {"auto_recovered": True}),
        ("completed", None),
    ]
    audited = rows(
        coaching,
        "SELECT trigger, role FROM session_exporter.recovery JOIN session_exporter.run USING (run)",
    )
    assert audited == [("manual", RECOVERY_ROLE)] * 3


async def test_what_is_created_is_what_the_document_says(coaching: EmbeddedDatabase) -> None:
    document = (EXAMPLE.parent / "docs" / "recovery" / "functions.md").read_text()
    documented = set(re.findall(r"^\| `(\w+\.\w+)\((?:\w|, )*\)` \|", document, re.MULTILINE))
    created = rows(
        coaching,
        "SELECT pronamespace::regnamespace || '.' || proname FROM pg_proc"
        " WHERE obj_description(oid, 'pg_proc') LIKE 'session-exporter:%'",
    )
    assert documented == {name for (name,) in created}


async def test_the_form_for_people_closes_nobody_who_may_be_alive(
    coaching: EmbeddedDatabase,
) -> None:
    for minutes in ("9", "0", "-1", "NULL"):
        with pytest.raises(errors.InvalidParameterValue, match="expected at least 10, got"):
            rows(coaching, STUCK.format(minutes), RECOVERY_ROLE)
    assert rows(coaching, "SELECT FROM session_exporter.recovery") == []


async def test_who_calls_them_can_do_nothing_else(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    create = "CREATE FUNCTION session_exporter.recover_other() RETURNS int LANGUAGE sql"
    await installed()
    lose(any_database, 1)
    with any_database.connect(RECOVERY_ROLE) as connection:
        assert closed(any_database, connection) == {"1"}
        for statement in (
            "SELECT FROM public.chat",
            "UPDATE public.chat SET is_open = false",
            "SELECT FROM public.presence",
            "SELECT FROM session_exporter.recovery",
            "DELETE FROM session_exporter.recovery",
            "SET ROLE session_exporter_definer",
            f"{create} AS 'SELECT 1'",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


async def test_nobody_else_may_call_them(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    await installed()
    execute(any_database, f"GRANT USAGE ON SCHEMA session_exporter TO {EXPORTER}")
    for name in (
        "session_exporter.recover_chat('{}', '{}', NULL, 'manual', false)",
        "session_exporter.undo_chat('{}')",
        "session_exporter.maintain_chat('old')",
        "public.recover_stuck_chat()",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            rows(any_database, f"SELECT {name}", EXPORTER)


async def test_whatever_the_caller_has_set_or_created_they_do_the_same(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    await installed()
    lose(any_database, 2)
    execute(
        any_database,
        "INSERT INTO public.presence VALUES (1)",
        f'GRANT TEMPORARY ON DATABASE "{any_database.name}" TO {RECOVERY_ROLE}',
    )
    with any_database.connect(RECOVERY_ROLE) as connection:
        for statement in (
            "CREATE TEMPORARY TABLE presence (chat int)",
            "GRANT ALL ON presence TO PUBLIC",
            "CREATE FUNCTION pg_temp.now() RETURNS date LANGUAGE sql RETURN NULL::date",
            "SET search_path = pg_temp, public",
            "SET TimeZone = 'Asia/Tokyo'",
            "SET DateStyle = 'SQL, DMY'",
            "SET IntervalStyle = 'sql_standard'",
            "SET extra_float_digits = -15",
            "SET transform_null_equals = on",
            "SET row_security = on",
        ):
            connection.execute(statement.encode())
        assert closed(any_database, connection) == {"2"}
    (row,) = rows(
        any_database,
        """
        SELECT ended = seen AT TIME ZONE 'America/New_York',
            length = extract(epoch FROM seen - started) / 7.0,
            (a.after ->> 'length')::float8 = length
        FROM public.chat JOIN session_exporter.recovery AS a ON a.session[1] = id::text
        """,
    )
    assert row == (True, True, True)


async def test_they_refuse_a_transaction_that_does_not_see_what_others_commit(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    await installed()
    lose(any_database, 1)
    with any_database.connect(RECOVERY_ROLE) as connection:
        connection.execute(b"SET default_transaction_isolation = 'repeatable read'")
        with pytest.raises(errors.InvalidTransactionState, match="call it in READ COMMITTED"):
            closed(any_database, connection)
        with pytest.raises(errors.InvalidTransactionState, match="call it in READ COMMITTED"):
            connection.execute(b"SELECT session_exporter.undo_chat('{1}')")
    assert open_ones(any_database) == {1}


@pytest.mark.quick("savepoint")
@pytest.mark.parametrize(
    "wrapped",
    [
        "SAVEPOINT a; {}",
        "DO $do$ BEGIN PERFORM * FROM ({}) AS x; EXCEPTION WHEN division_by_zero THEN END $do$",
    ],
    ids=["a savepoint", "a block with EXCEPTION"],
)
async def test_what_they_close_in_a_savepoint_is_undone(
    any_database: EmbeddedDatabase, installed: Install, wrapped: str
) -> None:
    await installed()
    lose(any_database, 1)
    with any_database.connect(RECOVERY_ROLE) as connection:
        connection.execute(b"BEGIN")
        connection.execute(wrapped.format(found(any_database) + call()).encode())
        connection.execute(b"COMMIT")
        assert open_ones(any_database) == set()
        undone = connection.execute(b"SELECT session_exporter.undo_chat('{1}')").fetchall()
    assert (undone, open_ones(any_database)) == ([(1,)], {1})


async def test_they_refuse_to_hold_more_locks_at_once(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    await installed()
    many = f"ARRAY(SELECT n::text FROM generate_series(1, {MOST_PER_CALL + 1}) AS n)"
    statement = f"SELECT session_exporter.recover_chat({many}, {many}, '{RUN}', 'manual', false)"
    with pytest.raises(
        errors.ProgramLimitExceeded, match=f"at most {MOST_PER_CALL} .* got {MOST_PER_CALL + 1}"
    ):
        rows(any_database, statement, RECOVERY_ROLE)


@pytest.mark.quick("close")
@pytest.mark.parametrize("trigger", ["'close'", "'undo'", "NULL"])
async def test_they_refuse_another_trigger(
    any_database: EmbeddedDatabase, installed: Install, trigger: str
) -> None:
    await installed()
    statement = f"SELECT session_exporter.recover_chat('{{}}', '{{}}', '{RUN}', {trigger}, false)"
    with pytest.raises(errors.InvalidParameterValue, match="expected auto or manual"):
        rows(any_database, statement, RECOVERY_ROLE)


async def test_a_caller_that_stays_in_its_transaction_keeps_nobody_waiting_for_long(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    await installed()
    lose(any_database, 1)
    with any_database.connect(RECOVERY_ROLE) as connection:
        connection.execute(b"SET idle_in_transaction_session_timeout = 0")
        connection.execute(b"BEGIN")
        assert closed(any_database, connection) == {"1"}
        with any_database.connect() as application:
            application.execute(b"SET lock_timeout = '10s'")
            ended = application.execute(b"UPDATE public.chat SET seen = now() WHERE is_open")
            assert ended.rowcount == 1
        with pytest.raises(errors.IdleInTransactionSessionTimeout):
            connection.execute(b"SELECT 1")
    assert rows(any_database, "SELECT FROM session_exporter.recovery") == []


async def test_automatically_the_hours_budget_is_kept_and_the_backlog_left_whoever_calls(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    await installed()
    lose(any_database, 5)
    with any_database.connect(RECOVERY_ROLE) as connection:
        assert len(closed(any_database, connection, "auto")) == 3
        assert closed(any_database, connection, "auto") == set()
        assert len(closed(any_database, connection, "manual")) == 2
        execute(any_database, "TRUNCATE session_exporter.recovery, public.chat")
        lose(any_database, 1, seen="8 days")
        statement = found(any_database) + call("auto", backlog=True)
        assert connection.execute(statement.encode()).fetchall() == []
        assert closed(any_database, connection, "manual") == set()
        statement = found(any_database) + call("manual", backlog=True)
        assert len(connection.execute(statement.encode()).fetchall()) == 1


async def test_who_listens_is_told(any_database: EmbeddedDatabase, installed: Install) -> None:
    await installed()
    lose(any_database, 2)
    with any_database.connect() as listener, any_database.connect(RECOVERY_ROLE) as connection:
        listener.execute(b"LISTEN recovered")
        assert len(closed(any_database, connection)) == 2
        heard = list(listener.notifies(timeout=10, stop_after=2))
    assert sorted(RUN in each.payload for each in heard) == [True, True]


async def test_a_changed_config_is_noticed_and_so_is_a_changed_function(
    any_database: EmbeddedDatabase, installed: Install, tmp_path: Path
) -> None:
    source = await installed()
    async with reading(any_database, source, RECOVERY_ROLE) as reader:
        async with reading(any_database, source, "postgres") as binding:
            rule = await bind_rule(binding, source)
            assert await find_recover_function(reader, rule) is not None
            config = config_of(any_database, tmp_path, per_hour=4)
            other = await bind_rule(binding, calling(config.sources["chat"]))
            changed = "is not what `session-exporter sql function chat` prints now"
            with pytest.raises(FunctionMismatch, match=changed):
                await find_recover_function(reader, other)
        catalog_later = "public, pg_catalog, pg_temp"
        for change in (
            "ALTER FUNCTION session_exporter.recover_chat SECURITY INVOKER",
            "ALTER FUNCTION session_exporter.recover_chat SECURITY DEFINER STABLE",
            "ALTER FUNCTION session_exporter.recover_chat VOLATILE RESET search_path",
            "ALTER FUNCTION session_exporter.recover_chat SET search_path = pg_temp, public",
            f"ALTER FUNCTION session_exporter.recover_chat SET search_path = {catalog_later}",
        ):
            execute(any_database, change)
            with pytest.raises(FunctionMismatch, match=changed):
                await find_recover_function(reader, rule)
        path = "ALTER FUNCTION session_exporter.recover_chat SET search_path = public, pg_temp"
        execute(any_database, path)
        assert await find_recover_function(reader, rule) is not None


async def test_a_body_that_was_replaced_is_noticed_though_the_comment_stays(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    source = await installed()
    definition = "SELECT pg_get_functiondef('session_exporter.recover_chat'::regproc)"
    comment = "SELECT obj_description('session_exporter.recover_chat'::regproc)"
    ((replaced,),), before = rows(any_database, definition), rows(any_database, comment)
    assert "FOR UPDATE OF s SKIP LOCKED" in replaced
    execute(any_database, replaced.replace("FOR UPDATE OF s SKIP LOCKED", "FOR UPDATE OF s"))
    assert rows(any_database, comment) == before
    async with reading(any_database, source, "postgres") as reader:
        rule = await bind_rule(reader, source)
        with pytest.raises(FunctionMismatch, match="was changed after it was created"):
            await find_recover_function(reader, rule)
        execute(any_database, replaced)
        assert await find_recover_function(reader, rule) is not None
        execute(any_database, "COMMENT ON FUNCTION session_exporter.recover_chat IS 'ours'")
        with pytest.raises(FunctionMismatch, match="session-exporter did not print it"):
            await find_recover_function(reader, rule)


async def test_what_cannot_work_is_said_when_the_script_is_run_and_nothing_is_created(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(any_database, TABLES)
    config = config_of(any_database, tmp_path, set={"ended": "{end}", "length": "'long'"})
    source = calling(config.sources["chat"])
    with pytest.raises(errors.InvalidTextRepresentation, match="long"):
        await install(any_database, config, source)
    assert rows(any_database, "SELECT FROM pg_proc WHERE proname LIKE 'recover%chat'") == []


@pytest.mark.parametrize(
    "evidence",
    [
        "s.id = 7 OR '$session_exporter$' <> '' AND s.id = 8 -- a comment",
        "s.seen > 'tomorrow'::timestamptz OR s.id::text LIKE '%s'",
    ],
)
async def test_any_expression_can_stand_in_them(
    any_database: EmbeddedDatabase, installed: Install, evidence: str
) -> None:
    await installed(evidence=evidence)
    lose(any_database, 2)
    with any_database.connect(RECOVERY_ROLE) as connection:
        assert len(closed(any_database, connection)) == 2


async def test_schemas_in_which_everybody_may_create_are_warned_of(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    source = await installed()
    async with reading(any_database, source, "postgres") as reader:
        execute(any_database, "GRANT CREATE ON SCHEMA public TO PUBLIC")
        assert 'REVOKE CREATE ON SCHEMA "public" FROM PUBLIC;' in await printed_for(reader, source)
        execute(any_database, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        assert "WARNING" not in await printed_for(reader, source)
        execute(any_database, f"GRANT CREATE ON SCHEMA public TO {EXPORTER}")
        revoke = f'REVOKE CREATE ON SCHEMA "public" FROM "{EXPORTER}";'
        assert revoke in await printed_for(reader, source)


async def test_a_definer_that_can_log_in_is_refused_before_anything_is_created(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    source = await installed(mode="auto")
    settings = settings_of(any_database.dsn_for(EXPORTER))
    own = {"dsn": any_database.dsn_for(RECOVERY_ROLE)}
    source = source.model_copy(update={"recovery": source.recovery.model_copy(update=own)})
    execute(any_database, f"ALTER ROLE {DEFINER_ROLE} LOGIN")
    try:
        found = {each.check: each async for each in check_recovery(settings, source)}
        execute(any_database, "DROP FUNCTION session_exporter.undo_chat")
        async with reading(any_database, source, "postgres") as reader:
            printed = await printed_for(reader, source)
        with pytest.raises(errors.InvalidRoleSpecification, match="can log in"):
            execute(any_database, printed)
        assert rows(any_database, "SELECT FROM pg_proc WHERE proname = 'undo_chat'") == []
        assert found["recovery owner"].status is Status.WARNING
        execute(any_database, *found["recovery owner"].commands, printed)
    finally:
        execute(any_database, f"ALTER ROLE {DEFINER_ROLE} NOLOGIN")
    assert len(rows(any_database, "SELECT FROM pg_proc WHERE proname = 'undo_chat'")) == 1


async def test_check_live_says_whether_they_can_be_called(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    source = await installed(mode="auto")
    own = {"dsn": any_database.dsn_for(RECOVERY_ROLE)}
    source = source.model_copy(update={"recovery": source.recovery.model_copy(update=own)})
    settings = settings_of(any_database.dsn_for(EXPORTER))

    async def checked() -> dict[str, Any]:
        return {each.check: each async for each in check_recovery(settings, source)}

    assert {each.status for each in (await checked()).values()} == {Status.OK}
    signature = "session_exporter.recover_chat(text[], text[], uuid, text, boolean, text)"
    execute(any_database, f"GRANT EXECUTE ON FUNCTION {signature} TO PUBLIC")
    assert (await checked())["recovery callers"].status is Status.WARNING
    execute(any_database, f"GRANT UPDATE (is_open), DELETE ON public.chat TO {RECOVERY_ROLE}")
    beside = (await checked())["recovery table rights"]
    assert beside.status is Status.WARNING
    assert f"{RECOVERY_ROLE} could also UPDATE, DELETE on public.chat without" in beside.message
    execute(any_database, *beside.commands)
    assert "recovery table rights" not in await checked()
    execute(any_database, f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC, {RECOVERY_ROLE}")
    rights = (await checked())["recovery rights"]
    assert rights.status is Status.FAILED
    execute(any_database, *rights.commands)
    execute(any_database, f"REVOKE SELECT ON session_exporter.recovery FROM {EXPORTER}")
    rights = (await checked())["recovery rights"]
    assert rights.status is Status.FAILED
    execute(any_database, *rights.commands)
    assert {each.status for each in (await checked()).values()} == {Status.OK}
    execute(any_database, "DROP FUNCTION session_exporter.recover_chat")
    (failed,) = (each for each in (await checked()).values() if each.status is Status.FAILED)
    assert "there is no function session_exporter.recover_chat" in failed.message


async def test_a_run_that_wrote_other_columns_is_not_undone_by_half(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    await installed()
    lose(any_database, 2)
    with any_database.connect(RECOVERY_ROLE) as connection:
        assert closed(any_database, connection) == {"1", "2"}
    left = rows(any_database, "SELECT * FROM public.chat ORDER BY id")
    numbers = "(SELECT array_agg(number) FROM session_exporter.recovery)"
    undo = f"SELECT session_exporter.undo_chat({numbers})"
    await installed(set={"is_open": "false"})
    assert rows(any_database, undo) == []
    assert rows(any_database, "SELECT * FROM public.chat ORDER BY id") == left
    await installed()  # that knows all of what was written
    assert len(rows(any_database, undo)) == 2
    assert open_ones(any_database) == {1, 2}


async def test_by_hand_they_refuse_what_a_stop_holds_unless_there_is_a_reason(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    await installed()
    lose(any_database, 1, "10 days")
    stop = "INSERT INTO session_exporter.stop (source, brake, why) VALUES ('chat', 'share', '')"
    execute(any_database, stop)
    with any_database.connect(RECOVERY_ROLE) as connection:
        assert closed(any_database, connection, "manual", backlog=True) == {"1"}  # holds no backlog
        execute(any_database, "INSERT INTO chat (id, seen) VALUES (2, now() - interval '2 hours')")
        stuck = "SELECT session_id FROM public.recover_stuck_chat()"
        for statement in (found(any_database) + call(), stuck):
            with pytest.raises(psycopg.Error, match="a stop of automatic recovery holds") as raised:
                connection.execute(statement.encode())
            assert raised.value.sqlstate == "XS005"
        assert open_ones(any_database) == {2}
        with_reason = call().replace("False", "False, 'they have ended'")
        assert connection.execute((found(any_database) + with_reason).encode()).fetchall() == [
            ("2",)
        ]
    reasons = "SELECT reason FROM session_exporter.recovery ORDER BY number"
    assert rows(any_database, reasons) == [(None,), ("they have ended",)]
    execute(any_database, "INSERT INTO chat (id, seen) VALUES (3, now() - interval '2 hours')")
    execute(any_database, "UPDATE session_exporter.stop SET at = now() - interval '3 hours'")
    assert rows(any_database, stuck, RECOVERY_ROLE) == [(3,)]  # seen after the stop


async def test_a_session_without_an_id_keeps_none_of_the_others(
    any_database: EmbeddedDatabase, installed: Install
) -> None:
    await installed()
    lose(any_database, 2)
    execute(
        any_database,
        "ALTER TABLE public.chat DROP CONSTRAINT chat_pkey",
        "ALTER TABLE public.chat ALTER id DROP NOT NULL",
        "CREATE UNIQUE INDEX ON public.chat (id)",
        "INSERT INTO public.chat (id, seen) VALUES (NULL, now() - interval '2 hours')",
    )
    stuck = rows(any_database, "SELECT session_id FROM public.recover_stuck_chat()", RECOVERY_ROLE)
    assert sorted(stuck) == [(1,), (2,)]
    assert open_ones(any_database) == {None}


@pytest.mark.parametrize("mode", ["disabled", "dry_run"])
async def test_functions_that_are_not_there_yet_are_a_remark_while_recovery_is_disabled(
    database: EmbeddedDatabase, tmp_path: Path, mode: str
) -> None:
    execute(database, TABLES)
    source = calling(config_of(database, tmp_path, mode=mode).sources["chat"])
    settings = settings_of(database.dsn)
    found = {each.check: each async for each in check_recovery(settings, source)}
    missing = found["recovery function"]
    assert "there is no function session_exporter.recover_chat" in missing.message
    assert missing.status is (Status.WARNING if mode == "disabled" else Status.FAILED)
