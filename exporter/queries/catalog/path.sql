-- The search path of this role with pg_catalog first, for its transaction alone. There it is without
-- being named, but for a role whose path names it later: then an equal function, operator or type of
-- another schema would be found instead of PostgreSQL's. All that a path has besides comes after it.
pg_catalog.set_config(
        'search_path',
        pg_catalog.btrim(
            pg_catalog.concat('pg_catalog, ', pg_catalog.current_setting('search_path')), ', '
        ),
        true
    )
