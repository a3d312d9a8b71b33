-- coaching: role plays of trainees with personas; the browser makes the call that ends one.
-- A tab that is closed in the middle never makes it, and transcripts can get stuck as well.
CREATE SCHEMA coaching;

CREATE TABLE coaching.profiles          (id uuid PRIMARY KEY, name text);
CREATE TABLE coaching.roleplay_personas (id uuid PRIMARY KEY, name text);

CREATE TABLE coaching.roleplay_sessions (
  id             uuid PRIMARY KEY,
  trainee_id     uuid REFERENCES coaching.profiles,
  persona_id     uuid REFERENCES coaching.roleplay_personas,
  status         text NOT NULL,          -- idle, in_progress, completed, abandoned
  started_at     timestamptz,
  ended_at       timestamptz,
  session_config jsonb,
  transcript     jsonb
);

CREATE TABLE coaching.transcripts (
  id         uuid PRIMARY KEY,
  session_id uuid,
  status     text NOT NULL,              -- processing, done, failed
  created_at timestamptz,
  updated_at timestamptz,
  content    text
);

-- Find the active rows, and hold nothing that changes while they are active, such as updated_at.
CREATE INDEX ON coaching.roleplay_sessions (started_at) WHERE status = 'in_progress';
CREATE INDEX ON coaching.transcripts (created_at) WHERE status = 'processing';

-- For the statistics of a day.
CREATE INDEX ON coaching.roleplay_sessions (started_at);
CREATE INDEX ON coaching.transcripts (created_at);
