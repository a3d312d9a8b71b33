"""What recovery does in each source, as a table."""

from dataclasses import replace

from grafana_foundation_sdk.models import dashboard

from dashboards.links import to_database, to_source
from dashboards.panels.columns import Column
from dashboards.panels.tables import build_table
from dashboards.panels.text import Levels, PanelText
from dashboards.queries import Scope
from dashboards.rows.recovery.expressions import (
    MODES,
    NOTHING,
    PLAN,
    SOME,
    WRONG,
    brakes_on,
    in_an_hour,
    mode_number,
)
from exporter.metrics.catalog import (
    RECOVERED,
    RECOVERY_CANDIDATES,
    RECOVERY_CONTRADICTED,
    RECOVERY_FAILED,
    RECOVERY_HELD,
    RECOVERY_LAST_RUN,
    RECOVERY_SKIPPED,
    RECOVERY_UNDONE,
    RETURNED,
    Family,
)


def every_source(scope: Scope) -> dashboard.Panel:
    """List what recovery does in each source, the most recoveries first."""
    text = PanelText(
        "Recovery by source, and what it did in the last hour",
        shows="The mode of each source, those with contradicted, failed or held sessions first; "
        "the sessions it would close now, those that wait for a person or for the budget of the "
        "next day (held), the brakes that are on, and the events of the last hour. A click on a "
        "source opens its dashboard.",
        act="start with contradicted sessions, which were alive: pause that source. Failures and "
        f"brakes leave sessions orphaned. {PLAN}",
        no_data="no source: is the exporter scraped?",
        runbook="SessionsRecoveryContradicted",
    )

    def counted(name: str, family: Family, levels: Levels | None = None) -> Column:
        hour = in_an_hour(scope, family)
        return Column(name, hour, no_data="not declared", levels=levels, decimals=0)

    last = Column("last run ago", scope.age(RECOVERY_LAST_RUN), "s", no_data="never", decimals=0)
    columns = [
        # Every source always has this metric, so that no source is missing from the table.
        Column("mode", mode_number(scope), meanings=MODES, lasting=True),
        Column("candidates", scope.fold(RECOVERY_CANDIDATES), no_data=NOTHING),
        Column("held", scope.fold(RECOVERY_HELD), no_data=NOTHING, levels=SOME),
        Column("brakes on", brakes_on(scope), no_data=NOTHING, levels=SOME),
        counted("recovered", RECOVERED),
        counted("failed", RECOVERY_FAILED, SOME),
        counted("skipped", RECOVERY_SKIPPED),
        counted("returned", RETURNED, SOME),
        counted("contradicted", RECOVERY_CONTRADICTED, WRONG),
        counted("undone", RECOVERY_UNDONE),
        last,
    ]
    wrong, failed = (
        in_an_hour(scope, family) for family in (RECOVERY_CONTRADICTED, RECOVERY_FAILED)
    )
    bad = f"1e6 * {wrong} + 1e3 * ({failed} + {scope.fold(RECOVERY_HELD)})"
    # Where recovery is disabled there is nothing but the mode.
    rank = f"({bad} + {in_an_hour(scope, RECOVERED)} or {mode_number(scope)} - 4)"
    return build_table(
        text,
        [replace(each, expr=scope.worst(each.expr, rank)) for each in columns],
        labels=["source", "database"],
        links={"source": [to_source()], "database": [to_database()]},
        sort="recovered",
        width=24,
        height=8,
    )
