    IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_transaction_state', MESSAGE =
            'recovery has to see what others commit while it works: call it in READ COMMITTED';
    END IF;
    IF pg_catalog.cardinality({given}) > {most} THEN
        RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = pg_catalog.format(
            'expected at most %s sessions at once, got %s; call it more than once',
            {most}, pg_catalog.cardinality({given})
        );
    END IF;
    IF pg_catalog.cardinality({given}) > 0 THEN
        -- A caller that freezes in a transaction of its own must not keep what is locked here.
        PERFORM pg_catalog.set_config('idle_in_transaction_session_timeout', '1s', true);
    END IF;
