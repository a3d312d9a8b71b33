-- The listed ids whose last sign of life lies before or after a time; see elements.sql.
SELECT listed.id
FROM (
    SELECT
        pg_catalog.unnest(
            (SELECT nullif(pg_catalog.current_setting({listed}, true), '')::text[])
        ) AS id,
        pg_catalog.unnest(
            (SELECT nullif(pg_catalog.current_setting({seen}, true), '')::float8[])
        ) AS seen
    OFFSET 0
) AS listed
WHERE listed.seen {compared} extract(epoch FROM {bound})::float8
