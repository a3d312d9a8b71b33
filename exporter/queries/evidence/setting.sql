-- One setting of the transaction that holds texts, as a column that does not send them back.
pg_catalog.length(pg_catalog.set_config({setting}, {value}, true))
