-- Sessions as an application leaves them: most have ended within the last month, some live, and
-- some were lost days ago. The same at each run; lengths are log-normal, as those of calls and jobs are.
CREATE FUNCTION pg_temp.u(n bigint, salt bigint) RETURNS float LANGUAGE sql IMMUTABLE AS $$
  SELECT ((hashint8extended(n, salt) & 2147483647) + 1) / 2147483650.0
$$;
CREATE FUNCTION pg_temp.made(ended int, live int, lost int, median interval, heartbeat interval)
RETURNS TABLE (n bigint, fate text, started timestamptz, seen timestamptz, ended timestamptz, id uuid)
LANGUAGE sql AS $$
  WITH drawn AS (
    SELECT g, CASE WHEN g <= $1 THEN 'ended' WHEN g <= $1 + $2 THEN 'live' ELSE 'lost' END AS fate,
           $4 * exp(0.7 * least(2.5, sqrt(-2 * ln(pg_temp.u(g, 1))) * cos(2 * pi() * pg_temp.u(g, 2)))) AS length
    FROM generate_series(1, $1 + $2 + $3) AS g
  ), timed AS (
    SELECT g, fate, length, now() - CASE fate
             WHEN 'ended' THEN length + interval '1 minute' + pg_temp.u(g, 3) * interval '30 days'
             WHEN 'live' THEN pg_temp.u(g, 3) * $4
             ELSE interval '1 day' + length + pg_temp.u(g, 3) * interval '20 days' END AS started
    FROM drawn
  )
  SELECT row_number() OVER (ORDER BY started), fate, started,
         greatest(started, CASE fate WHEN 'live' THEN now() ELSE started + length END - pg_temp.u(g, 4) * $5),
         CASE fate WHEN 'ended' THEN started + length END, md5(g::text)::uuid
  FROM timed
$$;
