-- Whether the role that wrote an audit row may write these values to the table itself: undo restores
-- nothing else, so that a forged row gives no role further rights. A function writes as its owner. The
-- rows that a policy permits are unknown here: then only that role's own undo trusts the row.
(
    a.writer = current_user
    OR EXISTS (
        SELECT FROM pg_roles AS r
        JOIN pg_class AS t ON t.oid = {relation}::regclass::oid
        WHERE r.rolname = a.writer
            AND (
                NOT t.relrowsecurity
                OR r.rolsuper
                OR r.rolbypassrls
                OR (r.oid = t.relowner AND NOT t.relforcerowsecurity)
            )
            AND NOT EXISTS (
                SELECT FROM pg_attribute AS c
                WHERE c.attrelid = t.oid
                    AND c.attnum > 0::int2
                    AND NOT c.attisdropped
                    AND a.before ? c.attname::text
                    AND NOT pg_catalog.has_column_privilege(
                        r.oid, c.attrelid, c.attnum, 'UPDATE'::text
                    )
            )
    )
)
