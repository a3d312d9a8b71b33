"""What exporters have left on a server on which they are no longer connected."""

from contextlib import suppress

from psycopg import errors

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.worlds.stress.history import values_of

TRANSACTIONS = """
SELECT concat_ws(' ', pid, application_name, state) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
"""

LOCK_ALL = "SELECT 1 FROM public.chats FOR UPDATE NOWAIT"


def open_transactions(database: EmbeddedDatabase) -> list[str]:
    return values_of(database, TRANSACTIONS)


def has_locked_chats(database: EmbeddedDatabase) -> bool:
    with suppress(errors.LockNotAvailable):
        values_of(database, LOCK_ALL)
        return False
    return True
