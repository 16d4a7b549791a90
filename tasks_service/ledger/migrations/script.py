"""Runs the SQL text that lies beside a revision."""

from pathlib import Path
from typing import Any

from alembic import op


def run_script(revision_file: str) -> None:
    """Run `NAME.sql` beside `NAME.py` in the revision's own transaction."""
    script = Path(revision_file).with_suffix(".sql").read_text(encoding="utf-8")
    bind = op.get_bind()
    # asyncpg prepares every statement, and a prepared text holds one statement only; its own execute()
    # takes many. The empty query makes SQLAlchemy open the transaction first.
    bind.exec_driver_sql("SELECT 1")
    connection: Any = bind.connection.dbapi_connection

    def execute(driver: Any) -> Any:
        return driver.execute(script)

    connection.run_async(execute)
