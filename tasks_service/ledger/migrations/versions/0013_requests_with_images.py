"""A repeated request with images finds its task."""

from tasks_service.ledger.migrations.script import run_script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
