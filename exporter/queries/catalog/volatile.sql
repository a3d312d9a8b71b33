-- Which of the named functions may give another result for the same row.
SELECT DISTINCT proname
FROM pg_proc
WHERE provolatile <> 'i' AND proname IN ({names})
ORDER BY proname
