-- Take or peek at one limit as memory.py does, in one step and by the store's clock. All times are microseconds.
-- KEYS[1]  the times of the attempts that still count, oldest first
-- ARGV     events, window, first and longest delay (0 and 0: no backoff), most doublings, 1 to take and 0 to peek
-- Returns  {1, the time that was counted}, or {0, how long to wait}

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local events, window, first, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local most_doublings, takes = tonumber(ARGV[5]), ARGV[6] == '1'

local counted = {}
for index, at in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    counted[index] = tonumber(at)
    if counted[index] > now then
        -- The clock was set back. Left as it is, this attempt would count until the clock gets there again.
        counted[index] = now
        redis.call('LSET', KEYS[1], index - 1, string.format('%.0f', now))
    end
end

local function used_up_with_backoff()
    return first > 0 and #counted >= events
end

local function delay()
    return math.min(first * 2 ^ (#counted - events), longest)
end

local oldest = 1
if not used_up_with_backoff() then
    while oldest <= #counted and now - counted[oldest] >= window do
        oldest = oldest + 1
    end
elseif now - counted[#counted] - delay() >= window then
    oldest = #counted + 1
else
    -- All count until it has been quiet, or the delay would never grow past what fits into the window.
    oldest = math.max(1, #counted - events - most_doublings + 1)
end
counted = {unpack(counted, oldest)}

if #counted >= events then
    local opens = first > 0 and counted[#counted] + delay() or counted[#counted - events + 1] + window
    if opens > now then
        return {0, opens - now}
    end
end
if takes then
    -- First what a full memory refuses: behind another write it would be let through.
    redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
    redis.call('LTRIM', KEYS[1], oldest - 1, -1)
    table.insert(counted, now)
    local counts_for = window + (used_up_with_backoff() and delay() or 0)
    redis.call('PEXPIRE', KEYS[1], math.ceil(counts_for / 1000))
end
return {1, string.format('%.0f', now)}
