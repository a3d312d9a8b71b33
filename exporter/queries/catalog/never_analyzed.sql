-- How many of these tables were never analyzed, so that the planner has no estimate for them.
SELECT pg_catalog.count(*)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN ({names}) AND c.relkind IN ('r', 'm', 'f') AND c.reltuples < 0
