-- A stop holds the orphaned sessions that were last seen before this moment; no row where there is none.
-- One because sessions return says nothing of when they were seen, and holds all.
SELECT CASE WHEN t.brake = 'returned'::text THEN 'infinity'::timestamptz ELSE t.at END
FROM (
{stopped}
) AS t
