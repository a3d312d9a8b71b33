-- conversations with an owner: which server holds a conversation, which servers live, and the memory
-- that is finalised when any program has ended a conversation.
ALTER TABLE conversations.conversation_sessions ADD COLUMN server_id text;

CREATE TABLE conversations.servers (
  server_id text PRIMARY KEY,                    -- a new one at each start
  seen_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE conversations.memories (
  session_id uuid PRIMARY KEY REFERENCES conversations.conversation_sessions,
  finalised  integer NOT NULL DEFAULT 0          -- how many times: more than once does no harm
);
