-- The search path of this role with pg_catalog first, for its transaction only. It is first implicitly,
-- unless the role's path names it later: then an equal function, operator or type of another schema
-- would be used instead of PostgreSQL's. The rest of the path follows.
pg_catalog.set_config(
        'search_path',
        pg_catalog.btrim(
            pg_catalog.concat('pg_catalog, ', pg_catalog.current_setting('search_path')), ', '
        ),
        true
    )
