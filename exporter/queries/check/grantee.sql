-- This role, and the role to which a right of recovery has to be granted: for a person, the role of
-- recovery of which this role is a member.
SELECT
    current_user::text,
    coalesce(
        (
            SELECT r.rolname FROM pg_roles AS r
            WHERE r.rolname = {declared} AND pg_catalog.pg_has_role(r.oid, 'USAGE')
        ),
        current_user
    )::text
