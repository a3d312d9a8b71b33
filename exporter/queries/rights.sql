-- Whether row-level security filters what this role sees of a table, and how it could write to it.
SELECT
    row_security_active({oid}),
    ARRAY(
        SELECT privilege
        FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
        WHERE has_table_privilege({oid}, privilege)
    )
