-- The name by which GRANT CONNECT knows this database.
SELECT current_database()
