"""The printed rights on the audit are enough for all of recovery, and each of them is needed."""

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import yaml

from exporter import sessions
from exporter.check.findings import Finding, Status
from exporter.check.recovery import check_recovery
from exporter.cli.each_recovered import advice_for
from exporter.clock import Clock
from exporter.config import Config, DatabaseSettings, Source, load_config
from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.errors import PermissionDenied
from exporter.postgres import Database, Reader, Writer
from exporter.queries import fill, identifier, literal
from exporter.recovery.audit import control
from exporter.recovery.audit.runs import list_runs
from exporter.recovery.automatic import AutomaticRecovery
from exporter.recovery.decision.observation import Stop
from exporter.recovery.status import RecoveryStatuses
from exporter.recovery.undo import plan_undo, undo
from exporter.sessions import grants
from exporter.sessions.grants import DEFINER_ROLE, RECOVERY_ROLE, ROLE, Right
from tests.support.recovery.automatic.trust import trust
from tests.support.recovery.functions.installation import calling, install
from tests.support.servers.statements import execute

#: Less than the clocks may drift apart: the clock of the database is not turned.
GRACE, EVERY = 1800.0, 4.0
#: With forty live sessions, a single orphaned one sets no brake.
TABLE = """
CREATE TABLE public.chat (
    id int PRIMARY KEY, is_open bool NOT NULL DEFAULT true, started timestamptz NOT NULL,
    seen timestamptz, ended timestamptz, secret text
);
CREATE TABLE public.presence (chat int);
INSERT INTO public.chat (id, started, seen)
SELECT -n, now() - interval '1 hour', now() FROM generate_series(1, 40) AS n
"""
SOURCE = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "1h",
    "every": "4s",
    "recovery": {
        "mode": "auto",
        "set": {"is_open": False, "ended": "{end}"},
        "evidence": "EXISTS (SELECT FROM public.presence AS p WHERE p.chat = s.id)",
        "pause": "1ms",
    },
}


class Recovered:
    """A source with the rights that are printed for it, and everything that recovery does."""

    def __init__(self, database: EmbeddedDatabase, config: Config, source: Source) -> None:
        self.database = database
        self.source = source
        self.closing = _as_role(database, config, RECOVERY_ROLE)
        by_function = source.recovery.call is not None
        self.collecting = _as_role(database, config, ROLE) if by_function else self.closing
        self._ids = count(1)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Reader]:
        pool = Database(self.collecting)
        try:
            yield pool.reader(timezone=sessions.time_zone(self.source))
        finally:
            await pool.close()

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[Writer]:
        writer = Writer(self.closing, timezone=sessions.time_zone(self.source))
        try:
            yield writer
        finally:
            await writer.close()

    async def check(self) -> dict[str, Finding]:
        return {each.check: each async for each in check_recovery(self.collecting, self.source)}

    async def do_everything(self) -> None:
        """Close, count, maintain, deliver, undo, pause, stop. Raises PermissionDenied."""
        await self._close()
        async with self.reader() as reader, self.writer() as writer:
            await _deliver(writer)
            run, *_ = await list_runs(reader, source="chat")
            plan = await plan_undo(reader, self.source, run.run)
            outcome = await undo(writer, plan, batch=9, pause=0.0)
            assert outcome.undone == 1
        async with self.writer() as writer, _reader_of(self.closing) as reader:
            assert await control.pause(reader, writer, "chat", reason="a test")
            stop = Stop(at=next(self._ids) * 1.0, brake="share", why="a test")
            await control.write_stop(writer, "chat", stop)
        execute(
            self.database,
            "DELETE FROM session_exporter.pause",
            "DELETE FROM session_exporter.stop WHERE resumed_at IS NULL",
        )

    async def _close(self) -> None:
        """Close one session as the daemon does: in its second run."""
        execute(
            self.database,
            "UPDATE public.chat SET is_open = false WHERE id > 0",
            # An exporter that has run before would have to find it, and let it settle.
            "UPDATE session_exporter.observation SET until = '-infinity', orphans = '{}'",
            "INSERT INTO public.chat (id, started, seen)"
            f" VALUES ({next(self._ids)}, now() - interval '2 days', now() - interval '3 hours')",
        )
        statuses, now = RecoveryStatuses([("app", "chat")]), [1000.0]
        clock = Clock(monotonic=lambda: now[0] + time.monotonic(), wall=lambda: 1_800_000_000.0)
        running = AutomaticRecovery(self.collecting, self.source, statuses=statuses, clock=clock)
        now[0] += GRACE
        try:
            for _ in range(2):
                running.interval = EVERY  # a slow run would make it longer
                await running.run()
                now[0] += EVERY
        finally:
            await running.close()
        state = statuses.by_pair["app", "chat"]
        if state.failed["permission"]:
            raise PermissionDenied("automatic recovery")
        assert (state.recovered["auto"], set(state.failed.values())) == (1, {0})


