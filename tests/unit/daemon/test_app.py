"""Which jobs a config gives the daemon."""

from pathlib import Path

from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.recovery.webhook.delivery import WebhookSender

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
