-- The active rows with the columns that are asked of each, as a table.
(
        SELECT
        {columns}
        FROM {table} AS s
        WHERE {rows}
        OFFSET 0
)
