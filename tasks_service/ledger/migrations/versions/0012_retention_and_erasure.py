"""How a month leaves, and how a customer's content does, while the history's facts stay."""

from tasks_service.ledger.migrations.script import run_script

revision = "0012"
down_revision = "0009"


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
