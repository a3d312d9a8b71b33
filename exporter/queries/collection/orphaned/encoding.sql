-- The encoding of the database, by PostgreSQL's name: characters outside of it cannot be in a table.
SELECT pg_catalog.getdatabaseencoding()