def _as_role(database: EmbeddedDatabase, config: Config, role: str) -> DatabaseSettings:
    dsn = {"dsn": database.dsn_for(role), "name": "app"}
    return config.databases["app"].model_copy(update=dsn)


async def _deliver(writer: Writer) -> None:
    """The statements of the webhook's deliveries; what is delivered does not matter here."""
    claim = {"source": literal("chat"), "database": literal("app"), "limit": "1"}
    await writer.rows(fill("recovery/webhook/claim", **claim, lease=literal(1.0)))
    await writer.rows(fill("recovery/webhook/retry", number="1", attempts="1", wait=literal(0.0)))
    await writer.rows(fill("recovery/webhook/delivered", number="1"))


@asynccontextmanager
async def _reader_of(settings: DatabaseSettings) -> AsyncIterator[Reader]:
    pool = Database(settings)
    try:
        yield pool.reader()
    finally:
        await pool.close()


@pytest.fixture(params=["by statements", "by functions"])
async def recovered(
    database: EmbeddedDatabase, tmp_path: Path, request: pytest.FixtureRequest
) -> Recovered:
    execute(
        database,
        TABLE,
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    )
    (tmp_path / "secret").write_text("correct-horse-battery-staple\n")
    webhook = {"url": "http://127.0.0.1:9/", "secret_file": "secret"}
    declared = {**SOURCE, "recovery": {**SOURCE["recovery"], "webhook": webhook}}  # type: ignore[dict-item]
    data = {"databases": {"app": {"dsn": database.dsn}}, "sources": {"chat": declared}}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(data))
    config = load_config(path, {})
    source = config.sources["chat"]
    if request.param == "by functions":
        source = calling(source)
        await install(database, config, source)
    else:
        await _grant(database, config, source)
    await trust(config.databases["app"], source)
    own = source.recovery.model_copy(update={"dsn": database.dsn_for(RECOVERY_ROLE)})
    return Recovered(database, config, source.model_copy(update={"recovery": own}))


async def _grant(database: EmbeddedDatabase, config: Config, source: Source) -> None:
    require_role(database.server, RECOVERY_ROLE)
    execute(database, f"DROP OWNED BY {RECOVERY_ROLE}")
    async with _reader_of(config.databases["app"]) as reader:
        name = identifier(await grants.database_name(reader))
        printed = await grants.recovery_grants(reader, source, role=RECOVERY_ROLE)
    execute(database, f"GRANT CONNECT ON DATABASE {name} TO {RECOVERY_ROLE}", *printed)


def single_rights(source: Source, *, columns: int | None = 1) -> Iterator[tuple[Right, str]]:
    """Each right on the audit with its role; of a right on columns, so many of them, or each."""
    by_function = source.recovery.call is not None
    for role in (ROLE, RECOVERY_ROLE, DEFINER_ROLE) if by_function else (RECOVERY_ROLE,):
        for right in grants.audit_rights(source, role=role):
            for column in right.columns[:columns]:
                yield replace(right, columns=(column,)), role
            if not right.columns:
                yield right, role


def revoke(right: Right, role: str) -> str:
    return right.grant(role).replace("GRANT ", "REVOKE ", 1).replace(" TO ", " FROM ")


async def test_with_the_printed_rights_recovery_does_everything(recovered: Recovered) -> None:
    await recovered.do_everything()
    found = await recovered.check()
    assert found["recovery rights"].status is Status.OK


@pytest.mark.quick("by statements")
async def test_what_no_role_needs_to_write_to_the_audit_is_named(recovered: Recovered) -> None:
    assert "recovery audit rights" not in await recovered.check()
    pause, stop = (right.grant(RECOVERY_ROLE) for right in grants.OPERATOR_RIGHTS)
    for grant, table, listed in (
        (pause, "pause", "UPDATE (resumed_at, resumed_by, resume_reason)"),
        (stop, "stop", "UPDATE (resumed_at, resumed_by, held, reason, wave, rule)"),
    ):
        execute(recovered.database, grant)
        found = (await recovered.check())["recovery audit rights"]
        assert f"to session_exporter.{table} than it needs: {listed}; the exp" in found.message
        execute(recovered.database, *found.commands)
    table = "session_exporter.recovery"
    execute(recovered.database, f"GRANT INSERT, DELETE ON {table} TO {RECOVERY_ROLE}")
    found = (await recovered.check())["recovery audit rights"]
    assert found.status is Status.WARNING
    listed = "than it needs: DELETE, INSERT (number, at,"
    assert f"{RECOVERY_ROLE} may write more to {table} {listed}" in found.message
    assert found.commands == (f'REVOKE ALL ON {table} FROM "{RECOVERY_ROLE}";',)


