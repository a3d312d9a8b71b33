DROP FUNCTION IF EXISTS {signature};
CREATE FUNCTION {function}({arguments})
RETURNS {returns}
LANGUAGE plpgsql
-- VOLATILE, so that each statement in it sees what was committed until it begins: that is how it can
-- check again after it has locked.
VOLATILE SECURITY DEFINER
-- Names in the config's expressions mean what they mean to session-exporter; temporary objects, which
-- any caller can make, come last.
SET search_path = {path}
-- Nothing that a caller has set changes what an expression means, or how long others wait.
{settings}
AS {body};
COMMENT ON FUNCTION {signature}
    IS {comment};
REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {signature} TO {role};
ALTER FUNCTION {signature} OWNER TO {definer};
