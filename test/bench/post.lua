-- wrk's requests: POSTs of one body to the paths of a file in turn. Settings are environment
-- variables: BENCH_PATHS (file, a path a line), BENCH_BODY (file), BENCH_KEY (bearer token),
-- BENCH_PREFER (Prefer header; answers are then told apart), BENCH_DELAY_MS (mean pause of each
-- connection between an answer and its next request).
local requests, turn = {}, 0
local threads = {}
created, others = 0, 0

function setup(thread)
  table.insert(threads, thread)
end

function init()
  local file = io.open(os.getenv("BENCH_BODY"))
  local body = file:read("*a")
  local headers = {["Content-Type"] = "application/json", ["Host"] = wrk.headers["Host"]}
  file:close()
  if os.getenv("BENCH_KEY") then headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY") end
  headers["Prefer"] = os.getenv("BENCH_PREFER")
  for path in io.lines(os.getenv("BENCH_PATHS")) do
    requests[#requests + 1] = wrk.format("POST", path, headers, body)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

local pause_ms = tonumber(os.getenv("BENCH_DELAY_MS") or "0")
if pause_ms > 0 then
  function delay()
    return math.random(0, 2 * pause_ms)
  end
end

if os.getenv("BENCH_PREFER") then
  function response(status)
    if status == 201 then created = created + 1 else others = others + 1 end
  end
end

function done(summary, latency)
  local waited, late = 0, 0
  for _, thread in ipairs(threads) do
    waited = waited + thread:get("created")
    late = late + thread:get("others")
  end
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status,
    e.connect + e.read + e.write + e.timeout, waited, late))
end
