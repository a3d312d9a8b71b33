-- How PostgreSQL would run a statement, with the schema of each relation; nothing is executed.
EXPLAIN (VERBOSE, FORMAT JSON)
{statement}
