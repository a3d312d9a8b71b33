-- Whether this role sees what others do, and which role it is.
SELECT pg_catalog.pg_has_role('pg_read_all_stats'::name, 'USAGE'::text), current_user::text
