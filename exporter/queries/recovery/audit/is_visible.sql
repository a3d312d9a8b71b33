-- Whether the table is there in which recovery writes down what it does.
SELECT to_regclass('session_exporter.recovery') IS NOT NULL
