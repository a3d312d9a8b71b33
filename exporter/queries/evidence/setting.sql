-- One setting of the transaction that holds texts, as a column: nothing of them is sent back.
pg_catalog.length(pg_catalog.set_config({setting}, {value}, true))
