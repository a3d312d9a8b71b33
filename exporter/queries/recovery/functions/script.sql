-- Recovery of {source} by functions: the role that calls them needs no right on an application's
-- tables. For a superuser to read and run, after `session-exporter sql audit` and `sql role`. They do
-- what the config says now: after a change of it, print and run this again.
{warnings}
BEGIN;

-- The functions work with the rights of this role, which cannot log in, and with no others.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = {definer_name} AND rolcanlogin) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_role_specification', MESSAGE =
            'role {definer} can log in, and the functions would give its rights to a login: '
            'nothing was created; run ALTER ROLE {definer} NOLOGIN, or rename that role';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {definer_name}) THEN
        CREATE ROLE {definer} NOLOGIN;
    END IF;
END
$$;
{rights}

GRANT USAGE ON SCHEMA {schemas} TO {role};

-- The functions look up names in expressions of the config in the schemas of search_path below. A role
-- that may create objects in one of these could make a function, operator or type that an expression
-- finds, and it would run with the rights of the functions' owner: let only owners create there.

-- These had other arguments in an older release.
DROP FUNCTION IF EXISTS {recover_name}(text[], text[], uuid, text, boolean);
DROP FUNCTION IF EXISTS {undo_name}(bigint[]);

-- Closes the sessions it is given, in the versions in which they were found.
{recover}

-- Undoes what rows of the audit record.
{undo}

-- Notes in the audit which sessions were seen since, and deletes old rows.
{maintain}

-- For people: finds what is stuck, backlog and all, and closes it.
{stuck}

-- The first two are tried on no row, with the rights that they will have: what is missing or does not
-- fit is an error now, and nothing is created. Rolled back, for the triggers that run on no row too.
SAVEPOINT session_exporter_trial;
SELECT FROM {recover_name}(
    '{{}}'::text[], '{{}}'::text[], pg_catalog.gen_random_uuid(), 'manual'::text, false
);
ROLLBACK TO SAVEPOINT session_exporter_trial;
SELECT FROM {undo_name}('{{}}'::bigint[]);
ROLLBACK TO SAVEPOINT session_exporter_trial;

COMMIT;
