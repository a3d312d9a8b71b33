-- Rechecks, closes and audits in one statement, with a snapshot that is newer than the locks: no other
-- transaction can change these rows now, and all earlier changes are visible.
-- A row is closed only in the version in which it was found or, for a planned stop, locked.
-- The versions are in one object that is built once: a join with them would have no statistics and
-- might compare every row with every version.
-- DISTINCT ON: if an id is unique only within each partition, one transaction closes one row of it, so
-- that undo can tell them apart.
WITH session_exporter_found AS MATERIALIZED (
    SELECT DISTINCT ON ({id})
        s.tableoid AS session_exporter_table,
        s.ctid AS session_exporter_row,
        {id_columns},
        ({end}) AS session_exporter_end,
        {written} AS session_exporter_before,
        {evidence} AS session_exporter_evidence,
        {held} AS session_exporter_is_held,
        {returning} AS session_exporter_returning
    FROM {table} AS s
    WHERE {is_one_of}
        AND (SELECT {versions}) ->> {key}
            = s.xmin::text
        AND {recoverable}
        AND {not_backlog}
        AND ({end}) IS NOT NULL
        AND NOT ({skips_held} AND {held})
),
session_exporter_closed AS (
    UPDATE {table} AS s
    SET {assignments}
    FROM session_exporter_found AS e
    WHERE {is_found}
        AND s.ctid = e.session_exporter_row
        AND s.tableoid = e.session_exporter_table
    RETURNING
        {key} AS session_exporter_session,
        e.session_exporter_before,
        {written} AS session_exporter_after,
        ({rows}) IS TRUE AS session_exporter_is_active,
        {is_ahead} AS session_exporter_is_ahead,
        e.session_exporter_is_held,
        e.session_exporter_evidence || {still_alive} AS session_exporter_evidence,
        e.session_exporter_returning
),
session_exporter_run AS (
    INSERT INTO session_exporter.run (run, source, rule)
    SELECT {run}::uuid, {source}, {rule}::jsonb
    WHERE EXISTS (SELECT FROM session_exporter_closed)
    ON CONFLICT DO NOTHING -- one of its transactions before this one has written it
),
session_exporter_written AS (
    INSERT INTO session_exporter.recovery
        (run, source, relation, session, trigger, reason, evidence, before, after, row_version,
        next_attempt_at)
    SELECT
        {run}::uuid, {source}, {relation}, {audited}, {trigger},
        {reason}, session_exporter_evidence, session_exporter_before, session_exporter_after,
        -- The row's xmin from now on: the last 32 bits of this transaction's number.
        (SELECT (pg_catalog.pg_current_xact_id()::text::numeric % 4294967296::numeric)::text),
        {tell_at}
    FROM session_exporter_closed
    RETURNING session
)
-- What should have been closed, and was written down, to compare with: a trigger may skip a row.
{result}
