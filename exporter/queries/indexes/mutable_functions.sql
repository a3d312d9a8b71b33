-- The names, among these, of functions that are never immutable, for any arguments.
SELECT p.proname
FROM pg_proc AS p
WHERE p.proname IN ({names})
GROUP BY p.proname
HAVING pg_catalog.bool_and(p.provolatile <> 'i')
