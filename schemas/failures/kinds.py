"""The words that failures are told in: kinds, sorts, layers, and what a kind has to answer."""

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """What went wrong, whatever status it came with."""

    AUTH_INVALID = "auth_invalid"
    KEY_MALFORMED = "key_malformed"
    PERMISSION_DENIED = "permission_denied"
    ACCOUNT_SUSPENDED = "account_suspended"
    MODEL_NOT_FOUND = "model_not_found"
    PARAMETER_INVALID = "parameter_invalid"
    REFERENCE_IMAGE_INVALID = "reference_image_invalid"
    CONTENT_POLICY_INPUT = "content_policy_input"
    CONTENT_POLICY_OUTPUT = "content_policy_output"
    QUOTA_EXHAUSTED = "quota_exhausted"
    RATE_LIMITED = "rate_limited"
    UPSTREAM_OVERLOADED = "upstream_overloaded"
    UPSTREAM_INTERNAL = "upstream_internal"
    TIMEOUT = "timeout"
    NETWORK = "network"
    STREAM_INTERRUPTED = "stream_interrupted"
    TASK_NOT_FOUND = "task_not_found"
    TASK_EXPIRED = "task_expired"
    CANCELED = "canceled"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ARTIFACT_LOST = "artifact_lost"
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"


class Mover(StrEnum):
    """Whose move it is."""

    CUSTOMER = "customer"
    ADMIN = "admin"
    OPERATOR = "operator"
    PROVIDER = "provider"
    NOBODY = "nobody"


class Answer(StrEnum):
    """Yes, no, or we cannot know."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Sort(StrEnum):
    """The first thing that support separates. A mistake has to be put right first; an incident passes."""

    CONFIGURATION_MISTAKE = "configuration_mistake"  # credential, name, limit or request; whose: `whose_move`
    PROVIDER_INCIDENT = "provider_incident"
    OURS = "ours"
    UNKNOWN = "unknown"
    NEITHER = "neither"  # somebody wanted it so


class Layer(StrEnum):
    """Where on the way from the customer to the picture it happened."""

    CLIENT = "client"
    ACCOUNT = "account"
    KEY = "key"
    GATEWAY = "gateway"
    MODEL_ROUTE = "model_route"
    REQUEST = "request"
    NETWORK = "network"
    PROVIDER = "provider"
    STORAGE = "storage"
    UNKNOWN = "unknown"


class Evidence(StrEnum):
    """One thing to have at hand."""

    EXACT_WORDS = "exact_words"
    REQUEST_IDS = "request_ids"
    TIME = "time"
    TASK = "task"
    MODEL = "model"
    ACCOUNT = "account"
    KEY = "key"
    BALANCE = "balance"
    REQUEST_RATE = "request_rate"
    PARAMETERS = "parameters"
    PROMPT = "prompt"
    REFERENCE_IMAGE = "reference_image"
    INPUT_SIZE = "input_size"
    TRIES = "tries"
    CLIENT = "client"
    STREAMING = "streaming"
    CHARGE = "charge"
    RESULT_LINK = "result_link"


@dataclass(frozen=True, slots=True)
class Said:
    """The same thing in both languages."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a kind means: `transient` says that the same call may succeed later, if nothing was created."""

    sort: Sort
    layer: Layer
    whose_move: Mover
    transient: bool
    spent: Answer  # where the upstream had accepted the task; before that nothing is ever spent
    words: Said
    check: Said  # what the customer can look at
    admin: Said  # what needs an administrator
    escalate: Said  # what goes to the operator, or on to the provider
    prevent: Said
    evidence: tuple[Evidence, ...]  # beyond what is always collected

    @property
    def en(self) -> str:
        """What happened, in English."""
        return self.words.en

    @property
    def zh(self) -> str:
        """What happened, in Chinese."""
        return self.words.zh


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of one task, with the upstream's own words (already without secrets)."""

    kind: FailureKind
    message: str = ""
    code: str | None = None
    status: int | None = None
    request_id: str | None = None
