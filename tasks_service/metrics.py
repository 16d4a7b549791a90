"""What every process counts, under the field's usual names; `/metrics` shows it."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

HTTP_REQUESTS = Counter(
    "creative_tasks_http_requests_total", "Requests answered by the API.", ("method", "route", "status")
)
HTTP_SECONDS = Histogram(
    "creative_tasks_http_request_duration_seconds",
    "Time to an answer.",
    ("method", "route"),
    buckets=_SECONDS,
)
ACCEPTED = Counter("creative_tasks_tasks_accepted_total", "Tasks accepted.", ("model",))
REFUSED = Counter("creative_tasks_tasks_refused_total", "Submissions refused, by code.", ("code",))
MOVES = Counter("creative_tasks_task_moves_total", "Tasks moved into a state.", ("to_state", "route"))
FAILURES = Counter("creative_tasks_task_failures_total", "Tasks failed, by kind.", ("kind", "route"))
PARKED = Counter("creative_tasks_tasks_parked_total", "Tasks parked for a person.", ("reason", "route"))
CONTRADICTIONS = Counter(
    "creative_tasks_contradictions_total",
    "Paid requests confirmed after they were declared not created.",
    ("route",),
)
LATE = Counter(
    "creative_tasks_late_ends_total",
    "What upstreams made of tasks that we had given up.",
    ("reason", "route"),
)
CALLBACKS = Counter(
    "creative_tasks_callbacks_total",
    "Callbacks of upstreams, by what became of them.",
    ("route", "outcome"),
)
CALLS = Counter(
    "creative_tasks_upstream_calls_total", "Exchanges with upstreams.", ("route", "purpose", "status")
)
CALL_SECONDS = Histogram(
    "creative_tasks_upstream_call_duration_seconds",
    "Time of an exchange.",
    ("route", "purpose"),
    buckets=_SECONDS,
)
UNRECOGNISED = Counter(
    "creative_tasks_unrecognised_status_total", "Status words that no table holds.", ("route",)
)
STORED_BYTES = Counter("creative_tasks_artifact_bytes_total", "Bytes of results stored.")
LIVE = Gauge("creative_tasks_live_tasks", "Tasks on their way, by state.", ("state",))
LIVE_PARKED = Gauge("creative_tasks_parked_tasks", "Tasks that wait for a person, by state.", ("state",))
OVERDUE_SECONDS = Gauge(
    "creative_tasks_overdue_seconds", "How long the most overdue task has waited, by state.", ("state",)
)
WATCHED = Gauge("creative_tasks_watched_tasks", "Tasks whose upstream this worker watches.")
LOOK_LAG = Histogram(
    "creative_tasks_look_lag_seconds",
    "How late looks began, for want of places, rate or time.",
    buckets=_SECONDS,
)
STEP_ERRORS = Counter("creative_tasks_step_errors_total", "Steps that broke unexpectedly.", ("step",))
QUARANTINED = Gauge(
    "creative_tasks_quarantined", "1 while nothing is sent, because the ledger may have forgotten payments."
)
