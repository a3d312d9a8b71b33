"""An application under load: it starts chats, keeps them alive, ends and reopens them, and forgets
some. Each transaction logs what it did, so that one can judge afterwards by the time of its commit.
"""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.support.recovery.chats import END, Chats, Connection

LOG = """
CREATE TABLE public.log (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    chat   integer NOT NULL,
    act    text NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE public.acknowledged (number bigint PRIMARY KEY, at timestamptz NOT NULL);
CREATE INDEX ON public.messages (chat, at);
CREATE INDEX ON public.presence (chat, at);
-- When the statement that closed a session arrived, and so before it looked.
ALTER TABLE session_exporter.recovery
    ADD COLUMN looked_at timestamptz NOT NULL DEFAULT statement_timestamp();
"""

START = "INSERT INTO public.chats (id, started_at, last_seen_at) VALUES ({id}, now(), now())"

#: What is done to a chat, and how often. Nobody ends what is not active, except one careless call.
ACTS = {
    "start": (START, 2),
    "life": ("UPDATE public.chats SET last_seen_at = now() WHERE id = {id} AND is_active", 10),
    "message": ("INSERT INTO public.messages (chat) VALUES ({id})", 10),
    "presence": ("INSERT INTO public.presence (chat) VALUES ({id})", 10),
    "end": (END + " WHERE id = {id} AND is_active", 3),
    "careless end": (END + " WHERE id = {id}", 1),
    "reopen": (
        """UPDATE public.chats
        SET is_active = true, last_seen_at = now(), ended_at = NULL, ended_by = NULL
        WHERE id = {id} AND NOT is_active""",
        6,
    ),
}


class Traffic:
    """Several writers on the same chats, until they are stopped."""

    def __init__(self, chats: Chats, *, writers: int, alive: int) -> None:
        """`alive` chats get attention; a new one takes the place of one that is forgotten."""
        self._chats = chats
        self._writers = writers
        self._ids = list(range(1, alive + 1))
        self._next = alive
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._acknowledged: list[tuple[int, float]] = []
        chats.do(LOG)
        starts = f"SELECT id, now(), now() FROM generate_series(1, {alive}) AS id"
        chats.do(f"INSERT INTO public.chats (id, started_at, last_seen_at) {starts}")
        chats.do("INSERT INTO public.log (chat, act) SELECT id, 'start' FROM public.chats")

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Write all the time, in threads; raise what a writer raised."""
        with ThreadPoolExecutor(self._writers) as threads:
            writing = [threads.submit(self._write, number) for number in range(self._writers)]
            try:
                yield
            finally:
                self._is_over.set()
        for each in writing:
            each.result()
        with self._chats.database.connect() as connection:
            connection.cursor().executemany(
                "INSERT INTO public.acknowledged VALUES (%s, to_timestamp(%s))", self._acknowledged
            )

    def _write(self, number: int) -> None:
        dice = random.Random(number)
        names, weights = list(ACTS), [weight for _, weight in ACTS.values()]
        with self._chats.application() as application:
            while not self._is_over.is_set():
                (act,) = dice.choices(names, weights)
                if logged := self._act(application.connection, dice, act):
                    self._acknowledged.append((logged, time.time()))

    def _act(self, connection: Connection, dice: random.Random, act: str) -> int | None:
        """One transaction; some take their time before they commit."""
        id_ = self._new() if act == "start" else dice.choice(self._ids)
        with connection.transaction():
            statement = ACTS[act][0].replace("{id}", str(id_))
            if not connection.execute(statement.encode()).rowcount:
                return None
            row = connection.execute(
                "INSERT INTO public.log (chat, act) VALUES (%s, %s) RETURNING number", (id_, act)
            ).fetchone()
            if dice.random() < 0.2:
                self._is_over.wait(dice.uniform(0, 0.02))
        assert row is not None
        if act == "start":
            self._ids[dice.randrange(len(self._ids))] = id_
        return int(row[0])

    def _new(self) -> int:
        with self._lock:
            self._next += 1
            return self._next
