"""Checks whether PostgreSQL accepts a rule, and which of its expressions fails for a session."""

from exporter.config import Source
from exporter.errors import (
    BackingOff,
    BadData,
    ConnectFailed,
    PermissionDenied,
    SchemaMismatch,
    SourceError,
)
from exporter.postgres import Reader, Row
from exporter.queries import fill, identifier
from exporter.recovery.rule.owner import owner_of
from exporter.recovery.rule.rule import END, Rule
from exporter.sessions import name_failing_expression
from exporter.sessions.relation import Relation
from exporter.text import some_of


async def policies(reader: Reader, relation: Relation) -> str:
    """The policies of row-level security that may prevent this role from updating a row.

    Raises PermissionDenied if no policy permits any update: PostgreSQL would silently find no row.
    """
    ((is_active, may_update, limiting),) = await reader.rows(
        fill("recovery/rule/policies", oid=str(relation.oid))
    )
    if is_active and not may_update:
        raise PermissionDenied(
            f"row-level security hides every row of {relation.sql} from UPDATE; add a policy FOR "
            "UPDATE for this role"
        )
    return some_of(limiting or ()) if is_active else ""


async def check_rule(reader: Reader, rule: Rule, *, writes: bool = True) -> None:
    """Have PostgreSQL plan the change of each column, without making it.

    A role without the right to write may not even plan it: with `writes` False, PostgreSQL only has
    to accept the expression of each new value.
    Raises SchemaMismatch, BadData or PermissionDenied that names the key of the config.
    """
    relation = rule.relation
    if writes:
        await policies(reader, relation)
    end = f"(SELECT pg_catalog.now() AS {END})"
    for name, text in rule.changes.items():
        if writes:
            statement = rule.statement(
                "recovery/rule/check_change", column=identifier(name), value=text, end=end
            )
        else:
            statement = _describe(text, f"{end} AS e, {rule.table.table}")
        await _check(reader, statement, f"set.{name}", hint=_hint(relation, name))
    texts = {"end_at": rule.end, "evidence": rule.alive, "exempt": rule.exempt}
    texts |= {f"returning.{name}": text for name, text in rule.returning.items()}
    for key, text in texts.items():
        await _check(reader, _describe(text, rule.table.table), key)


#: The comment in printed SQL that uses age alone although the source has owners.
NO_OWNERLESS = (
    "-- By age alone: without session-exporter it is not known which owners are dead, so that a\n"
    "-- session of one is closed when it is old enough."
)


def without_owners(source: Source) -> Source:
    """The source as printed SQL sees it: by age alone.

    Without owners fewer sessions are orphaned, and no setting of the caller can declare one dead.
    Raises SourceError for a source with a list, which SQL cannot request.
    """
    if source.list is not None:
        raise SourceError(
            f"what is printed runs without asking the list {source.list}, and would close sessions "
            f"that it holds; `session-exporter recover {source.name}` asks it"
        )
    if source.owner is None or not source.has_evidence:
        return source
    return source.model_copy(update={"owner": source.owner.model_copy(update={"in_": None})})


async def read_naming_key(reader: Reader, rule: Rule, statement: str) -> list[Row]:
    """The rows of a statement. Raises SourceError that names the key of the failing expression."""
    try:
        return await reader.rows(statement)
    except BadData as error:
        raise await name_failing_key(reader, rule, error) from None


async def name_failing_key(reader: Reader, rule: Rule, error: SourceError) -> SourceError:
    """The same error with the config key of the first expression that fails when evaluated alone.

    Each is evaluated for all orphaned sessions, and the owner for all active ones, so that any
    failure shows here. If none fails, each is evaluated for all active sessions, because PostgreSQL
    may evaluate it before it selects the orphaned ones. The error does not name the session or its
    values.
    """
    try:
        await _evaluate(reader, rule, "true")
    except (BackingOff, ConnectFailed):
        return error
    except SourceError as found:  # it is unknown which sessions are orphaned
        key = await name_failing_expression(reader, rule.table)
        return type(found)(f"{key}: {found}") if key else error
    conditions = {"evidence": rule.alive, "exempt": rule.exempt, "end_at": rule.end}
    values = {f"set.{name}": text for name, text in rule.changes.items()}
    reported = {f"returning.{name}": text for name, text in rule.returning.items()}
    expressions = {
        f"recovery.{key}": text for key, text in (conditions | values | reported).items()
    }
    attempts = [(key, text, "orphaned") for key, text in expressions.items()]
    attempts += [("owner", owner_of(rule), "active")]
    attempts += [(key, text, "active") for key, text in expressions.items()]
    for key, text, state in attempts:
        end = rule.end if key.startswith("recovery.set.") else "NULL::timestamptz"
        which = {"orphaned": "true"} if state == "active" else {}
        try:
            await _evaluate(reader, rule, text, end=end, **which)
        except (BackingOff, ConnectFailed):
            return error
        except SourceError as found:
            about = f"{key}, which fails for a session that is {state}: {found}"
            return type(error)(about)
    return error


async def _evaluate(
    reader: Reader, rule: Rule, text: str, *, end: str = "NULL::timestamptz", **which: str
) -> None:
    """Evaluate an expression for all orphaned sessions, or for others; raises its SourceError."""
    await reader.read(
        rule.statement("recovery/rule/failing_expression", text=text, end=end, **which)
    )


async def _check(reader: Reader, statement: str, key: str, *, hint: str = "") -> None:
    try:
        await reader.read(statement)
    except (SchemaMismatch, BadData) as error:
        raise type(error)(f"recovery.{key}: {error}{hint}") from None


def _describe(text: str, table: str) -> str:
    return fill("catalog/describe", expressions=f"({text})", table=table)


def _hint(relation: Relation, column: str) -> str:
    found = relation.columns[column]
    if found.is_enum:
        return f"; the column is of the enum {found.type}: is it one of its values?"
    return f"; the column is of type {found.type}"
