-- Whether any listed session was last seen before or after a time: evaluated once in a statement. In the
-- usual case there is none, and the list need not be read.
(
    SELECT
        nullif(pg_catalog.current_setting({extreme}, true), '')::float8 {compared}
            extract(epoch FROM {bound})::float8
)
