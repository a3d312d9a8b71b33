"""Which jobs a config gives the daemon."""

from pathlib import Path

from exporter.config import Config, load_config
from exporter.daemon.app import Exporter
from exporter.daemon.http.access import Details
from exporter.daemon.machine_clock import CLOCK
from exporter.recovery.webhook.delivery import WebhookSender
from tests.support.processes.reloading import remade

CONFIG = """\
databases:
  app: {dsn: ''}
sources:
  chat:
    table: public.chat
    active: is_active
    started_at: started_at
    orphaned_after: 2h
    recovery:
      webhook: {url: "https://app.example.com/recovered", secret_file: secret}
"""


def test_a_webhook_is_notified_of_earlier_recoveries_where_set_is_gone(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x" * 32, encoding="utf-8")
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")

    jobs = Exporter(load_config(tmp_path / "config.yaml", {}), CLOCK).jobs

    assert sum(isinstance(job, WebhookSender) for job in jobs) == 1


def test_the_number_of_kept_rows_follows_the_number_of_sources(tmp_path: Path) -> None:
    few, many = (_many_sources(tmp_path, number) for number in (1, 200))
    before = Exporter(few, CLOCK, Details.EVERYONE)
    assert before.row_limit.rows == 100
    for config, rows in ((many, 50), (few, 100)):
        after = remade(before, config)
        # The source that both have is collected by the same job.
        assert after.collections[0] is before.collections[0]
        assert (before.row_limit.rows, after.row_limit.rows) == (rows, rows)
        before = after


def _many_sources(folder: Path, number: int) -> Config:
    _, head, source = CONFIG.partition("  chat:\n")
    lines = "".join(source.partition("    recovery:")[0])
    sources = "".join(f"  s{each}:\n{lines}" for each in range(number))
    (folder / "config.yaml").write_text(CONFIG.partition(head)[0] + sources, encoding="utf-8")
    return load_config(folder / "config.yaml", {})
