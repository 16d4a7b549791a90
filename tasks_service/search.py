"""One box for everything: what was pasted, what it was understood as, and the tasks that it leads to.

Ids come first, by equality. A key leads to its tasks. What names nothing is words. Words that many tasks have
are found among the newest, words that few have by the index; what is not in the index yet is read through.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from schemas.pasted import Pasted, like, read_pasted
from schemas.refusals import SecretPasted
from schemas.task import Task
from schemas.whole_keys import complete_key
from tasks_service.ledger.filters import Filters
from tasks_service.ledger.ledger import Ledger

_NEWEST = 2000
_AT_ONCE = 1000
_MOST_UNDERSTOOD = 20


@dataclass(frozen=True, slots=True)
class Understood:
    """One thing that was recognised; `what` is task_id, upstream_id, …, key, words."""

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class Found:
    """The tasks, the newest first, and how the text was read."""

    tasks: list[Task]
    understood: tuple[Understood, ...]


async def search(ledger: Ledger, text: str, filters: Filters, after: UUID | None, limit: int) -> Found:
    """Tasks that somebody means by a text, narrowed further by filters; below `after`, at most `limit`.

    Raises SecretPasted where a key is in it that is all there: nobody may learn to send one here.
    """
    if key := complete_key(text):
        detail = (
            f"This holds a complete key, {key}. It was not kept: have it revoked, and paste only its ends."
        )
        raise SecretPasted(detail)
    pasted = read_pasted(text)
    named = await ledger.search.named(pasted.tokens, pasted.task_ids, filters.account_id)
    if named:
        understood = [Understood(one.what, one.value) for one in named]
        narrowed = replace(filters, ids=list(dict.fromkeys(one.task_id for one in named)))
        return _found(await ledger.tasks.page(narrowed, after, limit), understood)
    masks = [(mask.head, mask.tail) for mask in pasted.masks]
    keys = await ledger.search.keys(pasted.tokens, masks, filters.account_id)
    if keys:
        # Found among theirs, and of one account: named beside it, PostgreSQL would read all of that.
        of_keys = [replace(filters, account_id=None, key_id=row["id"]) for row in keys]
        pages = [await ledger.tasks.page(one, after, limit) for one in of_keys]
        understood = [Understood("key", row["id"]) for row in keys]
        newest = sorted((task for page in pages for task in page), key=lambda task: task.id, reverse=True)
        return _found(newest[:limit], understood)
    # A masked key of somebody else's stands in an upstream's words.
    words = tuple(mask.text for mask in pasted.masks) or pasted.words
    what = "masked_key" if pasted.masks else "words"
    understood = [*_by_shape(pasted), *(Understood(what, word) for word in words)]
    tasks = await _with_words(ledger, words, filters, after, limit) if words else []
    return _found(tasks, understood)


def _by_shape(pasted: Pasted) -> list[Understood]:
    """What the text itself says that it is, although no task has it."""
    ids = [Understood("task_id", text) for text, _ in pasted.task_ids]
    return ids + [Understood("request_id", text) for text in pasted.labelled]


async def _with_words(
    ledger: Ledger, words: Sequence[str], filters: Filters, after: UUID | None, limit: int
) -> list[Task]:
    patterns = [like(word) for word in words]
    # Where the index has not got yet, nothing is skipped: it is only slower.
    floor = min(await ledger.search.newest(_NEWEST, after, filters.account_id), await ledger.search.reached())
    newest = replace(filters, words=patterns, id_from=max(floor, filters.id_from or floor))
    tasks = await ledger.tasks.page(newest, after, limit)
    grams = await ledger.search.pieces(words) if len(tasks) < limit and floor.int else []
    below = min(floor, after) if after else floor
    while grams and len(tasks) < limit:
        ids = await ledger.search.with_words(grams, patterns, below, filters.account_id, _AT_ONCE)
        if ids:
            tasks += await ledger.tasks.page(replace(filters, ids=ids), None, limit - len(tasks))
        if len(ids) < _AT_ONCE:
            break
        below = ids[-1]
    return tasks


def _found(tasks: list[Task], understood: Sequence[Understood]) -> Found:
    return Found(tasks, tuple(dict.fromkeys(understood))[:_MOST_UNDERSTOOD])
