"""The training application: every message updates the session, and the tenth completes it."""

from exporter.demo.applications import Connection

MESSAGES = 10

# The application writes UTC into columns without a zone, whatever the server's zone is.
START = """
    INSERT INTO training.roleplay_sessions
        ("userId", "scenarioId", "scenarioTitle", difficulty, "createdAt")
    VALUES (%s, 'cold-call', 'Cold call', %s, now() AT TIME ZONE 'UTC')
    RETURNING id
"""
SPEAK = """
    UPDATE training.roleplay_sessions AS s
    SET messages = s.messages || jsonb_build_array(jsonb_build_object(
            'role', 'user',
            'content', 'And what would that cost me?',
            'timestamp', to_char(clock.utc, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))),
        duration = round(extract(epoch FROM clock.utc - s."createdAt")),
        score = least(s.score + 9, 100),
        "completedAt" = CASE WHEN jsonb_array_length(s.messages) + 1 >= %(messages)s
            THEN clock.utc END
    FROM (SELECT now() AT TIME ZONE 'UTC') AS clock(utc)
    WHERE s.id = %(id)s AND s."completedAt" IS NULL
"""


async def start_session(connection: Connection, user_id: int, difficulty: str) -> int:
    """Begin to practise and return the session's id."""
    cursor = await connection.execute(START, (user_id, difficulty))
    rows = await cursor.fetchall()
    return int(rows[0][0])


async def speak(connection: Connection, session_id: int) -> None:
    """Add a message, with duration and score so far; the last one completes the session."""
    await connection.execute(SPEAK, {"id": session_id, "messages": MESSAGES})
