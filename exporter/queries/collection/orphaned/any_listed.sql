-- Whether any listed session was last seen before or after a time: asked once for a statement. Where none
-- was, which is nearly always, the list need not be read.
(
    SELECT
        nullif(pg_catalog.current_setting({extreme}, true), '')::float8 {compared}
            extract(epoch FROM {bound})::float8
)
