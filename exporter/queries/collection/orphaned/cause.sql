-- Why an active row is orphaned; NULL where it is not. An owner's death is newer than what a list said of
-- its sessions. What a list holds is as alive as the list says, whatever the age of the row: no ghost is
-- listed, and age is asked of what is not. A row without any time is never orphaned.
CASE
    WHEN {last_seen} IS NULL THEN NULL
    {by_owner}
    {by_list}
    WHEN {by_age} THEN 'age'
END
