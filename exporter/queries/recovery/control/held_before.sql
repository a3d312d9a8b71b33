-- A stop holds the orphaned sessions that were last seen before this time; no row without a stop.
-- The stop `returned` does not depend on when they were seen, and holds all.
SELECT CASE WHEN t.brake = 'returned'::text THEN 'infinity'::timestamptz ELSE t.at END
FROM (
{stopped}
) AS t
