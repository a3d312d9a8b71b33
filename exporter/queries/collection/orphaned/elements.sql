-- The elements of a setting as rows. With IN they become a hash, which is built once in a statement and
-- only if needed; a lookup in a jsonb object takes ten times as long. The inner subquery prevents the
-- planner from reading the setting: if it knew the length, it would reject the hash because of
-- work_mem, and compare each row with each element. There are no elements if the setting was never
-- set, or is empty because an earlier transaction of the connection had set it.
SELECT pg_catalog.unnest(
    (SELECT nullif(pg_catalog.current_setting({setting}, true), '')::text[])
) AS id
