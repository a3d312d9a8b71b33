-- How PostgreSQL would run a statement; nothing is executed.
EXPLAIN (FORMAT JSON)
{statement}
