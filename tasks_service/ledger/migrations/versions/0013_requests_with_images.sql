-- A library that repeats a request with image addresses must find the first one, whatever the addresses show by then:
-- the fingerprint is made of the bytes, so it cannot help. Few tasks have images, and only those are in it.
CREATE INDEX task_by_request ON task (account_id, request_sha256) WHERE pictures <> '[]';
