-- Has the function in the database look after the audit: notes contradictions, forgets what is old.
SELECT {function}()
