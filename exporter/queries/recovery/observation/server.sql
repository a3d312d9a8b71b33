-- Which server this is: another text after a restart, a failover or a promotion, and the same one
-- whichever role asks, with whatever settings, over whichever address.
pg_catalog.concat_ws(
    ' ',
    (SELECT system_identifier FROM pg_catalog.pg_control_system()),
    extract(epoch FROM pg_catalog.pg_postmaster_start_time()),
    (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()),
    pg_catalog.pg_is_in_recovery()
)
