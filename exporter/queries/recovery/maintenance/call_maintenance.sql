-- Has the function in the database maintain the audit: note contradictions, or delete old rows.
SELECT {function}({task}::text, {before})
