-- Has the function in the database look after the audit: note contradictions, or forget what is old.
SELECT {function}({task})
