-- Which server this is: another text after a restart, a failover or a promotion.
SELECT concat_ws(
    ' ', inet_server_addr(), inet_server_port(), pg_postmaster_start_time(),
    (SELECT timeline_id FROM pg_control_checkpoint())
)
