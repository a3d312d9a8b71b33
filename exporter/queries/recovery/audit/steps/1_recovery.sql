-- Version 1: everything that recovery has written, and what was there before.
-- Tables of an older release have no version: they get the columns that they lack.
CREATE SCHEMA IF NOT EXISTS session_exporter;

CREATE TABLE IF NOT EXISTS session_exporter.recovery (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run         uuid NOT NULL,
    at          timestamptz NOT NULL DEFAULT pg_catalog.now(),
    source      text NOT NULL,
    relation    text NOT NULL,
    session     text NOT NULL,
    trigger     text NOT NULL CHECK (trigger IN ('auto', 'manual', 'close')),
    role        name NOT NULL DEFAULT session_user,
    rule        jsonb NOT NULL,             -- what counted as orphaned, and which end was chosen
    evidence    jsonb NOT NULL,             -- what was known of the session
    before      jsonb NOT NULL,             -- the columns that were written
    after       jsonb NOT NULL,
    row_version text NOT NULL,              -- xmin of the row as it was left
    undone_at   timestamptz,
    contradicted_at timestamptz,            -- when it was found to live, or to have a genuine end
    -- Notifying the webhook: the next attempt; NULL where there is none, or none is left to make.
    next_attempt_at timestamptz,
    attempts    int NOT NULL DEFAULT 0,
    notified_at timestamptz
);
ALTER TABLE session_exporter.recovery
    ADD COLUMN IF NOT EXISTS contradicted_at timestamptz,
    ADD COLUMN IF NOT EXISTS next_attempt_at timestamptz,
    ADD COLUMN IF NOT EXISTS attempts int NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS notified_at timestamptz;

CREATE INDEX IF NOT EXISTS recovery_run ON session_exporter.recovery (run);
CREATE INDEX IF NOT EXISTS recovery_source_at ON session_exporter.recovery (source, at);
CREATE INDEX IF NOT EXISTS recovery_to_tell ON session_exporter.recovery (source, next_attempt_at)
    WHERE next_attempt_at IS NOT NULL AND undone_at IS NULL;

-- The sources that are not recovered automatically until they are resumed: all exporters read it.
CREATE TABLE IF NOT EXISTS session_exporter.pause (
    source    text PRIMARY KEY,
    paused_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    paused_by name NOT NULL DEFAULT session_user,
    reason    text
);
