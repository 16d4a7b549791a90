"""The ledger: accounts, keys, tasks with their events, calls, artifacts and guards."""

from tasks_service.ledger.migrations.script import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
