-- Which database this is: its name, as GRANT CONNECT and \connect take it, and what no other database
-- has: the identifier of the server's files, and its OID there.
SELECT
    d.datname::text,
    pg_catalog.concat_ws(
        ' '::text, (SELECT system_identifier FROM pg_catalog.pg_control_system())::text, d.oid::text
    )
FROM pg_database AS d
WHERE d.datname = pg_catalog.current_database()
