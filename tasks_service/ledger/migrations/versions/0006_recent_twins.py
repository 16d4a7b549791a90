"""Work that has just ended still counts against the same work: when, and which task it was."""

from tasks_service.ledger.migrations.script import run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
