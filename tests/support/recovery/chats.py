"""An application with chats, as it writes them itself, and the source that watches them.

A chat lives by its own row, by messages, which have a foreign key to it, and by presence, which has
none. What protects it, and when it ended, is in other tables too: such evidence changes without
the row changing.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.collection.declarations import source_of
from tests.support.processes.session_exporter import wait_for

SCHEMA = """
CREATE TABLE public.chats (
    id           integer PRIMARY KEY,
    is_active    boolean NOT NULL DEFAULT true,
    started_at   timestamptz NOT NULL DEFAULT now() - interval '1 day',
    last_seen_at timestamptz NOT NULL DEFAULT now() - interval '1 hour',
    ended_at     timestamptz,
    ended_by     text
);
CREATE TABLE public.messages (
    chat integer NOT NULL REFERENCES public.chats ON DELETE CASCADE,
    at   timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE public.presence (chat integer NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE public.kept (chat integer NOT NULL);
CREATE TABLE public.endless (chat integer NOT NULL);
CREATE TABLE public.hidden (chat integer NOT NULL);
"""

SOURCE = """\
chats:
  table: public.chats
  where: |
    NOT EXISTS (SELECT FROM public.hidden AS o WHERE o.chat = s.id)
  active: is_active
  started_at: started_at
  last_seen_at: last_seen_at
  ended_at: ended_at
  id: id
  orphaned_after: 10m
  recovery:
    set:
      is_active: false
      ended_at: |
        {end}
      ended_by: |
        'recovery'
    end_at: |
      CASE WHEN NOT EXISTS (SELECT FROM public.endless AS o WHERE o.chat = s.id)
           THEN greatest(s.last_seen_at, s.started_at) END
    evidence: |
      EXISTS (SELECT FROM public.messages AS o
              WHERE o.chat = s.id AND o.at > now() - interval '10 minutes')
      OR EXISTS (SELECT FROM public.presence AS o
                 WHERE o.chat = s.id AND o.at > now() - interval '10 minutes')
    exempt: |
      EXISTS (SELECT FROM public.kept AS o WHERE o.chat = s.id)
"""

END = "UPDATE public.chats SET is_active = false, ended_at = now(), ended_by = 'application'"

#: What an application may do to chat 1 at any moment.
ACTS = {
    "ends": f"{END} WHERE id = 1 AND is_active",
    "ends without looking": f"{END} WHERE id = 1",
    "shows life": "UPDATE public.chats SET last_seen_at = now() WHERE id = 1 AND is_active",
    "sends a message": "INSERT INTO public.messages (chat) VALUES (1)",
    "is present": "INSERT INTO public.presence (chat) VALUES (1)",
    "is deleted": "DELETE FROM public.chats WHERE id = 1",
    "is opened again": "UPDATE public.chats SET is_active = true, ended_at = NULL, ended_by = NULL"
    " WHERE id = 1",
}

Row = dict[str, Any]
Connection = psycopg.Connection[tuple[Any, ...]]


class Application:
    """One connection of the application, which can be made to wait."""

    def __init__(self, database: EmbeddedDatabase) -> None:
        self.connection = database.connect()
        self._database = database
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.cancel_safe()  # a test that has failed leaves it waiting
        self._thread.shutdown()
        self.connection.close()

    def do(self, statement: str) -> int:
        """Run a statement; how many rows it wrote."""
        return self.connection.execute(statement.encode()).rowcount

    def is_impatient(self) -> None:
        """Rather than wait for a lock from now on, it fails."""
        self.connection.execute(b"SET lock_timeout = '500ms'")

    def begin(self, statement: str) -> Future[int]:
        """The same in a thread."""
        return self._thread.submit(self.do, statement)

    def waits(self, call: Future[int]) -> None:
        """Wait until what was begun waits for a lock that somebody holds."""
        blocked = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
        with self._database.connect() as watcher:

            def is_blocked() -> bool:
                assert not call.done(), f"it did not wait, and wrote {call.result()} rows"
                row = watcher.execute(blocked, (self.connection.info.backend_pid,)).fetchone()
                return row is not None and bool(row[0])

            wait_for(is_blocked, "the application waits")


class Chats:
    """The tables in one database, the audit table, and the source."""

    def __init__(self, database: EmbeddedDatabase, folder: Path, *, source: str = SOURCE) -> None:
        self.database = database
        self.source: Source = source_of(folder, source)
        self._connection = database.connect()
        self._connection.execute(SCHEMA.encode())
        self._connection.execute(audit_script().encode())

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def connect_again(self) -> None:
        """After the server has ended all connections."""
        self._connection.close()
        self._connection = self.database.connect()

    def do(self, statement: str, *values: object) -> None:
        """Run a statement by itself."""
        self._connection.execute(statement.encode(), values)

    def add(self, *ids: int, silent: str = "1 hour") -> None:
        """Write active chats that have been silent for a time."""
        for id_ in ids:
            self.do(
                "INSERT INTO public.chats (id, last_seen_at) VALUES (%s, now() - %s::interval)",
                id_,
                silent,
            )

    def application(self) -> Application:
        """Another connection."""
        return Application(self.database)

    def row(self, id_: int = 1) -> Row | None:
        """A chat as it is now; None where it is gone."""
        return next(iter(self.rows("SELECT * FROM public.chats WHERE id = %s", id_)), None)

    def rows(self, query: str, *values: object) -> list[Row]:
        """What a query selects."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), values).fetchall()

    @property
    def audit(self) -> list[Row]:
        """Everything that recovery wrote down."""
        return self.rows("SELECT * FROM session_exporter.recovery ORDER BY number")

    @property
    def audited(self) -> list[int]:
        """Which chats the audit says were recovered, and were not undone."""
        return sorted(int(row["session"][0]) for row in self.audit if row["undone_at"] is None)

    @property
    def recovered(self) -> list[int]:
        """Which chats are as recovery writes them."""
        closed = "ended_by = 'recovery' AND NOT is_active AND ended_at IS NOT NULL"
        query = f"SELECT id FROM public.chats WHERE {closed} ORDER BY id"
        return [row["id"] for row in self.rows(query)]


def show_life(chats: Chats, first: int, last: int) -> None:
    """The application's own heartbeat, which does nothing to a session that is closed."""
    chats.do(
        "UPDATE public.chats SET last_seen_at = now() WHERE is_active AND id BETWEEN %s AND %s",
        first,
        last,
    )
