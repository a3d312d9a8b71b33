"""What other tables say of a session: messages with a time, and owners with a heartbeat.

Both are proposals that a person takes over: a join costs more than a column, and only the
application knows whether an owner's id is used again.
"""

from collections.abc import Mapping

from exporter.discover.facts import ColumnFacts, ForeignKey, TableFacts
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.proposal import Line, SourceProposal
from exporter.discover.roles.roles import Role, roles_of
from exporter.discover.roles.words import singular, words_of
from exporter.discover.sql_text import column_sql, table_sql

#: What belongs to a session and shows that it lives, by the last word of the table's name.
_SIGNS = frozenset(
    {"message", "event", "turn", "heartbeat", "ping", "reading", "sample", "utterance", "move"}
)


def propose_related(
    proposal: SourceProposal, surveyed: SurveyedTable, tables: Mapping[int, TableFacts]
) -> None:
    """Add what child tables and owners would say, commented out with a question."""
    if surveyed.seen is None and proposal.value("last_seen_at") is None:
        for key in surveyed.table.referenced_by:
            child = tables.get(key.table)
            if child is not None and _propose_child(proposal, surveyed, key, child):
                break
    for column in surveyed.roles[Role.OWNER][:1]:
        owner = _owner_table(surveyed, column, tables)
        if owner is not None:
            _propose_owner(proposal, column, owner)


def _propose_child(
    proposal: SourceProposal, surveyed: SurveyedTable, key: ForeignKey, child: TableFacts
) -> bool:
    """Propose the newest row of a child table as sign of life; return whether it is one."""
    created = roles_of(child)[Role.CREATION]
    own = surveyed.table.key
    is_sign = bool(words_of(child.name)) and singular(words_of(child.name)[-1]) in _SIGNS
    if not is_sign or not created or len(own) != 1 or len(key.columns) != 1:
        return False
    if not created[0].is_timestamp or created[0].is_naive:
        return False
    time, reference = column_sql(created[0].name), column_sql(key.columns[0])
    name = table_sql(child.schema, child.name)
    newest = f"SELECT max(m.{time}) FROM {name} AS m"  # noqa: S608 - of the config, not run here
    sql = f"({newest}\n WHERE m.{reference} = s.{column_sql(own[0])})"
    why = f"the newest row of {name}"
    proposal.lines.append(Line("last_seen_at", sql, why, is_suggestion=True))
    proposal.ask(
        "last_seen_at",
        f"does a row of {name} show that a session lives? It needs an index on ({reference}, "
        f"{time})",
    )
    return True


def _owner_table(
    surveyed: SurveyedTable, column: ColumnFacts, tables: Mapping[int, TableFacts]
) -> TableFacts | None:
    """The table that a column refers to, by a foreign key or by its name, with a heartbeat."""
    for key in surveyed.table.references:
        found = tables.get(key.referenced)
        if list(key.columns) == [column.name] and found is not None and _heartbeat(found):
            return found
    noun = words_of(column.name)[0]
    return next(
        (
            each
            for each in tables.values()
            if each.schema == surveyed.table.schema
            and singular(words_of(each.name)[-1] if words_of(each.name) else "") == noun
            and _heartbeat(each) is not None
        ),
        None,
    )


def _heartbeat(table: TableFacts) -> ColumnFacts | None:
    seen = [each for each in roles_of(table)[Role.SEEN] if each.is_timestamp]
    return seen[0] if seen else None


def _propose_owner(proposal: SourceProposal, column: ColumnFacts, owner: TableFacts) -> None:
    heartbeat = _heartbeat(owner)
    name = table_sql(owner.schema, owner.name)
    if heartbeat is None:
        return
    ids = [each for each in owner.columns if each in {column.name, "id", "name", "uuid"}]
    identity = ids[0] if ids else "id"
    table = f"{{table: {name}, id: {identity}, seen_at: {heartbeat.name}, within: 1m}}"
    proposal.ask(
        "owner",
        f"does {name} say which live, and is an id there never used again? Then write owners: "
        f"{{{owner.name}: {{unique_per_start: true, table: {table}}}}}, and owner: "
        f"{{of: {column.name}, in: {owner.name}}}",
    )
