"""The applications that own the session systems: statements on tables, and two servers."""

from typing import Any

import psycopg

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
