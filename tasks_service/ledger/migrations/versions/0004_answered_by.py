"""Whose attempt it is, and until when its answer is waited for: until then nobody may call it not created."""

from tasks_service.ledger.migrations.script import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
