-- The database's clock, in a form that it reads back to the microsecond whatever its settings are.
SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
