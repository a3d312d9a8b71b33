"""Sessions that return are counted where recovery is not declared, or disabled, as well."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.plan.return_counter import MOST, ReturnCounter
from tests.support.recovery.automatic.by_hand import ByHand
from tests.support.recovery.automatic.runner import SOURCE, runners, sessions
from tests.support.recovery.webhooks import recover
from tests.support.servers.statements import execute

CLOSED = {"mode": "disabled", "set": {"is_open": False, "ended": "{end}"}}


class Counting:
    """The counter of one source, run by the test."""

    def __init__(self, exporter: Exporter, database: EmbeddedDatabase) -> None:
        (self._counter,) = (each for each in exporter.jobs if isinstance(each, ReturnCounter))
        self._exporter = exporter
        self._database = database
        self.bound = [self._counter._binding, *(each._binding for each in exporter.collections)]
        config = exporter.config
        self.by_hand = ByHand(config.databases["app"], config.sources["chat"], dsn=database.dsn)

    async def recover(self) -> int:
        """By hand: how many were closed."""
        outcome = await recover(self._database, self._exporter.config.sources["chat"])
        return outcome.closed

    async def run_after(self, statement: str) -> str | None:
        """A run whose transaction comes after that of a statement, in one message."""
        settings = self._exporter.config.databases["app"]
        first = self._exporter.databases[settings.name].reader("first", timezone="UTC")
        _, shown = await asyncio.gather(first.read(statement), self.run())
        return shown

    async def run(self) -> str | None:
        """The number that the page shows after a run; None where it shows none."""
        await self._counter.run()
        lines = self._exporter.page.render("text").decode().splitlines()
        shown = [line for line in lines if line.startswith("sessions_returned_total{")]
        return shown[0].rsplit(" ", 1)[1] if shown else None


@pytest.fixture
def counting(database: EmbeddedDatabase, tmp_path: Path) -> Callable[..., Any]:
    runners(database, tmp_path, by_functions=False)  # makes the table

    @asynccontextmanager
    async def counting_of(**more: Any) -> AsyncIterator[Counting]:
        path = tmp_path / "config.yaml"
        sources = {"chat": {**SOURCE, **more}}
        data = {"databases": {"app": {"dsn": database.dsn}}, "sources": sources}
        path.write_text(yaml.safe_dump(data))
        exporter = Exporter(load_config(path, {}), CLOCK)
        try:
            yield Counting(exporter, database)
        finally:
            await exporter.close()

    return counting_of


@pytest.mark.parametrize("after", ["1h", {"sql": "s.id / s.id * interval '1 hour'"}], ids=str)
async def test_life_and_a_genuine_end_count_without_recovery(
    database: EmbeddedDatabase, counting: Callable[..., Any], after: object
) -> None:
    sessions(database, 1, 6)
    async with counting(orphaned_after=after) as counter:
        assert await counter.run() == "0"
        execute(database, "UPDATE public.chat SET seen = now() WHERE id = 1")
        execute(database, "UPDATE public.chat SET is_open = false, ended = now() WHERE id = 2")
        assert await counter.run() == "2"
        execute(database, "DELETE FROM public.chat WHERE id = 3")
        execute(database, "UPDATE public.chat SET seen = seen - interval '1 min' WHERE id = 4")
        assert await counter.run() == "2"
        execute(database, "UPDATE public.chat SET seen = now() - interval '2 h' WHERE id = 1")
        assert await counter.run() == "2"
        execute(database, "UPDATE public.chat SET seen = now() WHERE id = 1")
        assert await counter.run() == "3"


async def test_what_recovery_by_hand_closes_has_not_returned(
    database: EmbeddedDatabase, counting: Callable[..., Any]
) -> None:
    sessions(database, 1, 3)
    execute(database, "CREATE TABLE public.ping (id int)")
    evidence = "EXISTS (SELECT FROM public.ping AS p WHERE p.id = s.id)"
    async with counting(recovery=CLOSED | {"evidence": evidence}) as counter:
        assert await counter.run() == "0"
        execute(database, "INSERT INTO public.ping VALUES (1)")
        assert await counter.recover() == 2
        assert await counter.run() == "1"
        assert await counter.by_hand.undo() == 2
        assert await counter.run() == "1"


@pytest.mark.parametrize("id_", ["seen", "s.id::text"])
async def test_without_a_unique_index_nothing_is_read_by_id(
    database: EmbeddedDatabase,
    counting: Callable[..., Any],
    id_: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    sessions(database, 1, 1)
    async with counting(id=id_) as counter:
        for _ in range(2):
            assert await counter.run() is None
    (record,) = caplog.records
    assert record.getMessage() == "returns_not_counted"
    assert "to find a session again, a column" in str(vars(record)["fields"]["error"])


async def test_of_many_orphans_the_newest_are_followed(
    database: EmbeddedDatabase, counting: Callable[..., Any]
) -> None:
    sessions(database, 1, MOST, seen="3 hours")
    sessions(database, MOST + 1, MOST)
    async with counting() as counter:
        assert await counter.run() == "0"
        execute(database, f"UPDATE public.chat SET seen = now() WHERE id IN (1, {MOST + 1})")
        assert await counter.run() == "1"
        # Newer ones take the places of some, which are orphaned as before.
        sessions(database, 2 * MOST + 1, 5, seen="90 minutes")
        assert await counter.run() == "1"


async def test_time_is_that_of_its_own_statement_in_a_message_with_others(
    database: EmbeddedDatabase, counting: Callable[..., Any]
) -> None:
    async with counting() as counter:
        assert await counter.run() == "0"
        sessions(database, 1, 1, seen="3599.9 seconds")  # it becomes orphaned in that message
        becomes = "(SELECT seen FROM public.chat) + interval '1 h'"
        assert await counter.run_after(f"SELECT pg_sleep_until({becomes})::text") == "0"
        execute(database, "UPDATE public.chat SET seen = now()")
        assert await counter.run() == "1"


async def test_a_table_that_has_changed_is_bound_again_at_the_next_run(
    database: EmbeddedDatabase, counting: Callable[..., Any]
) -> None:
    sessions(database, 1, 3)
    async with counting(last_seen_at="Seen") as counter:
        assert await counter.run() == "0"
        execute(database, 'ALTER TABLE public.chat RENAME COLUMN seen TO "Seen"')
        assert await counter.run() == "0"
        execute(database, """UPDATE public.chat SET "Seen" = now() WHERE id = 1""")
        assert await counter.run() == "1"


async def test_the_table_is_bound_once_for_it_and_the_collectors(
    counting: Callable[..., Any],
) -> None:
    async with counting() as counter:
        assert len(set(counter.bound)) == 1


async def test_with_recovery_the_table_is_bound_as_its_own_role_sees_it(
    counting: Callable[..., Any],
) -> None:
    async with counting(recovery=CLOSED) as counter:
        assert len(set(counter.bound)) == 2
