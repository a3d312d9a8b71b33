-- Whether a role is a member of another one; not where one of them is missing.
SELECT coalesce(
    (
        SELECT pg_catalog.pg_has_role(member.oid, role.oid, 'MEMBER'::text)
        FROM pg_roles AS member
        CROSS JOIN pg_roles AS role
        WHERE member.rolname = {member}::name AND role.rolname = {role}::name
    ),
    false
)
