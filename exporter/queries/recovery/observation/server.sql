-- An identifier of the server: it changes with a restart, a failover or a promotion, and is the same for
-- every role, setting and address.
pg_catalog.concat_ws(
    ' ',
    (SELECT system_identifier FROM pg_catalog.pg_control_system()),
    extract(epoch FROM pg_catalog.pg_postmaster_start_time()),
    (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()),
    pg_catalog.pg_is_in_recovery()
)
