-- practice_calls: the table behind a server that holds its calls in memory. A call begins active
-- when its stream does, and has no sign of life here: the list of the server has one.
CREATE SCHEMA practice_calls;

CREATE TABLE practice_calls.calls (
  id         uuid PRIMARY KEY,
  stream_id  text NOT NULL,
  client     text NOT NULL,
  state      text NOT NULL DEFAULT 'active',     -- active, ended
  started_at timestamptz NOT NULL,
  ended_at   timestamptz,
  server_id  text NOT NULL                       -- a new one at each start of a server
);

-- Finds the active rows.
CREATE INDEX ON practice_calls.calls (started_at) WHERE state = 'active';

-- The servers that live report here.
CREATE TABLE practice_calls.servers (
  id      text PRIMARY KEY,
  seen_at timestamptz NOT NULL
);