@pytest.mark.slow  # the fast tier has that check --live prints each that is missing
async def test_without_any_single_right_on_the_audit_something_fails(
    recovered: Recovered,
) -> None:
    await assert_each_is_needed(recovered, single_rights(recovered.source))


@pytest.mark.slow
async def test_without_the_right_on_any_single_column_something_fails(recovered: Recovered) -> None:
    await assert_each_is_needed(recovered, single_rights(recovered.source, columns=None))


async def assert_each_is_needed(recovered: Recovered, rights: Iterable[tuple[Right, str]]) -> None:
    unneeded = []
    for right, role in rights:
        execute(recovered.database, revoke(right, role))
        try:
            await recovered.do_everything()
        except PermissionDenied:
            pass
        else:
            unneeded.append(right.grant(role))
        execute(
            recovered.database,
            right.grant(role),
            "DELETE FROM session_exporter.pause",
            "DELETE FROM session_exporter.stop WHERE resumed_at IS NULL",
        )
    assert unneeded == []


@pytest.mark.quick("by functions")
async def test_check_live_prints_a_right_of_each_kind_that_is_missing(recovered: Recovered) -> None:
    rights = single_rights(recovered.source)
    kinds = {(right.privilege, role): (right, role) for right, role in rights}
    await assert_each_is_printed(recovered, kinds.values())


@pytest.mark.slow  # the fast tier has one of each kind
async def test_check_live_prints_the_right_on_each_single_column_that_is_missing(
    recovered: Recovered,
) -> None:
    await assert_each_is_printed(recovered, single_rights(recovered.source, columns=None))


async def assert_each_is_printed(recovered: Recovered, rights: Iterable[tuple[Right, str]]) -> None:
    for right, role in rights:
        execute(recovered.database, revoke(right, role))
        found = await recovered.check()
        missing = found["recovery rights"]
        assert missing.status is Status.FAILED
        first, *others = missing.commands
        assert first == right.grant(f'"{role}"')
        # Without USAGE on the schema, the function cannot be called either.
        assert all(each.startswith("GRANT EXECUTE ON FUNCTION ") for each in others)
        assert not others or right.privilege == "USAGE"
        execute(recovered.database, *missing.commands)
    assert (await recovered.check())["recovery rights"].status is Status.OK


@pytest.mark.parametrize("recovered", ["by statements"], indirect=True)
async def test_check_live_demands_what_sql_role_prints_besides_the_rights_to_read(
    recovered: Recovered,
) -> None:
    async with recovered.reader() as reader:
        printed = await grants.recovery_grants(reader, recovered.source, role=RECOVERY_ROLE)
        rights = await grants.closing_rights(reader, recovered.source, role=RECOVERY_ROLE)
    closing = grants.grants_of(rights, RECOVERY_ROLE)
    assert printed[-len(closing) :] == closing
    execute(recovered.database, *(revoke(right, RECOVERY_ROLE) for right in rights))
    commands = (await recovered.check())["recovery rights"].commands
    assert [command.replace(f'"{RECOVERY_ROLE}"', RECOVERY_ROLE) for command in commands] == closing


@pytest.mark.parametrize("recovered", ["by statements"], indirect=True)
async def test_a_column_that_may_not_be_read_is_granted_by_what_check_and_the_commands_print(
    recovered: Recovered,
) -> None:
    execute(recovered.database, "ALTER TABLE public.chat ADD COLUMN other text")
    own = recovered.source.recovery.model_copy(update={"exempt": "s.secret IS NULL"})
    recovered.source = recovered.source.model_copy(update={"recovery": own})
    grant = f'GRANT SELECT ("secret") ON "public"."chat" TO "{RECOVERY_ROLE}";'
    advice = await advice_for(recovered.collecting, recovered.source)
    assert advice == f"role {RECOVERY_ROLE} lacks rights; ask a DBA to run: {grant}"
    missing = (await recovered.check())["recovery rights"]
    assert (missing.status, missing.commands) == (Status.FAILED, (grant,))
    execute(recovered.database, grant)
    assert (await recovered.check())["recovery rights"].status is Status.OK
    assert await advice_for(recovered.collecting, recovered.source) == ""
