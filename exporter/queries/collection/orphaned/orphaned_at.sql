-- When its silence makes a row orphaned, by its own threshold: an expression. NULL is never.
-- NULL, zero, negative, infinite or longer than 1,000 years is no threshold. Comparing intervals weighs
-- their parts against each other, so each part is held within bounds, and the time to which they are
-- added as well: then no sum is out of PostgreSQL's range, which would fail the statement. Days may be
-- negative beside a month: what adds up to nothing is no threshold either.
CASE
    WHEN {after} > interval '0'
        AND {after} < interval '1000 years'
        AND pg_catalog.abs(pg_catalog.date_part('year', {after})) <= '1000'::float8
        AND pg_catalog.abs(pg_catalog.date_part('day', {after})) <= '366000'::float8
        AND {held} + {after} > {held}
        THEN {held} + {after}
END
