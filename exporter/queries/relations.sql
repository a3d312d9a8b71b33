-- Which of these names are tables or views, and in which schema the search path finds them.
SELECT DISTINCT n.nspname, c.relname
FROM unnest(ARRAY[{names}]) AS named
JOIN pg_class AS c ON c.oid = to_regclass(named) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
JOIN pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY n.nspname, c.relname
