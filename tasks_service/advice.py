"""What can be done about a failure, and by whom: the answers to a kind, as sentences of one language."""

from collections.abc import Mapping

from schemas.failures import EVIDENCE, MEANINGS, Answer, FailureKind, Mover, Said, evidence_for
from tasks_service.words import ZH, Words

_PASS = frozenset({FailureKind.RATE_LIMITED, FailureKind.UPSTREAM_OVERLOADED})


def advice(kind: FailureKind, words: Words) -> dict[str, str]:
    """Everything that is known about every failure of a kind, by the question that it answers."""
    meaning = MEANINGS[kind]
    return {
        "check": said(meaning.check, words),
        "admin": said(meaning.admin, words),
        "escalate": said(meaning.escalate, words),
        "evidence": words.listing.join(said(EVIDENCE[one], words) for one in evidence_for(kind)),
        "prevent": said(meaning.prevent, words),
    }


def said(sentence: Said, words: Words) -> str:
    """A sentence in the language of these words."""
    return sentence.zh if words is ZH else sentence.en


def quoted(message: str | None, facts: Mapping[str, object], words: Words) -> str:
    """The upstream's own words with the particulars that it named."""
    told = ", ".join(f"{name} {value}" for name, value in facts.items() if value)
    parts = (
        words.quoted.format(said=message) if message else "",
        words.particulars.format(told=told) if told else "",
    )
    return words.joint.join(part for part in parts if part)


def whether_spent(spent: Answer, *, accepted: bool) -> str:
    """Whether money was spent; of work that was accepted nobody says that nothing was created."""
    return "accepted_free" if accepted and spent is Answer.NO else spent.value


def instead_of_sending(kind: FailureKind, spent: Answer, *, accepted: bool) -> str:
    """What to do where the same call may not simply be sent again; `accepted` where there was a task."""
    if kind is FailureKind.CONTENT_POLICY_OUTPUT and spent is not Answer.NO:
        return "changed_and_paid"
    match spent:
        case Answer.YES:
            return "costs_again"
        case Answer.UNKNOWN:
            return "not_before_it_is_settled"
        case Answer.NO if kind is FailureKind.CANCELED:
            return "as_new_work" if accepted else "yes"
        case Answer.NO if kind in _PASS:
            return "when_there_is_room"
        case Answer.NO:
            customers = MEANINGS[kind].whose_move is Mover.CUSTOMER
            return "after_a_change" if customers else "after_a_repair"
