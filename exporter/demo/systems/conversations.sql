-- conversations: a chat server writes one row per conversation and ends it on disconnect.
-- There is no heartbeat column: how long ago a conversation started is the only evidence.
CREATE SCHEMA conversations;

CREATE TABLE conversations.conversation_sessions (
  session_id       uuid PRIMARY KEY,
  user_id          text NOT NULL,
  is_active        boolean NOT NULL DEFAULT true,
  session_start    timestamptz NOT NULL DEFAULT now(),
  session_end      timestamptz,
  ended_at         timestamptz,
  duration_seconds double precision
);

-- Finds the active rows.
CREATE INDEX ON conversations.conversation_sessions (session_start) WHERE is_active;

-- For the statistics of a day.
CREATE INDEX ON conversations.conversation_sessions (session_start);
