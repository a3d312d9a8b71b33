-- Whether a row of several tables is unchanged, and no other row could be the one of the audit.
(
    {is_unchanged}
    AND (
        s.xmin::text = a.row_version
        OR NOT EXISTS (
            SELECT FROM {table} AS o
            WHERE {is_other} AND (o.tableoid <> s.tableoid OR o.ctid <> s.ctid)
        )
    )
)
