"""What the session systems' own applications do in the database, one small function per step."""

from typing import Any

import psycopg

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
