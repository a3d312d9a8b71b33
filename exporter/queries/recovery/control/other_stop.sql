-- Whether another stop of a source was in force before the stop that began at a given time: a stop that a
-- person has ended recently, or one that is newer than all ended stops. A stop that began within a minute
-- of it is the same wave, found by another exporter.
SELECT EXISTS (
    SELECT FROM session_exporter.stop AS other
    WHERE other.source = {source}
        AND other.at < pg_catalog.to_timestamp({at}) - interval '1 minute'
        AND (
            other.resumed_at > pg_catalog.now() - {within}
            OR (other.resumed_at IS NULL AND other.at > ALL (
                SELECT least(r.at, r.resumed_at) FROM session_exporter.stop AS r
                WHERE r.source = {source} AND r.resumed_at <= pg_catalog.now()
            ))
        )
)
