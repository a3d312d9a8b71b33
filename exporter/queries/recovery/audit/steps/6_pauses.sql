-- Version 6: a pause that has ended stays, with the person who has ended it and why.
ALTER TABLE session_exporter.pause
    ADD COLUMN IF NOT EXISTS resumed_at timestamptz,
    ADD COLUMN IF NOT EXISTS resumed_by name,
    ADD COLUMN IF NOT EXISTS resume_reason text,
    DROP CONSTRAINT IF EXISTS pause_pkey;
ALTER TABLE session_exporter.pause ADD CONSTRAINT pause_pkey PRIMARY KEY (source, paused_at);
CREATE UNIQUE INDEX IF NOT EXISTS pause_on ON session_exporter.pause (source) WHERE resumed_at IS NULL;
