-- Version 5: what is the same for all sessions of a run is stored once; pruning keeps what automatic
-- recovery decides by.
CREATE TABLE IF NOT EXISTS session_exporter.run (
    run    uuid NOT NULL,
    source text NOT NULL,
    role   name NOT NULL DEFAULT session_user,
    rule   jsonb NOT NULL,  -- what counted as orphaned, and which end was chosen
    PRIMARY KEY (run, source)
);
IF EXISTS (
    SELECT FROM pg_catalog.pg_attribute
    WHERE attrelid = 'session_exporter.recovery'::regclass
        AND attname = 'rule'
        AND NOT attisdropped
) THEN
INSERT INTO session_exporter.run (run, source, role, rule)
SELECT DISTINCT ON (a.run, a.source) a.run, a.source, a.role, a.rule
FROM session_exporter.recovery AS a
ORDER BY a.run, a.source, a.number
ON CONFLICT DO NOTHING;
ALTER TABLE session_exporter.recovery DROP COLUMN rule, DROP COLUMN role;
END IF;

DROP FUNCTION IF EXISTS session_exporter.prune(text, interval);

-- Deletes old rows of a source, a thousand at a time, for roles that may delete no others, and a run with
-- the last of its sessions. It keeps those that the caller names, and the rows of the last week, by which
-- closures and mistakes are counted.
CREATE OR REPLACE FUNCTION session_exporter.prune(source text, keep interval, kept bigint[])
RETURNS SETOF bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $prune$
    WITH pruned AS (
        DELETE FROM session_exporter.recovery
        WHERE number IN (
            SELECT a.number FROM session_exporter.recovery AS a
            WHERE a.source = $1
                AND a.at < now() - greatest($2, interval '7 days')
                AND a.number <> ALL ($3)
            ORDER BY a.at
            LIMIT 1000
        )
        RETURNING number, run
    ), ended AS (
        DELETE FROM session_exporter.run AS r
        USING (SELECT DISTINCT run FROM pruned) AS p
        WHERE r.run = p.run
            AND NOT EXISTS (
                SELECT FROM session_exporter.recovery AS a
                WHERE a.run = r.run AND a.number NOT IN (SELECT number FROM pruned)
            )
    )
    SELECT number FROM pruned
$prune$;
REVOKE ALL ON FUNCTION session_exporter.prune(text, interval, bigint[]) FROM PUBLIC;
