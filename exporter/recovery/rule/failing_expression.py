"""Which expression of the config it is that cannot be evaluated for a session."""

from exporter.errors import BackingOff, ConnectFailed, SourceError
from exporter.postgres import Reader
from exporter.queries import fill
from exporter.recovery.rule.rule import Rule


async def blame(reader: Reader, rule: Rule, error: SourceError) -> SourceError:
    """The same error with the key of the expression, where one fails by itself.

    It is asked of all orphaned sessions, so that what fails for one of them fails here. Which one
    PostgreSQL does not say, and the values stay in the row.
    """
    conditions = {"evidence": rule.alive, "exempt": rule.exempt, "end_at": rule.end}
    values = {f"set.{name}": text for name, text in rule.changes.items()}
    reported = {f"returning.{name}": text for name, text in rule.returning.items()}
    for key, text in {**conditions, **values, **reported}.items():
        try:
            await reader.read(
                fill(
                    "recovery/rule/failing_expression",
                    text=text,
                    end=rule.end if key in values else "NULL::timestamptz",
                    table=rule.table.table,
                    rows=rule.table.rows,
                    orphaned=rule.table.orphaned(),
                )
            )
        except (BackingOff, ConnectFailed):
            return error
        except SourceError as found:
            about = f"recovery.{key}, which fails for a session that is orphaned: {found}"
            return type(error)(about)
    return error
