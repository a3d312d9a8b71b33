-- What a reading transaction of this tool begins with, as far as it decides what is read.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL lock_timeout = {lock_timeout};
DO $session_exporter$
BEGIN
    PERFORM
        {path},
        {texts},
        pg_catalog.set_config('row_security', {row_security}, true),
        pg_catalog.set_config('TimeZone', {timezone}, true);
END
$session_exporter$;
