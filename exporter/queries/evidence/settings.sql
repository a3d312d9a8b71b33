-- What evidence says, as settings of this transaction: arrays of owners and of ids, and beside each
-- listed id its last sign of life as a Unix timestamp; the oldest and the newest of these. They may hold megabytes, of which nothing is sent
-- back.
SELECT
    pg_catalog.length(pg_catalog.set_config('session_exporter.dead_owners', {dead_owners}, true)),
    pg_catalog.length(pg_catalog.set_config('session_exporter.listed', {listed}, true)),
    pg_catalog.length(pg_catalog.set_config('session_exporter.listed_seen', {listed_seen}, true)),
    pg_catalog.length(pg_catalog.set_config('session_exporter.listed_oldest', {oldest}, true)),
    pg_catalog.length(pg_catalog.set_config('session_exporter.listed_newest', {newest}, true)),
    pg_catalog.length(pg_catalog.set_config('session_exporter.ghosts', {ghosts}, true))
