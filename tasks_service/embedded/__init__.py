"""Real PostgreSQL and real Valkey on a bare machine, as child processes of ours.

Used when DATABASE_URL or REDIS_URL is not set. The programs come from installed Python packages,
so neither Docker nor a system-wide database is needed. Every failure is an `EngineError` whose
text is one sentence that can be shown as it is.
"""

from tasks_service.embedded.errors import EngineError
from tasks_service.embedded.postgres import Postgres, describe_postgres, start_postgres
from tasks_service.embedded.valkey import Valkey, describe_valkey, start_valkey

__all__ = [
    "EngineError",
    "Postgres",
    "Valkey",
    "describe_postgres",
    "describe_valkey",
    "start_postgres",
    "start_valkey",
]
