-- The elements of a setting as rows. Asked with IN they are a hash, which is built once for a statement and
-- only where it is needed; a lookup in a jsonb object takes ten times as long. A subquery of its own
-- keeps the planner from reading the setting: where it knew the length, it would give up the hash for
-- want of work_mem, and compare each with each. None where the setting was never set, or is empty
-- because an earlier transaction of the connection had set it.
SELECT pg_catalog.unnest(
    (SELECT nullif(pg_catalog.current_setting({setting}, true), '')::text[])
) AS id
