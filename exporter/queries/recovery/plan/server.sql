-- Which server this is: another text after a restart, a failover or a promotion.
SELECT pg_catalog.concat_ws(
    ' ',
    pg_catalog.inet_server_addr(),
    pg_catalog.inet_server_port(),
    pg_catalog.pg_postmaster_start_time(),
    (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())
)
