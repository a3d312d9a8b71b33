-- This role, and the one that has to get a right of recovery: for a person, the role of recovery
-- that has this one as a member.
SELECT
    current_user::text,
    coalesce(
        (
            SELECT r.rolname FROM pg_roles AS r
            WHERE r.rolname = {declared} AND pg_catalog.pg_has_role(r.oid, 'USAGE')
        ),
        current_user
    )::text
