-- keep: an account has this image; it may have had it before
WITH kept AS (
    INSERT INTO reference_image (account_id, sha256, type, bytes, width, height)
    VALUES (:account_id, :sha256, :type, :bytes, :width, :height)
    ON CONFLICT (account_id, sha256) DO NOTHING
    RETURNING created_at
)
SELECT created_at, true AS new FROM kept
UNION ALL
SELECT created_at, false FROM reference_image WHERE account_id = :account_id AND sha256 = :sha256
LIMIT 1;

-- known: which of these images an account has
SELECT sha256, type, bytes, width, height, created_at FROM reference_image
WHERE account_id = :account_id AND sha256 = ANY(:sha256s::bytea[]);
