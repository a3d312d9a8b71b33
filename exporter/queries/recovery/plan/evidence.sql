-- Whether the evidence can be read at all, over every active row that might need it.
SELECT pg_catalog.count(*) FILTER (WHERE {alive})
FROM {table} AS s
WHERE {rows}
