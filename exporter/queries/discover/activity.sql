-- How often rows of some tables were inserted, updated and deleted since the statistics began.
SELECT s.relid::int8, s.n_tup_ins, s.n_tup_upd, s.n_tup_del, s.n_live_tup
FROM pg_stat_user_tables AS s
WHERE s.relid = ANY ({oids}::oid[])
