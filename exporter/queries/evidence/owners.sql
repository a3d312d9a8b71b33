-- The live owners by a query: its first column.
SELECT (q.session_exporter_id)::text
FROM (
{query}
) AS q (session_exporter_id)
LIMIT {most}
