"""Evidence: why sessions are orphaned, what the lists hold, and which evidence answers."""

from grafana_foundation_sdk.models import dashboard

from dashboards.panels.graphs import build_graph, build_states
from dashboards.panels.text import BAD, OK, PanelText, States
from dashboards.queries import BY_SOURCE, HIGHEST, MEAN, PLACE, Query, Scope
from exporter.metrics.catalog import (
    ACTIVE,
    DISAGREEING,
    EVIDENCE_UP,
    LIVE,
    ORPHANED_BY_CAUSE,
    UNTRACKED,
)

_NOTHING = "no evidence, or unknown"
_ANSWERS: States = {"0": ("unusable", BAD), "1": ("usable", OK)}


def causes(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the orphaned sessions by cause."""
    text = PanelText(
        "Orphaned sessions by cause",
        shows="Why sessions are orphaned: their owner is dead (ownerless), no list holds them "
        "(ghost), a list holds them and they have been silent for too long (stale_in_list), or "
        "they are too old (age).",
        act="ownerless ones after a crash are what recovery is for; at other times the application "
        "does not end its sessions when it stops. Ghosts mean that it loses ends of sessions.",
        no_data=_NOTHING,
        runbook="SessionsGhosts",
    )
    some = scope.worst(
        f"{scope.fold(ORPHANED_BY_CAUSE)} > 0", scope.fold(ORPHANED_BY_CAUSE, call=HIGHEST)
    )
    query = Query(f"{{{{cause}}}} {BY_SOURCE}", some)
    return build_graph(text, [query], unit="none", stacked_bars=True, width=width)


def live(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show the live sessions of each store, beside the active ones of the table."""
    text = PanelText(
        "Live in each store, and active",
        shows="Sessions that each store of a list holds, and those that are active in the table.",
        act="where every store should hold every session, the lines are equal. Active ones far "
        "above the live ones are lost, or the list is incomplete.",
        no_data=_NOTHING,
        runbook="SessionsDisagreeing",
    )
    most = scope.fold(LIVE, call=HIGHEST)
    shown = scope.worst(scope.fold(LIVE), most)
    queries = [
        Query(f"{{{{store}}}} {BY_SOURCE}", shown),
        Query(f"active {BY_SOURCE}", f"{scope.fold(ACTIVE)} and ignoring (store) ({shown})"),
    ]
    return build_graph(text, queries, unit="none", width=width)


def contradictions(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show where lists contradict the table, or each other."""
    text = PanelText(
        "Untracked and disagreeing",
        shows="Sessions that a list holds and the table does not show as active (untracked), and "
        "sessions that one store holds and another lacks (disagreeing), both in two answers.",
        act="disagreeing sessions fail for their users: requests reach a store that does not know "
        "them. Untracked ones were never written, or were closed while they live.",
        no_data=_NOTHING,
        runbook="SessionsUntracked",
    )
    queries = [
        Query(f"untracked {BY_SOURCE}", scope.highest(UNTRACKED)),
        Query(f"disagreeing {BY_SOURCE}", scope.highest(DISAGREEING)),
    ]
    return build_graph(text, queries, unit="none", width=width)


def answers(scope: Scope, *, width: int = 12) -> dashboard.Panel:
    """Show when a list or an owner source gave usable answers."""
    text = PanelText(
        "Evidence over time",
        shows="Whether the answer of each list and owner source could be used, by any replica.",
        act="`session-exporter check --live` asks each once and shows what it understood. While "
        "evidence is unusable, age decides, and recovery closes nothing.",
        no_data=_NOTHING,
        runbook="SessionsEvidenceDown",
    )
    usable = scope.worst(scope.fold(EVIDENCE_UP), scope.fold(EVIDENCE_UP, call=MEAN), lowest=True)
    query = Query(f"{{{{evidence}}}} {PLACE}", usable)
    return build_states(text, query, _ANSWERS, width=width, height=8)
