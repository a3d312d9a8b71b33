-- Of sessions that were orphaned, those that returned: they are no longer active and orphaned, or the
-- evidence proves them alive, and recovery has not closed them. A row that is deleted is none of them.
SELECT {key}{limit_key}
FROM {table} AS s
WHERE {is_one_of}
    AND ({rows} AND {orphaned} AND NOT {alive}) IS NOT TRUE
    AND NOT {recovered}
