-- Every session of a source, with what its config says of each row, for queries of a person.
-- One row for each row of the table, so that conditions on the columns become those of the table,
-- and its indexes serve them.
(
    SELECT
        {columns}
    FROM {table} AS s
    WHERE {exists}
)
