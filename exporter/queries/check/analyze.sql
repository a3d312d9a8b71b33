-- What a statement really costs: it is executed, in the same read-only transaction as ever.
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
{statement}
