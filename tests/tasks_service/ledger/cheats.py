"""What somebody with psql might try on a task: `$1`, which is queued and has a story, or has ended."""

ERASE = """
    UPDATE task SET erased_at = now(), request = jsonb_build_object('model', request -> 'model'), pictures = '[]',
        metadata = '{}', external_id = NULL, failure_message = NULL"""
CHEATS = {
    "change a state without an event": "UPDATE task SET state = 'running' WHERE id = $1",
    "move on without an event": "UPDATE task SET state = 'running', seq = seq + 1 WHERE id = $1",
    "point back at an older event": "UPDATE task SET state = 'submitted', seq = 1 WHERE id = $1",
    "skip a number": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 4, 'queued', 'running', 'x', 'x'))
        UPDATE task SET state = 'running', seq = 4 WHERE id = $1""",
    "write an event that moves nothing": """
        INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
        VALUES ($1, 3, 'queued', 'running', 'x', 'x')""",
    "fork the history": """
        INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
        VALUES ($1, 2, 'submitted', 'running', 'x', 'x')""",
    "lie about where it came from": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'running', 'done', 'x', 'x'))
        UPDATE task SET state = 'done', seq = 3 WHERE id = $1""",
    "make an illegal move": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'downloaded', 'x', 'x'))
        UPDATE task SET state = 'downloaded', seq = 3, due_at = NULL WHERE id = $1""",
    "invent a state": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'nearly', 'x', 'x'))
        UPDATE task SET state = 'nearly', seq = 3 WHERE id = $1""",
    "edit an event": "UPDATE task_event SET actor = 'nobody' WHERE task_id = $1",
    "delete an event": "DELETE FROM task_event WHERE task_id = $1 AND seq = 2",
    "delete the task": "DELETE FROM task WHERE id = $1",
    "forget a live task": "UPDATE task SET due_at = NULL WHERE id = $1",
    "fail without a reason": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'failed', 'x', 'x'))
        UPDATE task SET state = 'failed', seq = 3, due_at = NULL WHERE id = $1""",
    "fail and go on": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'failed', 'x', 'x'))
        UPDATE task SET state = 'failed', seq = 3, failure_kind = 'unknown' WHERE id = $1""",
    "park without a time": "UPDATE task SET parked = 'stalled' WHERE id = $1",
    "give it to another": "UPDATE task SET account_id = account_id WHERE id = $1",
    "change what was asked": "UPDATE task SET request = '{}' WHERE id = $1",
    "call it another model": "UPDATE task SET model = 'x' WHERE id = $1",
    "change what its images were": "UPDATE task SET pictures = '[{}]' WHERE id = $1",
    "send it another way": "UPDATE task SET route = 'x' WHERE id = $1",
    "give it to another provider": "UPDATE task SET provider = 'x' WHERE id = $1",
    "make it a video": "UPDATE task SET kind = 'video' WHERE id = $1",
    "say another key asked": "UPDATE task SET key_id = 'x' WHERE id = $1",
    "change its metadata": 'UPDATE task SET metadata = \'{"a": "b"}\' WHERE id = $1',
    "change its external id": "UPDATE task SET external_id = 'x' WHERE id = $1",
    "say more was checked": "UPDATE task SET checked = '{everything}' WHERE id = $1",
    "say less was not checked": "UPDATE task SET not_checked = '{x}' WHERE id = $1",
    "allow a duplicate afterwards": "UPDATE task SET duplicate_allowed = true WHERE id = $1",
    "look at it never": "UPDATE task SET due_at = 'infinity' WHERE id = $1",
    "look at it always": "UPDATE task SET due_at = '-infinity' WHERE id = $1",
    "take a claim back": "UPDATE task SET claim = claim - 1 WHERE id = $1",
    "take an attempt back": "UPDATE task SET attempt = attempt - 1 WHERE id = $1",
    "say that nothing was spent": "UPDATE task SET spend = 'none' WHERE id = $1",
    "doubt a spend that is confirmed": "UPDATE task SET spend = 'unknown' WHERE id = $1",
    "give it another upstream id": "UPDATE task SET upstream_id = 'x' WHERE id = $1",
    "forget its upstream id": "UPDATE task SET upstream_id = NULL WHERE id = $1",
    "forget that its end was asked for": "UPDATE task SET cancel_requested_at = NULL WHERE id = $1",
    "rewrite a time": "UPDATE task SET queued_at = '2020-01-01' WHERE id = $1",
    "say that it ended": "UPDATE task SET finished_at = now() WHERE id = $1",
    "rewrite a time with a move": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'running', 'x', 'x'))
        UPDATE task SET state = 'running', seq = 3, queued_at = '2020-01-01' WHERE id = $1""",
    "change another upstream id with a move": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'running', 'x', 'x'))
        UPDATE task SET state = 'running', seq = 3, upstream_id = 'x' WHERE id = $1""",
    "spend without a name": """
        INSERT INTO spend (task_id, attempt, reference, route, outcome) VALUES ($1, 2, 'a', 'r', 'perhaps')""",
    "delete a spend": "DELETE FROM spend WHERE task_id = $1",
    "say it was never created": "UPDATE spend SET outcome = 'not_created' WHERE task_id = $1",
    "say it is not settled": "UPDATE spend SET outcome = 'intended' WHERE task_id = $1",
    "settle it at another time": "UPDATE spend SET settled_at = now() WHERE task_id = $1",
    "let another task have spent it": "UPDATE spend SET task_id = uuidv7() WHERE task_id = $1",
    "edit a call": "UPDATE upstream_call SET body = 'all is well' WHERE task_id = $1",
    "count fewer calls": "UPDATE upstream_call SET repeats = repeats - 1 WHERE task_id = $1",
    "delete a call": "DELETE FROM upstream_call WHERE task_id = $1",
    "edit a note": "UPDATE task_note SET reason = 'x' WHERE task_id = $1",
    "edit an artifact": "UPDATE artifact SET bytes = 1 WHERE task_id = $1",
    "erase what is not over": f"{ERASE} WHERE id = $1",
    "take its content without an erasure": "UPDATE task SET request = '{}', metadata = '{}' WHERE id = $1",
    "take the words of a call": "UPDATE upstream_call SET body = NULL WHERE task_id = $1",
    "take the words of a note": "UPDATE task_note SET detail = NULL WHERE task_id = $1",
    "take the words of an event": "UPDATE task_event SET detail = NULL WHERE task_id = $1",
    "begin without content": """
        INSERT INTO task SELECT (jsonb_populate_record(t, jsonb_build_object('id', uuidv7(), 'erased_at', now()))).*
        FROM task t WHERE id = $1""",
    "add a move to the lifecycle": "INSERT INTO lifecycle SELECT 'failed', 'queued' WHERE $1::uuid IS NOT NULL",
    "change the lifecycle": "UPDATE lifecycle SET to_state = to_state WHERE $1::uuid IS NOT NULL",
    "take a move from the lifecycle": """
        DELETE FROM lifecycle WHERE to_state = 'downloaded' AND $1::uuid IS NOT NULL""",
}
AFTER_THE_END = {
    "invent a reason": "UPDATE task SET failure_message = 'x' WHERE id = $1",
    "invent a code": "UPDATE task SET failure_code = 'x' WHERE id = $1",
    "end it later": "UPDATE task SET finished_at = now() WHERE id = $1",
    "fetch it later": "UPDATE task SET downloaded_at = now() WHERE id = $1",
    "queue it later": "UPDATE task SET queued_at = now() WHERE id = $1",
    "say how far it was": "UPDATE task SET progress = 1 WHERE id = $1",
    "keep its files longer": "UPDATE task SET result_expires_at = now() WHERE id = $1",
    "ask for its end": "UPDATE task SET cancel_requested_at = now() WHERE id = $1",
    "claim it": "UPDATE task SET claim = claim + 1 WHERE id = $1",
    "spend on it": "UPDATE task SET attempt = attempt + 1 WHERE id = $1",
    "look at it again": "UPDATE task SET due_at = now() WHERE id = $1",
}

