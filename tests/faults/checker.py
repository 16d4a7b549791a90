"""The independent checker: believes files only, and knows nothing of the code under test.

`python -m tests.faults.checker FOLDER` reads the folder of a run again.
"""

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults import check_clients, check_files, check_history, check_money
from tests.faults.check_history import ENDS
from tests.faults.record import Record, load, moment, ready_at
from tests.faults.violation import Check, Violation

CHECKS: tuple[Check, ...] = (
    *check_clients.CHECKS,
    *check_history.CHECKS,
    *check_money.CHECKS,
    *check_files.CHECKS,
)


def violations(record: Record) -> list[Violation]:
    """Every promise that the record breaks."""
    return [found for check in CHECKS for found in check(record)]


def figures(record: Record, calm_since: float = 0, calm_until: float = math.inf) -> dict[str, Any]:
    """The run in numbers; the lag is of the tasks that were accepted in the calm."""
    rows = list(record.tasks.values())
    parked = Counter(row["parked"] for row in rows if row["parked"])
    lags = lag_s(record, calm_since, calm_until)
    return {
        "acked": len({op["id"] for op in record.history if op["outcome"] == "ok"}),
        "unanswered_tries": sum(op["outcome"] == "info" for op in record.history),
        "stored": len(rows),
        "ended": dict(sorted(Counter(str(row["state"]) for row in rows if row["state"] in ENDS).items())),
        "failed": dict(sorted(Counter(str(r["failure_kind"]) for r in rows if r["failure_kind"]).items())),
        "parked": {str(why): count for why, count in sorted(parked.items(), key=str)},
        "spend": dict(sorted(Counter(str(row["spend"]) for row in rows).items())),
        "creations": len(record.creations),
        "lag_s": {f"p{share}": percentile(lags, share) for share in (50, 95, 99)} | {"of": len(lags)},
    }


def lag_s(record: Record, since: float, until: float) -> list[float]:
    """How long after it was ready at the upstream each task was seen to be over."""
    found: list[float] = []
    for row in record.tasks.values():
        creation = record.by_upstream_id.get(row["upstream_id"] or "")
        created, finished = moment(row, "created_at"), moment(row, "finished_at")
        if creation and created and finished and since <= created.timestamp() <= until:
            found.append(finished.timestamp() - ready_at(creation))
    return sorted(found)


def percentile(ordered: Sequence[float], share: int) -> float | None:
    """The nearest-rank percentile of numbers in order."""
    if not ordered:
        return None
    return round(ordered[max(math.ceil(share / 100 * len(ordered)) - 1, 0)], 3)


def main(arguments: Sequence[str]) -> int:
    """Check a folder; the exit code says whether every promise was kept."""
    found = violations(load(Path(arguments[0]), tuple(arguments[1:])))
    for violation in found:
        print(violation)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
