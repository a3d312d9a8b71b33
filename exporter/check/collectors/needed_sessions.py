"""The number of sessions that an objective needs, by the config; needs no database."""

from collections.abc import Iterator

from exporter.config import Config

#: The days over which the share of lost sessions is taken.
DAYS = 28

#: The budget in sessions of these days; below it, a single session is most of the budget.
FEWEST_LOSSES = 4


def objective_remarks(config: Config) -> Iterator[str]:
    """How many sessions each objective needs, which takes no database."""
    for source in config.sources.values():
        if source.objective is not None:
            needs = needs_of(source.objective)
            yield f"sources.{source.name}: {needs}; `check --live` counts them"


def sessions_needed(objective: float) -> int:
    """How many sessions have to start in DAYS days."""
    return round(FEWEST_LOSSES / (1 - objective))


def needs_of(objective: float) -> str:
    """The same in a sentence."""
    needed = sessions_needed(objective)
    return f"objective {objective * 100:g} % needs about {needed} sessions in {DAYS} days"
