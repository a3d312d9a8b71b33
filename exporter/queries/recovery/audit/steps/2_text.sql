-- Version 2: the id as an array, with an element for each of its columns; values as the texts of their
-- types; which role has written a row, so that undo trusts no other.

-- The comment with the version may be lost in a dump.
IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute
    WHERE attrelid = 'session_exporter.recovery'::regclass AND attname = 'writer'
) THEN
ALTER TABLE session_exporter.recovery
    ALTER COLUMN session TYPE text[] USING ARRAY[session],
    -- Rows that are there get the role that runs this: undo restores what it may write itself.
    ADD COLUMN writer name NOT NULL DEFAULT current_user,
    -- Why a session was orphaned, and which owner it had, where that is known.
    ADD COLUMN cause text,
    ADD COLUMN owner text,
    -- What a person has given as the reason of closing, and of undoing.
    ADD COLUMN reason text,
    ADD COLUMN undo_reason text;
COMMENT ON COLUMN session_exporter.recovery.before IS
    'the columns that were written, as the texts of their types';

-- Before, a JSON value was in these columns as it is; from now on its text is.
UPDATE session_exporter.recovery AS a
SET before = session_exporter_texts.before, after = session_exporter_texts.after
FROM (
    SELECT
        v.number,
        pg_catalog.jsonb_object_agg(v.key, v.text) FILTER (WHERE v.is_before) AS before,
        pg_catalog.jsonb_object_agg(v.key, v.text) FILTER (WHERE NOT v.is_before) AS after
    FROM (
        SELECT
            a.number, o.is_before, e.key,
            CASE
                WHEN e.value <> 'null'::jsonb AND EXISTS (
                    SELECT FROM pg_catalog.pg_attribute AS c
                    JOIN pg_catalog.pg_type AS t ON t.oid = c.atttypid
                    WHERE c.attrelid = pg_catalog.to_regclass(a.relation)
                        AND c.attname = e.key
                        AND (
                            'pg_catalog.json'::regtype IN (c.atttypid, t.typbasetype)
                            OR 'pg_catalog.jsonb'::regtype IN (c.atttypid, t.typbasetype)
                        )
                ) THEN pg_catalog.to_jsonb(e.value::text)
                ELSE e.value
            END AS text
        FROM session_exporter.recovery AS a
        CROSS JOIN LATERAL (VALUES (a.before, true), (a.after, false)) AS o (texts, is_before)
        CROSS JOIN LATERAL pg_catalog.jsonb_each(o.texts) AS e
    ) AS v
    GROUP BY v.number
) AS session_exporter_texts
WHERE a.number = session_exporter_texts.number
    AND a.undone_at IS NULL;
END IF;

-- Deletes old rows of a source, a thousand at a time, for roles that may delete no others.
CREATE OR REPLACE FUNCTION session_exporter.prune(source text, keep interval)
RETURNS SETOF bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $prune$
    DELETE FROM session_exporter.recovery
    WHERE number IN (
        SELECT a.number FROM session_exporter.recovery AS a
        WHERE a.source = $1 AND a.at < now() - greatest($2, interval '1 day')
        ORDER BY a.at
        LIMIT 1000
    )
    RETURNING number
$prune$;
REVOKE ALL ON FUNCTION session_exporter.prune(text, interval) FROM PUBLIC;
