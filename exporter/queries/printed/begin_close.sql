-- What a closing transaction of this tool begins with. \g /dev/null has psql show none of it.
BEGIN ISOLATION LEVEL READ COMMITTED;
{settings}
\g /dev/null
