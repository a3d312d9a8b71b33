-- A hash of the user of a session, which distinguishes users without naming them.
-- Equal values with different spellings count as two users.
CASE WHEN ({key}) IS NOT NULL
    THEN pg_catalog.hashtextextended(({key})::text COLLATE pg_catalog."C", 0)::text
END
