"""The coaching platform: the browser starts and ends a call, a worker makes the transcript."""

from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from exporter.demo.applications import Connection

CONFIG = {"voice": "alto", "difficulty": 2}
LINES = [{"speaker": "trainee", "text": "Good morning, do you have two minutes?"}]

# A trainee and a persona, where there are any: the columns may be NULL.
START = """
    INSERT INTO coaching.roleplay_sessions
        (id, trainee_id, persona_id, status, started_at, session_config)
    VALUES (%s,
        (SELECT id FROM coaching.profiles ORDER BY random() LIMIT 1),
        (SELECT id FROM coaching.roleplay_personas ORDER BY random() LIMIT 1),
        'in_progress', now(), %s)
"""
END = """
    UPDATE coaching.roleplay_sessions
    SET status = 'completed', ended_at = now(), transcript = %s
    WHERE id = %s AND status = 'in_progress'
"""
BEGIN_TRANSCRIPT = """
    INSERT INTO coaching.transcripts (id, session_id, status, created_at, updated_at)
    VALUES (%s, %s, 'processing', now(), now())
"""
CONTINUE_TRANSCRIPT = "UPDATE coaching.transcripts SET updated_at = now() WHERE id = %s"
FINISH_TRANSCRIPT = """
    UPDATE coaching.transcripts SET status = 'done', updated_at = now(), content = %s
    WHERE id = %s AND status = 'processing'
"""


async def start_session(connection: Connection) -> UUID:
    """Begin a call and return its id."""
    session_id = uuid4()
    await connection.execute(START, (session_id, Jsonb(CONFIG)))
    return session_id


async def end_session(connection: Connection, session_id: UUID) -> None:
    """End a call, as the browser requests and a closed tab never does."""
    await connection.execute(END, (Jsonb(LINES), session_id))


async def begin_transcript(connection: Connection, session_id: UUID) -> UUID:
    """Let a worker start on the transcript of a call, and return the transcript's id."""
    transcript_id = uuid4()
    await connection.execute(BEGIN_TRANSCRIPT, (transcript_id, session_id))
    return transcript_id


async def continue_transcript(connection: Connection, transcript_id: UUID) -> None:
    """Write a sign of life of the worker."""
    await connection.execute(CONTINUE_TRANSCRIPT, (transcript_id,))


async def finish_transcript(connection: Connection, transcript_id: UUID) -> None:
    """Write the text and end the processing."""
    await connection.execute(FINISH_TRANSCRIPT, (str(LINES[0]["text"]), transcript_id))
