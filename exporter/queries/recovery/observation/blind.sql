-- The database's clock and the server, where the sessions cannot be observed.
SELECT extract(epoch FROM pg_catalog.now())::float8, {server}
