-- Whether one of these relations is a view, or what another server reads.
SELECT EXISTS (
    SELECT FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE (n.nspname, c.relname) IN ({names}) AND c.relkind NOT IN ('r', 'p')
)
