-- What closing has shown in the last weeks. First the largest wave of the last week that was closed and
-- not contradicted: one that is young may still grow, and proves nothing. A wave are sessions that became
-- orphaned together for certain. Each became so between when its age allowed it and half of orphaned_after
-- before automatic recovery closed it. What a person closed in one run was judged together, by its age. No
-- such span that counts is longer than a wave; so the spans that lie within the wave from a moment on are
-- those that end before it does, less those that begin before that moment. Then the days on which
-- something was closed, of 24 hours back from now, with how many wrongly and how many by hand: in the last one
-- what was closed by hand counts alone, because a mistake of automatic recovery may still show, and its
-- budget would double within a day. What was closed by hand counts where it had become orphaned on the
-- day before: backlog raises no limit. Rows of a role that may not close sessions prove nothing.
WITH session_exporter_closed AS MATERIALIZED (
    SELECT
        a.at AS session_exporter_at,
        CASE WHEN a.trigger <> 'auto' THEN a.run END AS session_exporter_run,
        (a.evidence ->> 'last_seen'::text)::timestamptz + {after} AS session_exporter_orphaned_at,
        a.trigger = 'auto' AS session_exporter_is_automatic,
        {after} AS session_exporter_after,
        a.at < (a.evidence ->> 'last_seen'::text)::timestamptz + {after} + interval '1 day'
            AS session_exporter_is_young,
        coalesce(
            (n.rule ->> 'orphaned_after_seconds'::text)::float8 = extract(epoch FROM {after})::float8,
            false
        ) AS session_exporter_is_of_rule,
        a.undone_at IS NOT NULL OR a.contradicted_at IS NOT NULL AS session_exporter_is_wrong
    FROM session_exporter.recovery AS a
    LEFT JOIN session_exporter.run AS n ON n.run = a.run AND n.source = a.source
    WHERE a.source = {source}
        AND a.relation = {relation}
        AND a.trigger <> 'close'
        AND coalesce(a.evidence ->> 'cause'::text, 'age') = 'age' -- what is proved lost is no wave
        AND a.at > pg_catalog.now() - interval '28 days'
        AND {is_of_closer}
),
session_exporter_spans AS (
    SELECT
        c.session_exporter_run,
        c.session_exporter_orphaned_at AS session_exporter_first,
        CASE
            WHEN c.session_exporter_is_automatic
                THEN greatest(c.session_exporter_orphaned_at, c.session_exporter_at - {half})
            ELSE c.session_exporter_orphaned_at
        END AS session_exporter_last
    FROM session_exporter_closed AS c
    WHERE NOT c.session_exporter_is_wrong
        AND c.session_exporter_is_young
        AND c.session_exporter_is_of_rule
        AND c.session_exporter_orphaned_at <= pg_catalog.now() - c.session_exporter_after
        AND c.session_exporter_at > pg_catalog.now() - interval '7 days'
),
session_exporter_waves AS (
    SELECT
        pg_catalog.sum(e.session_exporter_ends - e.session_exporter_begins) OVER (
            PARTITION BY s.session_exporter_run
            ORDER BY e.session_exporter_moment, e.session_exporter_begins
            ROWS UNBOUNDED PRECEDING
        ) + e.session_exporter_begins AS session_exporter_wave
    FROM session_exporter_spans AS s
    CROSS JOIN LATERAL (VALUES
        (s.session_exporter_first, 1, 0), (s.session_exporter_last - {half}, 0, 1)
    ) AS e (session_exporter_moment, session_exporter_begins, session_exporter_ends)
    WHERE s.session_exporter_last <= s.session_exporter_first + {half}
),
session_exporter_days AS (
    SELECT
        pg_catalog.floor(
            extract(epoch FROM pg_catalog.now() - c.session_exporter_at) / 86400::numeric
        ) AS session_exporter_day,
        pg_catalog.count(*) AS session_exporter_count,
        pg_catalog.count(*) FILTER (WHERE c.session_exporter_is_wrong) AS session_exporter_wrong,
        pg_catalog.count(*) FILTER (WHERE NOT c.session_exporter_is_automatic)
            AS session_exporter_by_hand
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
    (SELECT coalesce(pg_catalog.max(w.session_exporter_wave), 0)
        FROM session_exporter_waves AS w),
    (SELECT coalesce(
            pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_array(
                    d.session_exporter_count, d.session_exporter_wrong, d.session_exporter_by_hand
                )
            ),
            '[]'
        )
        FROM session_exporter_days AS d)
