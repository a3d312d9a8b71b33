-- What closing has shown in the last weeks. First the largest wave of the last week that was closed and
-- not contradicted: one that is young may still grow, and proves nothing. Then the days on which
-- something was closed, of 24 hours back from now, with how many were closed wrongly: in the last one
-- what was closed by hand counts alone, because a mistake of automatic recovery may still show, and its
-- budget would double within a day. What was closed by hand counts where it had become orphaned on the
-- day before: backlog raises no limit. Rows of a role that may not close sessions prove nothing.
WITH session_exporter_closed AS MATERIALIZED (
    SELECT
        a.at AS session_exporter_at,
        (a.evidence ->> 'last_seen'::text)::timestamptz + {after} AS session_exporter_orphaned_at,
        a.trigger = 'auto' AS session_exporter_is_automatic,
        a.at < (a.evidence ->> 'last_seen'::text)::timestamptz + {after} + interval '1 day'
            AS session_exporter_is_young,
        a.undone_at IS NOT NULL OR a.contradicted_at IS NOT NULL AS session_exporter_is_wrong
    FROM session_exporter.recovery AS a
    WHERE a.source = {source}
        AND a.relation = {relation}
        AND a.trigger <> 'close'
        AND a.at > pg_catalog.now() - interval '28 days'
        AND a.writer IN (
            SELECT r.rolname
            FROM pg_catalog.pg_roles AS r
            WHERE r.rolname = current_user
                OR pg_catalog.has_any_column_privilege(
                    r.oid, {relation}::regclass::oid, 'UPDATE'::text
                )
        )
),
session_exporter_days AS (
    SELECT
        pg_catalog.floor(
            extract(epoch FROM pg_catalog.now() - c.session_exporter_at) / 86400::numeric
        ) AS session_exporter_day,
        pg_catalog.count(*) AS session_exporter_count,
        pg_catalog.count(*) FILTER (WHERE c.session_exporter_is_wrong) AS session_exporter_wrong
    FROM session_exporter_closed AS c
    WHERE CASE
        WHEN c.session_exporter_is_automatic
            THEN c.session_exporter_at <= pg_catalog.now() - interval '1 day'
        ELSE c.session_exporter_is_young
    END
    GROUP BY 1
    ORDER BY 1
    LIMIT 7
)
SELECT
    (SELECT coalesce(pg_catalog.max(w.session_exporter_wave), 0) FROM (
        SELECT pg_catalog.count(*) OVER (
            ORDER BY c.session_exporter_orphaned_at
            RANGE BETWEEN {half} PRECEDING AND CURRENT ROW
        ) AS session_exporter_wave
        FROM session_exporter_closed AS c
        WHERE NOT c.session_exporter_is_wrong
            AND c.session_exporter_is_young
            AND c.session_exporter_orphaned_at <= pg_catalog.now() - {after}
            AND c.session_exporter_at > pg_catalog.now() - interval '7 days'
    ) AS w),
    (SELECT coalesce(
            pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_array(d.session_exporter_count, d.session_exporter_wrong)
            ),
            '[]'
        )
        FROM session_exporter_days AS d)
