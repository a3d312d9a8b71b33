-- Which of these names are schemas; PostgreSQL's own need no right.
SELECT nspname
FROM pg_namespace
WHERE nspname IN ({names}) AND nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY nspname
