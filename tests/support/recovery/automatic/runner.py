"""Automatic recovery of one table of chats, run by the test, which also sets its clock."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from exporter.clock import Clock
from exporter.config import load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.recovery.automatic import AutomaticRecovery
from exporter.recovery.status import RecoveryStatus, RecoveryStatuses
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.recovery.automatic.by_hand import ByHand
from tests.support.recovery.automatic.trust import trust
from tests.support.recovery.functions.installation import calling, install
from tests.support.servers.statements import execute, rows

#: Less than the clocks may drift apart: the clock of the database is not turned.
EVERY = 4.0

#: Half of orphaned_after: for so long silence is awaited where no exporter has run before.
GRACE = 1800.0

RECOVERY: dict[str, Any] = {
    "mode": "auto",
    "set": {"is_open": False, "ended": "{end}"},
    "pause": "1ms",
}

SOURCE: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "ended_at": "ended",
    "id": "id",
    "orphaned_after": "1h",
    "every": "4s",
}


class Runner:
    """A `AutomaticRecovery` of one source, whose clock is the test's own; past its grace."""

    def __init__(
        self,
        automatic: AutomaticRecovery,
        statuses: RecoveryStatuses,
        clock: list[float],
        by_hand: ByHand,
    ) -> None:
        self._recovery = automatic
        self._statuses = statuses
        self.clock = clock
        self.by_hand = by_hand
        clock[0] += GRACE

    @property
    def state(self) -> RecoveryStatus:
        return self._statuses.by_pair["app", "chat"]

    async def run(self, times: int = 1) -> RecoveryStatus:
        for _ in range(times):
            # On a busy machine it would keep longer intervals, and count fewer of these runs.
            self._recovery.interval = EVERY
            await self._recovery.run()
            self.clock[0] += EVERY
        return self.state


Recover = Callable[..., Any]


def sessions(database: EmbeddedDatabase, first: int, count: int, seen: str = "2 hours") -> None:
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen)"
        f" SELECT n, now() - interval '30 days', now() - interval '{seen}'"
        f" FROM generate_series({first}, {first + count - 1}) AS n",
    )


def open_ones(database: EmbeddedDatabase) -> set[int]:
    return {id_ for (id_,) in rows(database, "SELECT id FROM public.chat WHERE is_open")}


def runners(database: EmbeddedDatabase, folder: Path, *, by_functions: bool) -> Recover:
    """Create the table, where the audit is; `recover(per_hour=3)` is the runner of a source."""
    execute(
        database,
        "CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool NOT NULL DEFAULT true,"
        " started timestamptz NOT NULL DEFAULT now(), seen timestamptz, ended timestamptz)",
    )

    @asynccontextmanager
    async def recover(
        source: dict[str, Any] | None = None, *, is_trusted: bool = True, **recovery: Any
    ) -> AsyncIterator[Runner]:
        path = folder / "config.yaml"
        declared = {**SOURCE, **(source or {}), "recovery": {**RECOVERY, **recovery}}
        data = {"databases": {"app": {"dsn": database.dsn}}, "sources": {"chat": declared}}
        path.write_text(yaml.safe_dump(data))
        config = load_config(path, {})
        chat, now = config.sources["chat"], [1000.0]
        statuses = RecoveryStatuses([("app", "chat")])
        clock = Clock(monotonic=lambda: now[0] + time.monotonic(), wall=lambda: 1_700_000_000.0)
        settings = config.databases["app"]
        if is_trusted and chat.recovery.mode == "auto":
            await trust(settings, chat)
        if by_functions and chat.recovery.mode == "auto":
            chat = calling(chat)
            await install(database, config, chat)
            settings = settings.model_copy(update={"dsn": database.dsn_for(EXPORTER)})
            own = {"dsn": database.dsn_for(RECOVERY_ROLE)}
            chat = chat.model_copy(update={"recovery": chat.recovery.model_copy(update=own)})
        automatic = AutomaticRecovery(settings, chat, statuses=statuses, clock=clock)
        try:
            yield Runner(automatic, statuses, now, ByHand(settings, chat, dsn=database.dsn))
        finally:
            await automatic.close()

    return recover
