-- Version 5: pruning keeps what automatic recovery decides by.
DROP FUNCTION IF EXISTS session_exporter.prune(text, interval);

-- Deletes old rows of a source, a thousand at a time, for roles that may delete no others. It keeps those
-- that the caller names, and the rows of the last week, by which closures and mistakes are counted.
CREATE OR REPLACE FUNCTION session_exporter.prune(source text, keep interval, kept bigint[])
RETURNS SETOF bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $prune$
    DELETE FROM session_exporter.recovery
    WHERE number IN (
        SELECT a.number FROM session_exporter.recovery AS a
        WHERE a.source = $1
            AND a.at < now() - greatest($2, interval '7 days')
            AND a.number <> ALL ($3)
        ORDER BY a.at
        LIMIT 1000
    )
    RETURNING number
$prune$;
REVOKE ALL ON FUNCTION session_exporter.prune(text, interval, bigint[]) FROM PUBLIC;
