-- The formerly orphaned sessions that are orphaned no longer: they are not active and orphaned, or the
-- evidence proves them alive, and recovery has not closed them. Deleted rows are not included.
-- For each: whether it is active and has been silent since the last run, and its owner.
SELECT
    {key},
    ({rows} AND NOT {alive} AND {is_silent}) IS TRUE,
    {owner}{limit_key}
FROM {table} AS s
WHERE {is_one_of}
    AND ({rows} AND {orphaned} AND NOT {alive}) IS NOT TRUE
    AND NOT {recovered}
