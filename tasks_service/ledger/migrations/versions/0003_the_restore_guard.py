"""The ledger's epoch, and the quarantines that follow when it is found behind its outside copy."""

from tasks_service.ledger.migrations.script import run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
