"""Which expression of the config cannot be evaluated for a session."""

from exporter.errors import BackingOff, ConnectFailed, SourceError
from exporter.postgres import Reader
from exporter.recovery.rule.rule import Rule


async def name_failing_key(reader: Reader, rule: Rule, error: SourceError) -> SourceError:
    """The same error with the config key of the first expression that fails when evaluated alone.

    Each is evaluated for all orphaned sessions, so that what fails for one of them fails here.
    PostgreSQL does not say for which one, and the values stay in the row.
    """
    conditions = {"evidence": rule.alive, "exempt": rule.exempt, "end_at": rule.end}
    values = {f"set.{name}": text for name, text in rule.changes.items()}
    reported = {f"returning.{name}": text for name, text in rule.returning.items()}
    for key, text in {**conditions, **values, **reported}.items():
        end = rule.end if key in values else "NULL::timestamptz"
        try:
            await reader.read(
                rule.statement("recovery/rule/failing_expression", text=text, end=end)
            )
        except (BackingOff, ConnectFailed):
            return error
        except SourceError as found:
            about = f"recovery.{key}, which fails for a session that is orphaned: {found}"
            return type(error)(about)
    return error
