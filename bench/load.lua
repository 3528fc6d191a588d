-- Sends the requests of a file one after the other, and prints what wrk counted as one line of JSON.
--
--   wrk ... --script load.lua URL -- FILE FIRST [PAUSE]
--
-- FILE has whole HTTP requests, each behind its length in bytes and a line feed; after the last comes the first again.
-- FIRST is the number of the one to begin with. PAUSE is how many milliseconds each connection waits before a request.

local requests, number, pause = {}, 0, nil

function init(args)
   local file = assert(io.open(args[1], "rb"))
   local all = file:read("*a")
   file:close()
   local at = 1
   while at <= #all do
      local stop = all:find("\n", at, true)
      local length = tonumber(all:sub(at, stop - 1))
      requests[#requests + 1] = all:sub(stop + 1, stop + length)
      at = stop + length + 1
   end
   number = tonumber(args[2])
   if args[3] then
      pause = tonumber(args[3])
      delay = function() return pause end
   end
end

function request()
   number = number + 1
   return requests[(number - 1) % #requests + 1]
end

function done(summary, latency, _)
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "microseconds": %d, "refused": %d, "failed": %d, "p50": %d, "p99": %d, "max": %d}\n',
      summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50), latency:percentile(99), latency.max))
end
