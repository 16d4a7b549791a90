"""Tasks are found by every id that somebody may paste, and by words of prompt and error."""

from tasks_service.ledger.migrations.script import run_script

revision = "0009"
down_revision = "0007"


def upgrade() -> None:
    """Run the SQL beside this file; migrations only go forward."""
    run_script(__file__)
