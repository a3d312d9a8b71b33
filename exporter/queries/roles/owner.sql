-- The owner of a relation, who may grant rights on it.
SELECT pg_catalog.pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = {oid}::oid
