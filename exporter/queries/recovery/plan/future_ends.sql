-- How many of the sessions that would be closed now would get an end that is still to come.
SELECT count(*)
FROM {table} AS s
WHERE {recoverable}
    AND {young}
    AND ({end}) > now()
