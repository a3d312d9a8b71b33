"""A server with chats, PgBouncer before it, and the config of exporters that recover them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import EXPORTER, create_empty
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import run
from tests.support.recovery.automatic.daemons import auto_config
from tests.support.recovery.chats import Chats
from tests.support.recovery.worlds.stress.history import TRIGGERS
from tests.support.servers.pgbouncer import PgBouncer
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute

#: A chat is orphaned after so many seconds. Its writer shows life about every second.
THRESHOLD = 2.0

EVIDENCE = f"""\
EXISTS (SELECT FROM public.messages AS o
        WHERE o.chat = s.id AND o.at > now() - interval '{THRESHOLD} seconds')
OR EXISTS (SELECT FROM public.presence AS o
           WHERE o.chat = s.id AND o.at > now() - interval '{THRESHOLD} seconds')
"""

#: Chats that were lost one after the other before the exporters begin.
LOST = """
INSERT INTO public.chats (id, started_at, last_seen_at)
SELECT n, now() - interval '1 day', now() - n * interval '1 second'
FROM generate_series(1, {lost}) AS n
"""


@dataclass(frozen=True, slots=True)
class World:
    database: EmbeddedDatabase
    bouncer: PgBouncer
    direct: Path
    """A config for connections to the server, as its superuser."""
    pooled: Path
    """The same for connections through PgBouncer, as a role with no right but those it needs."""
    called: Path
    """The same, where a role that may only call functions closes."""


@contextmanager
def stressed_world(
    program: str, folder: Path, parent: Path | None, *, lost: int, per_hour: int
) -> Iterator[World]:
    """On a server that knows when each transaction was committed."""
    settings = {"track_commit_timestamp": "on"}
    with QuickServer(wheel_binaries(18), settings=settings, parent=parent) as server:
        database = create_empty(server, "stressed")
        chats = Chats(database, folder)
        chats.do(TRIGGERS)
        chats.do(LOST.replace("{lost}", str(lost)))
        with PgBouncer(program, database) as bouncer:
            options: dict[str, Any] = {"orphaned_after": f"{THRESHOLD:g}s", "evidence": EVIDENCE}
            options |= {"per_hour": per_hour, "max_share": "20%", "batch": 5}
            direct = auto_config(chats, folder, **options)
            pooled = auto_config(chats, folder, dsn=bouncer.dsn(), is_trusted=False, **options)
            printed = run("sql", "role", "-c", direct, folder=folder).stdout
            chats.do(printed.replace(RECOVERY_ROLE, EXPORTER))
            require_role(server, RECOVERY_ROLE)
            options |= {"call": "session_exporter.recover_chats", "is_trusted": False}
            to_print = auto_config(chats, folder, **options)
            for words in (["role"], ["function", "chats"]):
                execute(database, run("sql", *words, "-c", to_print, folder=folder).stdout)
            own: dict[str, Any] = {
                "dsn": bouncer.dsn(),
                "recovery_dsn": database.dsn_for(RECOVERY_ROLE),
            }
            called = auto_config(chats, folder, **own, **options)
            chats.close()
            yield World(database, bouncer, direct, pooled, called)
