-- Calls the function in the database that undoes the recoveries in these rows of the audit.
SELECT {function}(ARRAY[{numbers}]::bigint[], {reason}::text)
