-- Of these names those of functions that are never immutable, whatever the arguments.
SELECT p.proname
FROM pg_proc AS p
WHERE p.proname IN ({names})
GROUP BY p.proname
HAVING pg_catalog.bool_and(p.provolatile <> 'i')
