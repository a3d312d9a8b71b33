"""The history of a database with chats, which triggers write in the transaction of each change.

It is independent of the exporter's audit and of what the application believes to have done, and
survives whatever the change itself survives.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from psycopg.rows import class_row

from exporter.demo.server.databases import EmbeddedDatabase

#: `number` orders what has held the lock of one chat: each transaction takes it under that lock.
TRIGGERS = """
CREATE TABLE public.history (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind        text NOT NULL,
    chat        integer,
    before      jsonb,
    after       jsonb,
    began       timestamptz NOT NULL DEFAULT now(),
    looked_at   timestamptz NOT NULL DEFAULT statement_timestamp(),
    by_exporter boolean NOT NULL
        DEFAULT current_setting('application_name') = 'session-exporter'
);
CREATE INDEX ON public.history (chat, number);
-- When the application knew that its transaction was committed.
CREATE TABLE public.acknowledged (xid xid8 PRIMARY KEY, at timestamptz NOT NULL);
CREATE INDEX ON public.messages (chat, at);
CREATE INDEX ON public.presence (chat, at);

CREATE FUNCTION public.write_history() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after  jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
BEGIN
    INSERT INTO public.history (kind, chat, before, after)
    VALUES (TG_ARGV[0], (coalesce(after, before) #>> TG_ARGV[1]::text[])::integer, before, after);
    RETURN NULL;
END $$;

CREATE TRIGGER writes_history AFTER INSERT OR UPDATE OR DELETE ON public.chats
    FOR EACH ROW EXECUTE FUNCTION public.write_history('row', '{id}');
-- After the trigger of the foreign key, which locks the chat: triggers fire in the order of names.
CREATE TRIGGER writes_history AFTER INSERT ON public.messages
    FOR EACH ROW EXECUTE FUNCTION public.write_history('message', '{chat}');
CREATE TRIGGER writes_history AFTER INSERT ON public.presence
    FOR EACH ROW EXECUTE FUNCTION public.write_history('presence', '{chat}');
CREATE TRIGGER writes_closed AFTER INSERT ON session_exporter.recovery
    FOR EACH ROW EXECUTE FUNCTION public.write_history('closed', '{session,0}');
CREATE TRIGGER writes_undone AFTER UPDATE ON session_exporter.recovery
    FOR EACH ROW WHEN (OLD.undone_at IS DISTINCT FROM NEW.undone_at)
    EXECUTE FUNCTION public.write_history('undone', '{session,0}');
CREATE TRIGGER writes_stop AFTER INSERT OR UPDATE ON session_exporter.stop
    FOR EACH ROW EXECUTE FUNCTION public.write_history('stop', '{none}');
CREATE TRIGGER writes_pause AFTER INSERT OR UPDATE ON session_exporter.pause
    FOR EACH ROW EXECUTE FUNCTION public.write_history('pause', '{none}');
"""

EVENTS = """
SELECT h.number, h.xid::text::bigint AS xid, h.kind, h.chat, h.before, h.after, h.by_exporter,
    extract(epoch FROM h.began)::float8 AS began,
    extract(epoch FROM h.looked_at)::float8 AS looked_at,
    extract(epoch FROM pg_xact_commit_timestamp(h.xid::xid))::float8 AS committed,
    extract(epoch FROM k.at)::float8 AS known_at
FROM public.history AS h LEFT JOIN public.acknowledged AS k USING (xid)
WHERE h.chat IS NOT NULL
ORDER BY h.chat, h.number
"""

STOPS = """
SELECT
    extract(
        epoch FROM coalesce(h.after ->> 'at', h.after ->> 'paused_at')::timestamptz
    )::float8 AS at,
    coalesce(h.after ->> 'brake', 'pause') AS brake,
    min(extract(epoch FROM pg_xact_commit_timestamp(h.xid::xid)))::float8 AS committed,
    min(extract(epoch FROM pg_xact_commit_timestamp(h.xid::xid)))
        FILTER (WHERE h.after ->> 'resumed_at' IS NOT NULL)::float8 AS resumed
FROM public.history AS h
WHERE h.kind IN ('stop', 'pause')
GROUP BY 1, 2
"""

AUTOMATIC = """
SELECT extract(epoch FROM began)::float8 AS began FROM public.history
WHERE kind = 'closed' AND after ->> 'trigger' = 'auto' ORDER BY 1
"""

#: Audit rows that the history does not have, or that are gone.
UNLIKE = """
SELECT coalesce(a.number, h.number) AS number
FROM session_exporter.recovery AS a
FULL JOIN (
    SELECT (after ->> 'number')::bigint AS number FROM public.history WHERE kind = 'closed'
) AS h USING (number)
WHERE a.number IS NULL OR h.number IS NULL
"""


@dataclass(frozen=True, slots=True)
class Event:
    """What one transaction did to one chat, or to its audit. Times are Unix times."""

    number: int
    xid: int
    kind: str
    """row, message, presence; closed and undone are of the audit."""
    chat: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    by_exporter: bool
    began: float
    """now() of the transaction."""
    looked_at: float
    """When the statement arrived, and so before its snapshot."""
    committed: float
    known_at: float | None
    """When the application knew of the commit."""


@dataclass(frozen=True, slots=True)
class StopEvent:
    """A stop: its moment, and when it was committed, and its resumption if there was one.

    Or a pause, whose brake is called "pause".
    """

    at: float
    brake: str
    committed: float
    resumed: float | None


def chats_of(database: EmbeddedDatabase) -> Iterator[list[Event]]:
    """The events of one chat after another, of which only one is in memory."""
    with (
        database.connect() as connection,
        connection.transaction(),
        connection.cursor("history", row_factory=class_row(Event)) as cursor,
    ):
        cursor.execute(EVENTS.encode())
        for _, events in groupby(cursor, key=lambda event: event.chat):
            yield list(events)


def stops_of(database: EmbeddedDatabase) -> list[StopEvent]:
    with database.connect() as connection, connection.cursor(row_factory=class_row(StopEvent)) as c:
        return c.execute(STOPS.encode()).fetchall()


def values_of(database: EmbeddedDatabase, query: str) -> list[Any]:
    """The first column of what a query selects."""
    with database.connect() as connection:
        return [row[0] for row in connection.execute(query.encode())]


def print_of(events: list[Event]) -> str:
    """A history as lines, for the message of a test that has failed."""
    return "\n".join(map(str, events))
