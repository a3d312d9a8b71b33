"""The texts of a panel, and the words and colors for its values."""

from dataclasses import dataclass

from grafana_foundation_sdk.models import dashboard

OK, WARNING, BAD, PLAIN = "green", "orange", "red", "text"

#: Value -> its text and its color.
States = dict[str, tuple[str, str]]

FAILING: States = {"0": ("failing", BAD), "1": ("fine", OK)}
UP: States = {"0": ("down", BAD), "1": ("up", OK)}


@dataclass(frozen=True, slots=True)
class PanelText:
    """The texts of a panel. `no_data` is shown without a value, `runbook` names an alert."""

    title: str
    shows: str
    act: str
    no_data: str = "unknown"
    runbook: str = ""

    @property
    def description(self) -> str:
        """The text behind the panel's (i), in Markdown."""
        return f"{self.shows}\n\n**When it looks bad:** {self.act}"


@dataclass(frozen=True, slots=True)
class Levels:
    """The lowest values that are shown as fine, as a warning and as bad; below them is `base`."""

    warning: float | None = None
    bad: float | None = None
    fine: float | None = None
    base: str = OK

    def build(self) -> dashboard.ThresholdsConfig:
        """Build Grafana's thresholds."""
        steps = [dashboard.Threshold(value=None, color=self.base)]
        for value, color in ((self.fine, OK), (self.warning, WARNING), (self.bad, BAD)):
            if value is not None:
                steps.append(dashboard.Threshold(value=value, color=color))
        return dashboard.ThresholdsConfig(dashboard.ThresholdsMode.ABSOLUTE, steps)


PLAIN_LEVELS = Levels(base=PLAIN)


def map_values(meanings: States) -> dashboard.ValueMap:
    """Build the value mappings for texts and colors."""
    results = {
        value: dashboard.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(meanings.items())
    }
    return dashboard.ValueMap(options=results)


def map_missing(no_data: str) -> dashboard.SpecialValueMap:
    """Show a missing value without color: by default it has that of the lowest level, green."""
    result = dashboard.ValueMappingResult(text=no_data, color=PLAIN)
    match = dashboard.SpecialValueMatch.NULL_AND_NAN
    options = dashboard.DashboardSpecialValueMapOptions(match=match, result=result)
    return dashboard.SpecialValueMap(options)
