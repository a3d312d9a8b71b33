-- Whether the role that wrote an audit row may write these values to the table itself: undo restores
-- nothing else, so that a forged row gives no role what it does not have. A function writes as its owner.
(
    a.writer = current_user
    OR EXISTS (
        SELECT FROM pg_roles AS r
        WHERE r.rolname = a.writer
            AND NOT EXISTS (
                SELECT FROM pg_attribute AS c
                WHERE c.attrelid = {relation}::regclass::oid
                    AND c.attnum > 0::int2
                    AND NOT c.attisdropped
                    AND a.before ? c.attname::text
                    AND NOT pg_catalog.has_column_privilege(
                        r.oid, c.attrelid, c.attnum, 'UPDATE'::text
                    )
            )
    )
)