AFTER_THE_END |= {
    "erase a part of it": "UPDATE task SET erased_at = now() WHERE id = $1",
    "erase it but for its metadata": ERASE.replace("metadata = '{}'", 'metadata = \'{"a": "b"}\'')
    + " WHERE id = $1",
    "erase it and say something else": ERASE.replace(
        "jsonb_build_object('model', request -> 'model')", "jsonb_build_object('model', 'x', 'prompt', 'y')"
    )
    + " WHERE id = $1",
    "erase it and its digest": f"{ERASE}, request_sha256 = '\\x00' WHERE id = $1",
    "erase it and what became of it": f"{ERASE}, failure_kind = NULL, failure_code = NULL WHERE id = $1",
    "erase it and wake it": f"{ERASE}, due_at = now() WHERE id = $1",
    "blank its events only": "UPDATE task_event SET detail = NULL WHERE task_id = $1",
}
AFTER_ERASURE = {
    "take the erasure back": "UPDATE task SET erased_at = NULL WHERE id = $1",
    "erase it again": f"{ERASE} WHERE id = $1",
    "give it a request": 'UPDATE task SET request = \'{"model": "m", "prompt": "x"}\' WHERE id = $1',
    "give it metadata": 'UPDATE task SET metadata = \'{"a": "b"}\' WHERE id = $1',
    "give it another name": "UPDATE task SET external_id = 'x' WHERE id = $1",
    "give it images": "UPDATE task SET pictures = '[{}]' WHERE id = $1",
    "say why it failed": "UPDATE task SET failure_message = 'x' WHERE id = $1",
    "put words into an event": "UPDATE task_event SET detail = 'x' WHERE task_id = $1",
    "put words into a call": "UPDATE upstream_call SET body = 'x' WHERE task_id = $1",
    "put words into a note": "UPDATE task_note SET detail = 'x' WHERE task_id = $1",
    "forget a call": "DELETE FROM upstream_call WHERE task_id = $1",
    "forget an event": "DELETE FROM task_event WHERE task_id = $1",
    "forget a note": "DELETE FROM task_note WHERE task_id = $1",
    "forget a file": "DELETE FROM artifact WHERE task_id = $1",
    "forget what was spent": "DELETE FROM spend WHERE task_id = $1",
    "forget the task": "DELETE FROM task WHERE id = $1",
    "say somebody else did it": "UPDATE task_event SET actor = 'x', detail = NULL WHERE task_id = $1",
    "forget the digest of an answer": "UPDATE upstream_call SET answer_sha256 = NULL, body = NULL WHERE task_id = $1",
}
