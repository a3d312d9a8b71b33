{created}
COMMENT ON FUNCTION {signature}
    IS {comment};
REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {signature} TO {role};
ALTER FUNCTION {signature} OWNER TO {definer};
