-- Calls the function in the database that maintains the audit: records contradictions, or deletes old
-- rows.
SELECT {function}({task}::text, {before})
