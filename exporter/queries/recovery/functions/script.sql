-- Recovery of {source} by functions: who calls them needs no right on any table of an application.
-- For a superuser to read and run, after `session-exporter sql audit` and `sql role`. They do what the
-- config says now: after a change of it, print and run this again.
{warnings}
BEGIN;

-- The functions work with the rights of this role, which nobody can log in as, and with no others.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {definer_name}) THEN
        CREATE ROLE {definer} NOLOGIN;
    END IF;
END
$$;
{rights}

GRANT USAGE ON SCHEMA {schemas} TO {role};

-- Closes the sessions it is given, in the versions in which they were found.
{recover}

-- Takes back what rows of the audit tell of.
{undo}

-- Notes in the audit who has shown life since, and forgets what is old there.
{tend}

-- For people: finds what is stuck, backlog and all, and closes it.
{stuck}

-- The first two are tried on nothing, with the rights that they will have: what is missing or does not
-- fit is said now, and nothing is created. Taken back, for the triggers that run on nothing too.
SAVEPOINT session_exporter_trial;
SELECT FROM {recover_name}('{{}}', '{{}}', gen_random_uuid(), 'manual', false);
ROLLBACK TO SAVEPOINT session_exporter_trial;
SELECT FROM {undo_name}('{{}}');
ROLLBACK TO SAVEPOINT session_exporter_trial;

COMMIT;
