-- Why an active row is orphaned; NULL if it is not. An owner's death is newer than the last answer of a
-- list about its sessions. For a listed session the list decides, whatever the age of the row; ghost and
-- age apply only to sessions that are not listed. A row without any time is never orphaned.
CASE
    WHEN {last_seen} IS NULL THEN NULL
    {by_owner}
    {by_list}
    WHEN {by_age} THEN 'age'
END
