"""The examples in each command's --help: two that work with the config of the demo."""

#: By command, a subcommand behind its group: what each example does, and the example.
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "once": (
        ("Collect each source once and print a table:", "once"),
        ("As Prometheus would scrape it, for a script:", "once --format prometheus"),
    ),
    "orphans": (
        ("List the orphaned sessions of one source:", "orphans conversations"),
        ("All that were silent for a day, as JSON:", "orphans --older-than 1d --format json"),
    ),
    "inconsistent": (
        ("List the rows that contradict themselves:", "inconsistent conversations"),
        ("Only those of one kind:", "inconsistent --kind ended_but_active"),
    ),
    "runs": (
        ("List the runs of recovery of all sources:", "runs"),
        ("Of one source, as JSON:", "runs conversations --format json"),
    ),
    "init": (
        ("Write a file for the database in DATABASE_URL:", "init --output first.yaml"),
        ("Print what is found, without a look at rows:", "init --catalog-only --output -"),
    ),
    "check": (
        ("Validate a config file without connecting:", "check --config.file config.yaml"),
        ("Check each source against its database:", "check --live"),
    ),
    "content": (
        ("For the scrape job sessions:", "content --job sessions --out DIR"),
        ("As a PrometheusRule:", "content --format operator --labels release=x --out DIR"),
    ),
    "schema": (
        ("Write the JSON schema for an editor:", "schema > session-exporter.schema.json"),
        ("Look up which keys a source may have:", "schema | less"),
    ),
    "sql": (
        ("Print the roles that the exporter needs:", "sql role"),
        ("Print the indexes that a source needs:", "sql index conversations"),
    ),
    "sql orphans": (
        ("Print the query of a source:", "sql orphans conversations"),
        ("Run it in psql:", "sql orphans conversations | psql app"),
    ),
    "sql inconsistent": (
        ("Print the queries of a source:", "sql inconsistent conversations"),
        ("Run them in psql:", "sql inconsistent conversations | psql app"),
    ),
    "sql sessions": (
        ("Print the variables of a source:", "sql sessions conversations"),
        (
            "Write them for psql, which reads them by \\i:",
            "sql sessions training > /tmp/sessions.sql",
        ),
    ),
    "sql close": (
        ("Print the transaction for a session:", "sql close conversations --id 4711"),
        ("With a reason that is audited:", "sql close conversations --id 4711 --reason OPS-1"),
    ),
    "sql index": (
        ("Print the indexes that a source needs:", "sql index conversations"),
        ("Write them to a file for a DBA:", "sql index conversations > indexes.sql"),
    ),
    "sql role": (
        ("Print the roles and all their rights:", "sql role"),
        ("Print only the rights that the roles lack:", "sql role --missing"),
    ),
    "sql function": (
        ("Print the functions of a source:", "sql function conversations"),
        ("Write them to a file for a DBA:", "sql function conversations > functions.sql"),
    ),
    "sql audit": (
        ("Print the tables of the audit of recovery:", "sql audit"),
        ("Create or update them:", "sql audit | psql app"),
    ),
    "completion": (
        ("Complete in this bash:", 'eval "$(session-exporter completion bash)"'),
        ("Complete in this fish:", "completion fish | source"),
    ),
    "run": (
        ("Serve http://localhost:10046/metrics:", "run"),
        (
            "On another address, with logs as JSON:",
            "run --web.listen-address :9000 --log.format json",
        ),
    ),
    "demo": (
        ("Try it without a database of your own:", "demo"),
        ("On another port:", "demo --web.listen-address 127.0.0.1:9000"),
    ),
    "recover": (
        ("Show what would be closed:", "recover conversations"),
        ("Close what is shown, ten at most:", "recover conversations --yes --limit 10"),
    ),
    "close": (
        ("Show what a stop of one server would close:", "close practice_calls --owner call-1"),
        ("Close all sessions before a planned stop:", "close conversations --all --yes"),
    ),
    "undo": (
        ("Show what can be undone of a run:", "undo 0b6d2f1e"),
        ("Undo it for one session:", "undo 0b6d2f1e --yes --id 4711"),
    ),
    "pause": (
        ("Pause automatic recovery in all exporters:", "pause conversations"),
        ("With a reason that all see:", 'pause conversations --reason "migration until noon"'),
    ),
    "resume": (
        ("Show what is held, and why:", "resume conversations"),
        ("Let automatic recovery continue:", "resume conversations --yes"),
    ),
}


def examples_text(command: str) -> str:
    """The examples of a command as its --help shows them; empty where it has none."""
    lines = []
    for about, words in EXAMPLES.get(command, ()):
        is_whole = "session-exporter " in words
        lines += [f"  {about}", f"    {words if is_whole else f'session-exporter {words}'}"]
    return "\n".join(["Examples:", *lines]) if lines else ""
