-- The encoding of the database, by PostgreSQL's name: what it lacks cannot be in a table.
SELECT pg_catalog.getdatabaseencoding()
