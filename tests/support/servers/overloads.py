"""Functions and operators of an attacker, and what PostgreSQL resolved statements to.

An overload is found before PostgreSQL's own, wherever its schema stands in the path, where it
matches the types of the arguments better; and an equal one where its schema comes first.
"""

import re
from pathlib import Path

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer
from tests.support.servers.statements import execute

#: The schema in which every role may create, and the first of the path.
SCHEMA = "evil"

#: The path that finds most: PostgreSQL's own schema, which would come first, comes last.
PATH = f"{SCHEMA}, public, pg_catalog"

#: The types that values of our statements have, and those below them.
TYPES = (
    *("bool", '"char"', "name", "text", "varchar", "bpchar", "int2", "int4", "int8", "float4"),
    *("float8", "numeric", "oid", "regclass", "xid", "tid", "uuid", "json", "jsonb", "text[]"),
    *("interval", "date", "timestamp", "timestamptz", "tstzrange", "pg_lsn"),
)

#: By what they give: a boolean, a value of the type of the left side, or a text.
OPERATORS = {"bool": "= <> < <= > >= ~~ !~~ ~ @>", "left": "+ - * / % & | || ->", "text": "->>"}

_RAISING = "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION SQLSTATE $m$XX001$m$; END $$"

#: In the parse tree of a statement: functions, aggregates, operators and types, by their OIDs.
_RESOLVED = re.compile(r":(?:funcid|opno|opfuncid|aggfnoid|winfnoid|opnos \(o) (\d+)")
_TYPES = re.compile(r":(?:consttype|resulttype|funcresulttype|typeId) (\d+)")
#: Objects that initdb did not make have larger OIDs (src/include/access/transam.h).
_FIRST_OWN = 16384


def attack(database: EmbeddedDatabase, *own_types: str) -> None:
    """Make every overload of operators and functions that our statements might find.

    `own_types` are types of the application's columns.
    """
    types = "{" + ",".join(each.replace('"', '\\"') for each in (*TYPES, *own_types)) + "}"
    execute(
        database,
        f"CREATE SCHEMA {SCHEMA}",
        f"GRANT CREATE, USAGE ON SCHEMA {SCHEMA} TO PUBLIC",
        f"CREATE FUNCTION {SCHEMA}.called() RETURNS void {_RAISING}",
        # CREATE OPERATOR takes as many seconds as there are thousands of them.
        "SET allow_system_table_mods = on",
        f"""
        INSERT INTO pg_operator
        SELECT
            pg_nextoid('pg_operator', 'oid', 'pg_operator_oid_index'), o.name,
            '{SCHEMA}'::regnamespace, 'postgres'::regrole, 'b', false, false, l, r,
            CASE o.result WHEN 'bool' THEN 'bool'::regtype WHEN 'text' THEN 'text' ELSE l END,
            0, 0, '{SCHEMA}.called()'::regprocedure, 0, 0
        FROM unnest('{types}'::regtype[]) AS l
        CROSS JOIN unnest('{types}'::regtype[]) AS r
        CROSS JOIN (VALUES {_operators()}) AS o (name, result)
        """,
        # Every function of PostgreSQL that is no operator's, with its own arguments in the schema
        # that comes first, and with those that literals have in public.
        f"""
        DO $do$
        DECLARE p record; a text; s text;
        BEGIN
            FOR p IN
                SELECT DISTINCT proname, oidvectortypes(proargtypes) AS arguments,
                    format_type(prorettype, NULL) AS result
                FROM pg_proc AS p
                WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a')
                    AND proname = ANY ('{_called_names()}'::name[])
            LOOP
                FOREACH s IN ARRAY ARRAY['{SCHEMA}', 'public'] LOOP
                    a := p.arguments;
                    IF s = 'public' THEN
                        a := replace(replace(a, 'bigint', 'integer'), '"any"', 'anyelement');
                        a := replace(a, 'double precision', 'numeric');
                    END IF;
                    BEGIN
                        EXECUTE format('CREATE FUNCTION %I.%I(%s) RETURNS %s {_RAISING}',
                            s, p.proname, a, p.result);
                    EXCEPTION WHEN OTHERS THEN NULL; -- such as a polymorphic result alone
                    END;
                END LOOP;
            END LOOP;
        END
        $do$
        """,
        # A type is found by its name alone.
        *(f"CREATE DOMAIN {SCHEMA}.{name} AS pg_catalog.bool" for name in ("text", "jsonb")),
        *(f"CREATE DOMAIN {SCHEMA}.{name} AS pg_catalog.bool" for name in ("uuid", "oid")),
        *(f"CREATE DOMAIN {SCHEMA}.{name} AS pg_catalog.bool" for name in ("float8", "int8")),
        *(f"CREATE DOMAIN {SCHEMA}.{name} AS pg_catalog.bool" for name in ("date", "timestamptz")),
    )


def _operators() -> str:
    pairs = ((name, result) for result, names in OPERATORS.items() for name in names.split())
    return ", ".join(map(str, pairs))


def _called_names() -> str:
    """The names before a parenthesis in all of our code, as an array."""
    package = Path(__file__).parents[3] / "exporter"
    files = [*package.rglob("*.sql"), *package.rglob("*.py")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    return "{" + ",".join(sorted(set(re.findall(r"\b([a-z_][a-z0-9_]*)\(", text)))) + "}"


class ResolvedNames:
    """What every statement that is run in a database from now on was resolved to.

    The server writes the parse tree of each to its log, also of those in functions.
    """

    def __init__(self, database: EmbeddedDatabase) -> None:
        self._database = database
        name = database.name
        execute(
            database,
            f"ALTER DATABASE {name} SET debug_print_parse = on",
            f"ALTER DATABASE {name} SET debug_pretty_print = off",
            f"ALTER DATABASE {name} SET search_path = {PATH}",
        )
        self._start = _log(database.server).stat().st_size

    def outside(self) -> list[str]:
        """The functions, operators and types that PostgreSQL does not have itself."""
        with _log(self._database.server).open(encoding="utf-8", errors="replace") as log:
            log.seek(self._start)
            text = log.read()
        assert ":funcid" in text
        oids = {int(oid) for oid in _RESOLVED.findall(text) if int(oid) >= _FIRST_OWN}
        types = {int(oid) for oid in _TYPES.findall(text) if int(oid) >= _FIRST_OWN}
        listed = ", ".join(map(str, [*oids, *types, 0]))
        query = f"""
            SELECT oid::regprocedure::text FROM pg_proc WHERE oid IN ({listed})
            UNION SELECT oid::regoperator::text FROM pg_operator WHERE oid IN ({listed})
            UNION SELECT oid::regtype::text FROM pg_type WHERE oid IN ({listed})
            """
        with self._database.connect() as connection:
            connection.execute("SET search_path = pg_catalog")
            found = connection.execute(query.encode()).fetchall()
        # This was written to the log too.
        self._start = _log(self._database.server).stat().st_size
        return sorted(name for (name,) in found)


def _log(server: PostgresServer) -> Path:
    return server.folder / "server.log"
