-- The cost of a statement, which is executed, in a read-only transaction.
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
{statement}
