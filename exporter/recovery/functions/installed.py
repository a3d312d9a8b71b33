"""The functions of `sql function` in the database, compared with those printed now."""

import re
from dataclasses import dataclass

from exporter.config import TableName
from exporter.config.fields.sql_lexer import fold
from exporter.errors import FunctionMismatch
from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.recovery.functions.definitions import recover_function, undo_function
from exporter.recovery.functions.function import MARK, Function, Signature, fingerprint
from exporter.recovery.rule.rule import Rule

_FINGERPRINT = re.compile(r"\(fingerprint ([0-9a-f]+)\)$")


@dataclass(frozen=True, slots=True)
class InstalledFunction(Signature):
    """A function as the catalog has it."""

    language: str
    is_definer: bool
    volatility: str
    settings: list[str]
    """As name=value."""
    body: str
    comment: str
    owner: str
    """The owner, with whose rights it runs."""
    owner_can_log_in: bool
    is_callable_by_role: bool
    """Whether the connected role may call it."""
    is_public: bool

    @property
    def declared_fingerprint(self) -> str | None:
        """The digest in its comment, which CREATE OR REPLACE does not change."""
        found = _FINGERPRINT.search(self.comment)
        return found[1] if found and self.comment.startswith(MARK) else None

    @property
    def fingerprint(self) -> str:
        """The digest of the definition in the catalog."""
        settings = dict(each.split("=", 1) for each in self.settings)
        path = settings.pop("search_path", "")
        schemas = path.split(", ")
        # pg_catalog comes first unless it is named later.
        is_safe = schemas[-1] == "pg_temp" and "pg_catalog" not in schemas[1:]
        traits = (self.language, self.is_definer, self.volatility, is_safe)
        return fingerprint(self, self.body, settings, *traits)


async def find_recover_function(reader: Reader, rule: Rule) -> InstalledFunction | None:
    """The function that closes sessions of a source; None if `recovery.call` is not set.

    Raises FunctionMismatch if it is missing, or differs from the one printed for the present
    config.
    """
    called = rule.table.source.recovery.call
    return None if called is None else await _find(reader, rule, called, recover_function(rule))


async def find_undo_function(reader: Reader, rule: Rule) -> InstalledFunction | None:
    """The function that undoes, if a function closes. Raises FunctionMismatch."""
    if await find_recover_function(reader, rule) is None:
        return None
    undo = undo_function(rule)
    return await _find(reader, rule, TableName(undo.schema, undo.name, True, True), undo)


async def _find(
    reader: Reader, rule: Rule, called: TableName, printed: Function
) -> InstalledFunction:
    source = rule.table.source.name
    if not rule.changes:
        raise FunctionMismatch(
            f"recovery.call: source {source} has no `set`, which says what closing a session "
            "writes, so that `session-exporter sql function` cannot print a function"
        )
    printing = f"session-exporter sql function {source}"
    # All functions of this name, the exact spelling first.
    rows = await reader.rows(fill("recovery/functions/installed", **_match_name(called)))
    found = [InstalledFunction(*row) for row in rows]
    if not found:
        raise FunctionMismatch(
            f"recovery.call: there is no function {called} in this database; `{printing}` prints "
            f"{printed.sql}"
        )
    for function in found:
        if function.declared_fingerprint == function.fingerprint == printed.fingerprint:
            return function
    raise FunctionMismatch(
        f"recovery.call: {found[0].sql} is not what `{printing}` prints now: "
        f"{_difference(found[0])}; print it again and have it run, which creates {printed.sql}"
    )


def _match_name(declared: TableName) -> dict[str, str]:
    """The condition for a declared name: as it is written, else in lower case.

    Without a schema it is the function that is visible in the search path.
    """

    def spellings(column: str, name: str, *, is_quoted: bool) -> str:
        names = dict.fromkeys([name] if is_quoted else [name, fold(name)])
        return f"{column} IN ({', '.join(map(literal, names))})"

    in_schema = "pg_catalog.pg_function_is_visible(p.oid)"
    if declared.schema_ is not None:
        in_schema = spellings("n.nspname", declared.schema_, is_quoted=declared.schema_quoted)
    return {
        "in_schema": in_schema,
        "named": spellings("p.proname", declared.name, is_quoted=declared.name_quoted),
        "exact_schema": f"(n.nspname = {literal(declared.schema_ or '')})",
        "exact": f"(p.proname = {literal(declared.name)})",
    }


def _difference(function: InstalledFunction) -> str:
    if function.declared_fingerprint is None:
        return "session-exporter did not print it"
    if function.declared_fingerprint != function.fingerprint:
        return "the function was changed after it was created"
    return "the config, the table or session-exporter has changed"
