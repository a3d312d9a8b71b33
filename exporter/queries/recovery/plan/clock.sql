-- The database's clock, in a form that it reads back to the microsecond whatever its settings are.
SELECT pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
