-- One worker tells how much it wants and uses of each route, and hears its share. What all hold together is never
-- more than the limit: nobody is given what another still holds or uses.
-- KEYS: a route's hash of its workers. ARGV: worker, ms until a silent worker is forgotten, then for each route its
-- limit, what the worker wants, what it uses, and for how many ms the upstream has just asked for quiet.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local me, stale, answer = ARGV[1], tonumber(ARGV[2]), {}
for number, key in ipairs(KEYS) do
    local at = 4 * number - 1
    local limit, want, busy = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local held, wanted, alive, hungry = 0, want, 1, {}
    if want > 0 then hungry[1] = me end
    local entries = redis.call('HGETALL', key)
    for n = 1, #entries, 2 do
        local granted, wants, seen = string.match(entries[n + 1], '^(%d+) (%d+) (%d+)$')
        if entries[n] ~= me then
            if not seen or now - seen > stale then
                redis.call('HDEL', key, entries[n])
            else
                held, wanted, alive = held + granted, wanted + wants, alive + 1
                if tonumber(wants) > 0 then table.insert(hungry, entries[n]) end
            end
        end
    end
    local fair = 0
    if want > 0 and #hungry > limit then
        -- fewer places than workers: they take turns, two seconds each
        table.sort(hungry)
        for place, worker in ipairs(hungry) do
            if worker == me and (place + math.floor(now / 2000)) % #hungry < limit then fair = 1 end
        end
    elseif want > 0 then
        fair = math.max(1, math.floor(limit * want / wanted))
    end
    local granted = math.max(math.min(fair, limit - held), busy)
    redis.call('HSET', key, me, string.format('%d %d %d', granted, want, now))
    redis.call('PEXPIRE', key, 20 * stale)
    local quiet, quiet_key = tonumber(ARGV[at + 3]), key .. ':quiet'
    if quiet > math.max(redis.call('PTTL', quiet_key), 0) then redis.call('SET', quiet_key, 1, 'PX', quiet) end
    answer[number] = { granted, alive, wanted, math.max(redis.call('PTTL', quiet_key), 0) }
end
return answer
