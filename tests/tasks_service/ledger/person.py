"""What a person says about tasks, and what is on record of it."""

from tasks_service.ledger.decisions import Said

SAID = Said("person:k1", "seen in the console")


async def decisions(ledger, task):
    return [
        (note["actor"], note["reason"], note["detail"])
        for note in await ledger.history.notes(task.id)
        if note["type"] == "decision"
    ]
