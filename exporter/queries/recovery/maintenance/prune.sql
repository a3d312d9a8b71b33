-- Deletes rows that are older than the audit is kept, a thousand at a time.
SELECT NULL::timestamptz FROM session_exporter.prune({source}::text, {keep})
