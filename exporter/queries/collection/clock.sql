-- What time it is in the database.
SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8
