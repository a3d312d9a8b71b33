"""The chat server: a conversation starts active, and a disconnect or a planned stop ends it."""

from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID, uuid4

from exporter.demo.applications import Connection

Step = Callable[[], Awaitable[None]]

START = "INSERT INTO conversations.conversation_sessions (session_id, user_id) VALUES (%s, %s)"

# now() is one moment per transaction: both ends are the same, and the duration fits them.
END_ALL = """
    UPDATE conversations.conversation_sessions
    SET is_active = false, session_end = now(), ended_at = now(),
        duration_seconds = extract(epoch FROM now() - session_start)
    WHERE is_active
"""
END_ONE = END_ALL + " AND session_id = %s"


async def start_session(connection: Connection, user_id: str) -> UUID:
    """Open a conversation, active from the first moment, and return its id."""
    session_id = uuid4()
    await connection.execute(START, (session_id, user_id))
    return session_id


async def disconnect(
    connection: Connection, session_id: UUID, *, cleanup: Iterable[Step] = ()
) -> None:
    """Clean up what the session holds in memory, then end it in the database.

    An error in one step does not stop the rest; all of them are raised at the end as a group.
    """
    errors = await _run_all(cleanup)
    await connection.execute(END_ONE, (session_id,))
    _report(errors)


async def close_all(connection: Connection, *, cleanup: Iterable[Step] = ()) -> int:
    """End every active session in one go, as on a planned stop, and return how many."""
    errors = await _run_all(cleanup)
    cursor = await connection.execute(END_ALL)
    _report(errors)
    return cursor.rowcount


async def _run_all(steps: Iterable[Step]) -> list[Exception]:
    errors = []
    for step in steps:
        try:
            await step()
        except Exception as error:  # noqa: BLE001 (whatever it was, the rest must run)
            errors.append(error)
    return errors


def _report(errors: list[Exception]) -> None:
    if errors:
        raise ExceptionGroup("steps of the cleanup failed", errors)
