"""What `init` writes and prints: the file, what was found, and what to run next."""

from enum import StrEnum
from pathlib import Path

from exporter.cli.commands.init.connection import FoundDatabase
from exporter.cli.config_path import new_config
from exporter.discover.output.json_output import survey_json
from exporter.discover.output.yaml_output import as_yaml
from exporter.discover.proposal import Survey
from exporter.errors import ExporterError
from exporter.text import number_of, printable


class InitFormat(StrEnum):
    """How the output is written."""

    YAML = "yaml"
    JSON = "json"


def require_new(path: Path | None) -> None:
    """Raise ExporterError where there is such a file: it is never overwritten."""
    if path is not None and (path.exists() or path.is_symlink()):
        raise ExporterError(
            f"{path} exists, and init overwrites no file: move it, or name another one (--output)"
        )


def print_found(survey: Survey, format_: InitFormat, connection: FoundDatabase) -> None:
    """To stdout."""
    print(_text(survey, format_, connection), end="")


def write(survey: Survey, format_: InitFormat, connection: FoundDatabase, path: Path) -> None:
    """To a file, and say what comes next. Raises ExporterError."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_text(survey, format_, connection))
    except FileExistsError:
        require_new(path)
    except OSError as error:
        raise ExporterError(f"{path} cannot be written: {error.strerror}") from None
    if format_ is InitFormat.JSON:
        return  # it is for programs, and no config file
    for line in _summary(survey, connection, path):
        print(printable(line))


def _text(survey: Survey, format_: InitFormat, connection: FoundDatabase) -> str:
    if format_ is InitFormat.JSON:
        return f"{survey_json(survey)}\n"
    default = ":-" if connection.is_of_libpq else ""
    return as_yaml(survey, variable=f"{connection.variable}{default}")


def _summary(survey: Survey, connection: FoundDatabase, path: Path) -> list[str]:
    live = survey.live
    asked = [each for each in survey.sources if not each.is_live]
    lines = [
        f"{path}: {number_of(len(live), 'source', 'sources')}, read as role {survey.server.role}"
    ]
    lines += [
        f"  {each.name}: {each.table}, active: {_one_line(each.value('active'))}" for each in live
    ]
    if asked:
        names = ", ".join(each.name for each in asked)
        lines.append(
            f"{number_of(len(asked), 'table needs', 'tables need')} answers to the questions in "
            f"{path}: {names}"
        )
    if survey.left_out:
        lines.append(f"{number_of(len(survey.left_out), 'table', 'tables')} left out, with reasons")
    lines += survey.unseen
    if survey.server.is_standby:
        lines.append("the server is a standby: it can be collected from, and closes nothing")
    if survey.server.is_pooled:
        lines.append("the connection goes through a pooler; its transaction mode suffices")
    option = "" if path == new_config() else f" -c {path}"
    steps = []
    if not (connection.is_exported or connection.is_of_libpq):
        steps.append(f"export {connection.variable}=…                  # the string that you gave")
    if live:
        steps += [
            f"session-exporter once{option}          # the first numbers",
            f"session-exporter sql role{option}      # for a DBA: a role with the rights it needs",
            f"session-exporter check --live{option}  # whether all fits",
            f"session-exporter run{option}           # http://localhost:10046/metrics",
        ]
    else:
        steps.append(f"$EDITOR {path}                     # answer the questions")
    return [*lines, "Next:", *(f"  {each}" for each in steps)]


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
