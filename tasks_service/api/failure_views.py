"""A group of failures as the API shows it. What only staff may see is decided here."""

from collections.abc import Sequence

from schemas.failure_groups import GroupState, Phase
from schemas.failures import MEANINGS, Answer, FailureKind, Mover
from schemas.ids import task_id_text
from tasks_service.api.views import Moment, UpstreamWords, View, without_addresses
from tasks_service.ledger.connection import Row
from tasks_service.ledger.failures import Case, Group


class ChargedView(View):
    """Of how many cases money was spent, was not, or nobody knows."""

    yes: int
    no: int
    unknown: int


class GroupView(View):
    """A group, with what is counted of the cases that the caller may see."""

    group: str
    state: GroupState
    muted_until: Moment | None
    kind: FailureKind
    message_zh: str
    message_en: str
    whose_move: Mover
    provider: str
    phase: Phase
    status_class: str | None
    code: str | None
    words: str
    cases: int
    first_seen: Moment
    last_seen: Moment
    accounts: int | None
    routes: list[str] | None
    charged: ChargedView


class GroupPageView(View):
    """One page of groups; `next` is the `after` of the page that follows."""

    data: list[GroupView]
    has_more: bool
    next: str | None


class CaseView(View):
    """One failed task of a group, with the upstream's own words."""

    task: str
    failed_at: Moment
    account: str
    route: str | None
    model: str
    upstream: UpstreamWords
    spent: Answer


class AffectedView(View):
    """An account, and how many cases are its."""

    account: str
    cases: int


class ChangeView(View):
    """What a person said of a group, and why."""

    at: Moment
    actor: str
    from_state: GroupState
    to_state: GroupState
    muted_until: Moment | None
    reason: str


class GroupDetailView(GroupView):
    """A group with a page of its cases; whom it affects most and what was said of it are for staff."""

    data: list[CaseView]
    has_more: bool
    next: str | None
    affected: list[AffectedView] | None
    changes: list[ChangeView] | None


def group_view(group: Group, *, staff: bool) -> GroupView:
    """A group as a customer sees it, or as staff does."""
    meaning = MEANINGS[group.kind]
    return GroupView(
        group=group.key,
        state=group.state,
        muted_until=group.muted_until,
        kind=group.kind,
        message_zh=meaning.zh,
        message_en=meaning.en,
        whose_move=meaning.whose_move,
        provider=group.provider,
        phase=group.phase,
        status_class=group.status_class,
        code=group.code,
        words=group.words,
        cases=group.cases,
        first_seen=group.first_at,
        last_seen=group.last_at,
        # How many others there are, and whose accounts we use, is not a customer's.
        accounts=group.accounts if staff else None,
        routes=list(group.routes) if staff else None,
        charged=ChargedView(yes=group.charged.yes, no=group.charged.no, unknown=group.charged.unknown),
    )


def case_view(case: Case, *, staff: bool) -> CaseView:
    """A case as its customer sees it, or as staff does."""
    failure = case.failure
    return CaseView(
        task=task_id_text(case.id),
        failed_at=case.at,
        account=case.account,
        route=case.route if staff else None,
        model=case.model,
        upstream=UpstreamWords(
            status=failure.status,
            code=failure.code,
            message=failure.message if staff else without_addresses(failure.message),
            request_id=failure.request_id,
        ),
        spent=case.spent,
    )


def change_views(changes: Sequence[Row]) -> list[ChangeView]:
    """What was said of a group, for staff."""
    return [
        ChangeView.model_validate({name: row[name] for name in ChangeView.model_fields}) for row in changes
    ]
