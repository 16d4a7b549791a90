-- ensure_account: the account of that name, made if need be
INSERT INTO account (name) VALUES (:name) ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name RETURNING id;

-- add_key: a new key, of which we keep the digest only
INSERT INTO api_key (id, account_id, role, secret_sha256, head, tail, label)
VALUES (:id, :account_id, :role, :secret_sha256, :head, :tail, :label)
RETURNING created_at;

-- find_keys: who owns keys
SELECT k.id, k.account_id, k.role, k.secret_sha256, k.revoked_at, a.name AS account
FROM api_key k JOIN account a ON a.id = k.account_id WHERE k.id = ANY(:ids::text[]);

-- list_keys: every key, as far as people may see it
SELECT k.id, a.name AS account, k.role, k.head, k.tail, k.label, k.created_at, k.revoked_at
FROM api_key k JOIN account a ON a.id = k.account_id ORDER BY k.created_at, k.id;

-- revoke_key: a key stops working, and whoever remembers it is told; its row stays
WITH revoked AS (
    UPDATE api_key SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL RETURNING id
)
SELECT id, pg_notify('key_revoked', id) FROM revoked;
