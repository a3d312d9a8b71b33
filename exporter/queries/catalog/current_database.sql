-- The name by which GRANT CONNECT knows this database.
SELECT pg_catalog.current_database()
