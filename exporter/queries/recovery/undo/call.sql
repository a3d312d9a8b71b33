-- Has the function in the database take back what these rows of the audit tell of.
SELECT {function}(ARRAY[{numbers}]::bigint[], {reason}::text)
