-- The version of the schema of the audit, which its comment holds; 0 where it has none. Takes no rights.
SELECT coalesce(
    pg_catalog.substring(
        pg_catalog.obj_description(
            pg_catalog.to_regnamespace('session_exporter'::text)::oid, 'pg_namespace'::name
        ),
        'session-exporter audit, version ([0-9]+)'::text
    )::int,
    0
)
