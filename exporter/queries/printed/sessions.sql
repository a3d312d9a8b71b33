-- Every session of a source with the columns of its config, for queries of a person.
-- One row for each row of the table, so that conditions on the columns become conditions on the table
-- and can use its indexes.
(
    SELECT
        {columns}
    FROM {table} AS s
    WHERE {exists}
)
