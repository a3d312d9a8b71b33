-- The role, and whether it may end a pause and a stop.
SELECT
    current_user::text,
    pg_catalog.has_column_privilege(
        'session_exporter.pause'::text, 'resumed_at'::text, 'UPDATE'::text
    )
        AND pg_catalog.has_column_privilege(
            'session_exporter.stop'::text, 'resumed_at'::text, 'UPDATE'::text
        )
