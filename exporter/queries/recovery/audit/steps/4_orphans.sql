-- Version 4: when each orphaned session became orphaned, what is judged, and what a person has seen whole.
ALTER TABLE session_exporter.observation
    -- What became orphaned until then is judged: no brake was on.
    ADD COLUMN IF NOT EXISTS judged timestamptz,
    -- By the text of the id, a Unix time.
    ADD COLUMN IF NOT EXISTS orphans jsonb NOT NULL DEFAULT '{{}}';
-- What was orphaned before is not known by name, nor what of it is judged: its age tells.
UPDATE session_exporter.observation SET until = '-infinity', returns = '[]' WHERE judged IS NULL;
ALTER TABLE session_exporter.stop
    -- The largest wave of those that a person has let be closed, and by which rule they were orphaned.
    ADD COLUMN IF NOT EXISTS wave int8,
    ADD COLUMN IF NOT EXISTS rule text;
-- An undone session is left alone by every source of its table.
CREATE INDEX IF NOT EXISTS recovery_undone_of_table ON session_exporter.recovery (relation)
    WHERE undone_at IS NOT NULL;
DROP INDEX IF EXISTS session_exporter.recovery_undone;
