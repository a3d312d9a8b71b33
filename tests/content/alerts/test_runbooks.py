"""Every alert has a runbook, and what a runbook tells people to type does what it says."""

import datetime as dt
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from exporter.cli.app import app
from exporter.cli.options import DEFAULT_PORT
from exporter.config.source import BUILT_IN_KINDS
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.documents import TEXTS, blocks, commands
from tests.support.monitoring import promql
from tests.support.monitoring.families import PROCESS_METRICS
from tests.support.monitoring.programs import Alertmanager, program
from tests.support.monitoring.promql import SYNTHETIC, catalog, labels, selectors
from tests.support.monitoring.rule_cases import RULES
from tests.support.processes.session_exporter import run
from tests.support.servers.psql import psql, run_script

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "runbooks"
SOURCE_CODE = "".join(path.read_text("utf-8") for path in (ROOT / "exporter").rglob("*.py"))
SEVERITIES = {rule["alert"]: rule["labels"]["severity"] for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
#: What a runbook leads to.
OTHERS = {
    name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("alerting", "runbook_commands", "first_day")
}

SECTIONS = ["Commands", "Meaning", "Impact", "Diagnosis", "Causes", "Mitigation"]
runbooks = pytest.mark.parametrize("name", TEXTS)


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert set(TEXTS) == set(SEVERITIES)
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.md" for name in SEVERITIES}


@runbooks
def test_it_has_its_name_its_severity_and_the_six_sections(name: str) -> None:
    lines = TEXTS[name].splitlines()
    assert lines[0] == f"# {name}"
    assert lines[2].startswith(f"Severity: {SEVERITIES[name]}. ")
    assert re.findall(r"^## (.+)", TEXTS[name], re.MULTILINE) == SECTIONS
    for section in re.split(r"^## .+\n", TEXTS[name], flags=re.MULTILINE)[1:]:
        assert len(section.split()) > 5


@runbooks
def test_it_begins_with_commands_that_need_no_folder_no_log_and_no_address(name: str) -> None:
    begins = TEXTS[name].split("## Commands\n")[1].split("\n## ")[0]
    lines = "".join(blocks(begins, "sh")).splitlines()
    assert lines
    assert all(line.startswith("session-exporter ") for line in lines)
    written = {line.partition(" > ")[2] for line in lines} - {""}
    assert written <= {"/tmp/sessions.sql"}


@runbooks
def test_what_changes_rows_stands_alone_so_that_no_paste_runs_it_unread(name: str) -> None:
    for block in blocks(TEXTS[name], "sh"):
        lines = block.splitlines()
        assert len(lines) == 1 or not any("--yes" in line for line in lines), block


@runbooks
def test_its_sql_reads_the_source_of_the_alert_and_no_table_of_an_example(name: str) -> None:
    for block in blocks(TEXTS[name], "sql"):
        assert not re.search(r"\b(conversations|coaching|training|transcripts)\b", block)
    uses = re.search(
        r":'?(?:sessions|table|orphaned|source)\b", "".join(blocks(TEXTS[name], "sql"))
    )
    prints = "session-exporter sql sessions SOURCE > /tmp/sessions.sql" in TEXTS[name]
    assert bool(uses) == prints


def test_each_kind_of_inconsistent_rows_is_told_by_the_alert_and_in_its_runbook() -> None:
    (alert,) = [rule for rule in RULES if rule.get("alert") == "SessionsInconsistent"]
    description = alert["annotations"]["description"]
    listed = re.findall(r"^\| `(\w+)` \|", TEXTS["SessionsInconsistent"], re.MULTILINE)
    assert re.findall(r'eq \$labels\.kind "(\w+)"', description) == BUILT_IN_KINDS.split("|")
    assert listed == ["kind", *BUILT_IN_KINDS.split("|")]


@runbooks
def test_it_says_what_to_look_at(name: str) -> None:
    assert blocks(TEXTS[name], "promql")
    assert blocks(TEXTS[name], "sh") or blocks(TEXTS[name], "sql")


@pytest.mark.parametrize(
    "document",
    [*sorted(FOLDER.glob("*.md")), *(ROOT / "docs" / f"{name}.md" for name in OTHERS)],
    ids=lambda path: path.stem,
)
def test_every_link_leads_somewhere(document: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", document.read_text("utf-8")):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.+)", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in {
                re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings
            }


@pytest.mark.parametrize(
    ("name", "query"), [(name, query) for name in TEXTS for query in blocks(TEXTS[name], "promql")]
)
def test_every_query_uses_series_and_labels_that_exist(name: str, query: str) -> None:
    known = set(catalog()) | RECORDED | set(SYNTHETIC) | set(PROCESS_METRICS)
    assert {each.name for each in selectors(query)} <= known
    served = {label for family in catalog().values() for label in family.labels}
    ours = {"alertname", "alertstate", "job", "instance", "database", "source"}
    assert labels(query) <= served | ours | promql.RENAMED


def test_prometheus_itself_takes_every_query(tmp_path: Path) -> None:
    queries = [query for text in TEXTS.values() for query in blocks(text, "promql")]
    rules = [{"record": f"runbook:query:{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}), "utf-8")
    done = subprocess.run(
        [program("promtool"), "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [*TEXTS, *OTHERS])
def test_every_command_of_ours_exists_with_its_options(name: str) -> None:
    cli = typer.main.get_command(app)
    for arguments in commands({**TEXTS, **OTHERS}[name], "session-exporter"):
        command: Any = cli
        while hasattr(command, "commands"):
            command = command.commands[arguments.pop(0)]
        # Reads the arguments as the command would, and fails on what it does not know.
        if "--help" not in arguments:
            command.make_context(command.name, arguments)


@runbooks
def test_what_the_role_of_the_exporter_may_not_do_is_shown_over_a_connection_of_a_person(
    name: str,
) -> None:
    for line in "".join(blocks(TEXTS[name], "sh")).splitlines():
        if " resume " in line and "--yes" in line:
            # With `env`, as after `kubectl exec … --` there is no shell.
            start = r" *env RECOVERY_DATABASE_URL=postgresql://alice@\S+ session-exporter "
            assert re.match(start, line)


@runbooks
def test_every_address_and_event_is_one_of_ours(name: str) -> None:
    for port, path in re.findall(r"http://localhost:(\d+)(\S*)", TEXTS[name]):
        if port != "9093":  # Alertmanager's
            assert int(port) == DEFAULT_PORT
            assert f'"{path}"' in SOURCE_CODE
    assert "event=" not in TEXTS[name]  # it is written so in one of the two formats of the log
    for events in re.findall(r"\(events? (`\w+`(?:, `\w+`)*)\)", TEXTS[name]):
        for event in re.findall(r"\w+", events):
            assert f'"{event}"' in SOURCE_CODE


def test_alertmanager_takes_every_silence() -> None:
    silences = [each for text in TEXTS.values() for each in commands(text, "amtool")]
    assert silences
    with Alertmanager({"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}) as server:
        for arguments in silences:
            url = f"--alertmanager.url=http://{server.address}"
            assert arguments[-1] == "--alertmanager.url=http://localhost:9093"
            subprocess.run(
                [program("amtool"), *arguments[:-1], url], check=True, capture_output=True
            )
        assert len(server.silences()) == len(silences)


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def variables(database: EmbeddedDatabase, tmp_path: Path) -> str:
    """What `sql sessions` prints of a source of the demo."""
    done = run(
        *("sql", "sessions", "conversations", "-c", ROOT / "config.yaml"),
        folder=tmp_path,
        DATABASE_URL=database.dsn_for(EXPORTER),
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", [name for name in TEXTS if blocks(TEXTS[name], "sql")])
def test_every_statement_runs(name: str, database: EmbeddedDatabase, variables: str) -> None:
    # One after the other, as a person does: what one block begins, a later one commits.
    run_script(database, "\n".join([variables, *blocks(TEXTS[name], "sql")]))


def test_what_ends_orphans_by_hand_leaves_everything_else_alone(
    database: EmbeddedDatabase, variables: str
) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions"
            " (session_id, user_id, is_active, session_start, duration_seconds)"
            " SELECT gen_random_uuid(), who, who <> 'ended', now() - since * interval '1 min', 60"
            " FROM (VALUES ('orphaned', 121), ('orphaned', 9000), ('alive', 119), ('ended', 9000))"
            " AS row (who, since)"
        )
    count, commit = blocks(TEXTS["SessionsOrphanedAboveThreshold"], "sql")[1:]
    done = psql(database, f"{variables}\n{count}\n{commit}", "--tuples-only")
    assert done.returncode == 0, done.stderr
    assert [line.strip() for line in done.stdout.split("SET\n")[-1].splitlines() if line] == [
        "2",
        "UPDATE 2",
        "COMMIT",
    ]
    with database.connect() as connection:
        ended = connection.execute(
            "SELECT user_id, session_end - session_start, duration_seconds"
            " FROM conversations.conversation_sessions WHERE NOT is_active"
            " ORDER BY duration_seconds"
        ).fetchall()
    two_hours = dt.timedelta(hours=2)
    assert ended == [("ended", None, 60), *[("orphaned", two_hours, 7200)] * 2]


@runbooks
def test_nothing_that_changes_rows_is_committed_by_the_same_paste(name: str) -> None:
    for block in blocks(TEXTS[name], "sql"):
        if "UPDATE" in block.replace("FOR UPDATE", ""):
            assert block.startswith("BEGIN;\nSET LOCAL lock_timeout"), block
            assert "COMMIT" not in block
        assert not re.search(r"\b(DELETE|TRUNCATE|DROP|INSERT)\b", block)


def test_each_is_followed_by_a_test_that_makes_its_fault() -> None:
    folder = ROOT / "tests" / "e2e" / "monitoring" / "runbooks"
    tests = "".join(path.read_text(encoding="utf-8") for path in folder.glob("test_*.py"))
    assert {name for name in TEXTS if f'"{name}"' not in tests} == set()
