"""What a failing move writes of the group that it belongs to."""

from typing import Any

from schemas.failure_groups import Trouble


def group_values(trouble: Trouble | None) -> dict[str, Any]:
    """The parameters of every statement that fails a task; all of them None where there is no group."""
    return {
        "failure_group": trouble and trouble.key,
        "phase": trouble and trouble.phase.value,
        "status_class": trouble and trouble.status_class,
        "group_code": trouble and trouble.code,
        "words": trouble and trouble.words,
    }
