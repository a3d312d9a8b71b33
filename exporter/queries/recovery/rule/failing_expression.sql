-- Whether one expression of the config can be evaluated for every session of those.
SELECT pg_catalog.count(*) FILTER (WHERE ({text}) IS NULL)
FROM {table} AS s
CROSS JOIN LATERAL (SELECT ({end}) AS session_exporter_end) AS e
WHERE {rows}
    AND {orphaned}
