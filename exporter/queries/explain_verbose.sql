-- The same with the schema of each relation.
EXPLAIN (VERBOSE, FORMAT JSON)
{statement}
