-- Whether the role that wrote an audit row may close sessions: budgets, waves and stops follow from no other,
-- or one that may only insert rows would decide of them. A function writes as its owner.
a.writer IN (
    SELECT r.rolname
    FROM pg_catalog.pg_roles AS r
    WHERE r.rolname = current_user
        OR pg_catalog.has_any_column_privilege(r.oid, {relation}::regclass::oid, 'UPDATE'::text)
)
