-- training: sales practice with a score, written by an ORM that keeps its camelCase names.
-- Timestamps carry no zone and are UTC; the last sign of life is inside the messages.
CREATE SCHEMA training;

CREATE TABLE training.roleplay_sessions (
  id              serial PRIMARY KEY,
  "userId"        integer NOT NULL,
  "scenarioId"    text NOT NULL,
  "scenarioTitle" text NOT NULL,
  difficulty      text NOT NULL,          -- BEGINNER, ROOKIE, PRO, ELITE, NIGHTMARE
  messages        jsonb NOT NULL DEFAULT '[]',   -- [{role, content, timestamp}, ...]
  score           integer NOT NULL DEFAULT 0,
  feedback        jsonb,
  duration        integer,                -- seconds
  "xpEarned"      integer NOT NULL DEFAULT 0,
  "createdAt"     timestamp NOT NULL DEFAULT now(),   -- no time zone, written in UTC
  "completedAt"   timestamp
);

-- Finds the active rows.
CREATE INDEX ON training.roleplay_sessions ("createdAt") WHERE "completedAt" IS NULL;

-- For the statistics of a day.
CREATE INDEX ON training.roleplay_sessions ("createdAt");
