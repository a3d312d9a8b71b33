-- Whether row-level security filters what this role sees of a table, and how it could write to it:
-- INSERT and UPDATE can be granted for single columns.
SELECT
    row_security_active({oid}),
    ARRAY(
        SELECT privilege
        FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
        WHERE CASE
            WHEN privilege IN ('INSERT', 'UPDATE') THEN has_any_column_privilege({oid}, privilege)
            ELSE has_table_privilege({oid}, privilege)
        END
    )
