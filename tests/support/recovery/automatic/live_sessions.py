"""Forty sessions that live beside those of a test, and the stops that recovery has written."""

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.automatic.by_hand import let_pass
from tests.support.recovery.automatic.runner import sessions
from tests.support.servers.statements import execute, rows

LIVE = set(range(100, 140))


def add_live(database: EmbeddedDatabase) -> None:
    sessions(database, 100, 40, seen="1 minute")


def passes(database: EmbeddedDatabase, time: str) -> None:
    """Time passes in which they show life."""
    let_pass(database, time)
    execute(database, "UPDATE public.chat SET seen = now() WHERE id >= 100 AND is_open")


def lose_ten(database: EmbeddedDatabase, *, every: str) -> None:
    """Sessions 1 to 10 were lost one after the other, the first of them longest ago."""
    execute(
        database,
        "INSERT INTO public.chat (id, started, seen) SELECT n, now() - interval '30 days',"
        f" now() - (11 - n) * interval '{every}' FROM generate_series(1, 10) AS n",
    )


def stops(database: EmbeddedDatabase) -> list[str]:
    """The brakes of the stops that recovery has written."""
    found = rows(database, "SELECT brake FROM session_exporter.stop WHERE why <> 'a test'")
    return [brake for (brake,) in found]
