"""Send deadlines and digests on the spend latch, where a task is at its upstream, and late looks."""

from tasks_service.ledger.migrations.script import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
