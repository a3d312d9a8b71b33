"""The session table of a known application: the right declaration, from its data file."""

from exporter.discover.facts import TableFacts
from exporter.discover.judgement.draft.access import ask_about_access
from exporter.discover.judgement.draft.declaration import about
from exporter.discover.known import KnownApplication
from exporter.discover.proposal import Line, SourceProposal, Standing


def declare_known(table: TableFacts, name: str, application: KnownApplication) -> SourceProposal:
    """The source of a known application; what closes its sessions is its own command."""
    proposal = SourceProposal(name, table.schema, table.name, Standing.LIVE, [])
    proposal.application = (
        f"{application.name}, recognised by its table and columns; read at version "
        f"{application.version}"
    )
    proposal.remarks += application.remarks
    proposal.lines.append(Line("table", proposal.table, about(table)))
    proposal.lines += [
        Line(key, value) for key, value in application.settings_in(table.schema).items()
    ]
    if application.threshold is not None:
        proposal.lines.append(Line("orphaned_after", application.threshold))
    if application.question is not None:
        proposal.ask("orphaned_after", application.question)
    proposal.no_recovery = application.closing
    used = [column for column in table.columns.values() if column.name in application.columns]
    ask_about_access(proposal, table, used)
    return proposal
