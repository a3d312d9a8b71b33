-- The days of the daily statistics in the zone of the source, oldest first: date and first instant.
-- A day is half-open and need not have 24 hours. The last row is tomorrow: where today ends.
WITH {clock}
SELECT
    pg_catalog.to_char((({now} AT TIME ZONE {zone})::date - n)::timestamp, 'YYYY-MM-DD'),
    extract(epoch FROM {first_instant})::float8
FROM pg_catalog.generate_series({oldest}, -1, -1) AS n
