"""Failures of the same trouble as one group, and what people say of it."""

from tasks_service.ledger.migrations.script import run_script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
