-- Which user a session is of, so that equal ones can be told apart from others, and not who they are.
-- Values that are equal and written differently count as two.
CASE WHEN ({key}) IS NOT NULL
    THEN pg_catalog.hashtextextended(({key})::text COLLATE pg_catalog."C", 0)::text
END
