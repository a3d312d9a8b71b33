"""One connection of the application, which is opened again whenever it is lost."""

import time

import psycopg

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.chats import END, Connection
from tests.support.recovery.worlds.stress.actor import Actor

START = "INSERT INTO public.chats (id, started_at, last_seen_at) VALUES ({id}, now(), now())"
ENDS = END + " WHERE id = {id} AND is_active"
ENDS_CARELESSLY = END + " WHERE id = {id}"
REOPENS = """UPDATE public.chats
SET is_active = true, last_seen_at = now(), ended_at = NULL, ended_by = NULL
WHERE id = {id} AND NOT is_active"""
SIGNS = {
    "life": "UPDATE public.chats SET last_seen_at = now() WHERE id = {id} AND is_active",
    "message": "INSERT INTO public.messages (chat) VALUES ({id})",
    "presence": "INSERT INTO public.presence (chat) VALUES ({id})",
}

ACKNOWLEDGE = """
INSERT INTO public.acknowledged VALUES (%s::xid8, to_timestamp(%s)) ON CONFLICT DO NOTHING
"""

#: So many of the transactions take their time before they commit.
SLOW = 0.1


class Client(Actor):
    """Does one thing to one chat in each transaction."""

    def __init__(self, name: str, seed: int, database: EmbeddedDatabase) -> None:
        super().__init__(name, seed)
        self._database = database
        self._connection: Connection | None = None
        self._present: tuple[str, float] | None = None
        """A presence that was committed, and when that was known; the history is told next."""

    def run(self) -> None:
        try:
            super().run()
        finally:
            if self._connection is not None:
                self._connection.close()

    def act(self) -> None:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._database.connect()
            self.write()
        except psycopg.OperationalError:  # the server has gone; whether it did that is not known
            self.done["application: connection lost"] += 1
            self._present = None
            self.is_over.wait(0.05)

    def write(self) -> None:
        """One or more times do()."""
        raise NotImplementedError

    def do(self, name: str, statement: str, id_: int) -> bool:
        """Run a statement about a chat; whether it wrote."""
        assert self._connection is not None
        with self._connection.transaction():
            if self._present is not None:
                self._connection.execute(ACKNOWLEDGE, self._present)
            written = self._connection.execute(statement.replace("{id}", str(id_)).encode())
            count = written.rowcount
            row = self._connection.execute("SELECT pg_current_xact_id()::text").fetchone()
            if self.dice.random() < SLOW:
                self.is_over.wait(self.dice.uniform(0, 0.02))
        assert row is not None
        self._present = (row[0], time.time()) if name == "presence" else None
        self.done[name] += count
        return bool(count)
