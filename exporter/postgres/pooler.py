"""Whether a pooler, such as PgBouncer, stands before the server."""

from exporter.postgres.database import Database


def is_behind_pooler(database: Database, backend_pid: int) -> bool:
    """Whether the backend of a read is none that libpq was told of when it connected.

    A pooler answers a client with a key of its own (PgBouncer, client.c), because the server's
    connection is another one in each transaction.
    """
    known = {each.pgconn.backend_pid for each in database.pool.idle}
    return bool(known) and backend_pid not in known
