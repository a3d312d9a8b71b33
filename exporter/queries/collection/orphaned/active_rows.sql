-- The active rows with the required columns, as a table.
(
        SELECT
        {columns}
        FROM {table} AS s
        WHERE {rows}
        OFFSET 0
)
