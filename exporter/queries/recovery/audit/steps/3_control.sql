-- Version 3: what automatic recovery decides by, besides the audit: its stops and its observations.
CREATE INDEX IF NOT EXISTS recovery_session ON session_exporter.recovery (relation, (session[1]));
CREATE INDEX IF NOT EXISTS recovery_undone ON session_exporter.recovery (source)
    WHERE undone_at IS NOT NULL;

-- The stops of automatic recovery: one lasts until a person resumes it, or until no session is orphaned
-- that was last seen before it.
CREATE TABLE IF NOT EXISTS session_exporter.stop (
    source     text NOT NULL,
    at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    brake      text NOT NULL,
    why        text NOT NULL,
    resumed_at timestamptz,
    resumed_by name,
    held       int8,  -- how many sessions that person has let be closed
    reason     text,
    PRIMARY KEY (source, at)
);

-- Since when each rule is observed, by any exporter, and what became of the orphaned sessions of the
-- last day. A rule that is changed is another one.
CREATE TABLE IF NOT EXISTS session_exporter.observation (
    source  text NOT NULL,
    rule    text NOT NULL,
    since   timestamptz NOT NULL,
    until   timestamptz NOT NULL,
    returns jsonb NOT NULL,
    PRIMARY KEY (source, rule)
);
