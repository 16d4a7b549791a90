"""The guard at the end of each transaction keeps its plan."""

from tasks_service.ledger.migrations.script import run_script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
