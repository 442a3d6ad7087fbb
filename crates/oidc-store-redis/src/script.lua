-- Every operation of the contract on one record: read, decided and written with nobody in between, by the server's clock.
--
-- KEYS[1]: the record, a hash. ARGV[1]: the operation. ARGV[2..]: its arguments; an empty one stands for "none".
-- Returns what happened, a time in milliseconds, and the record as it is then.

local FIELDS = {
  'counter', 'tag', 'login', 'payload', 'attempt', 'base_counter', 'base_tag', 'deadline', 'doubt', 'rejected', 'not_before'
}

local key, operation = KEYS[1], ARGV[1]

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- Numbers are kept as decimal text: Lua would write large ones in another form.
local function text(number)
  return string.format('%.0f', number)
end

local record = {}
local values = redis.call('HMGET', key, unpack(FIELDS))
for index, name in ipairs(FIELDS) do
  record[name] = values[index]
end
local exists = redis.call('EXISTS', key) == 1

-- What was never written has the revision that stands for that.
local counter = record.counter or '0'
local tag = record.tag or ARGV[2]
local NIL = ARGV[2]

local function reply(what, milliseconds)
  local answer = { what, milliseconds or 0, exists and 1 or 0 }
  for index, name in ipairs(FIELDS) do
    answer[index + 3] = record[name] or false
  end
  return answer
end

local function is_at(other_counter, other_tag)
  return counter == other_counter and tag == other_tag
end

local function set(name, value)
  record[name] = value
  if value then
    redis.call('HSET', key, name, value)
  else
    redis.call('HDEL', key, name)
  end
  exists = true
end

local function clear_claim()
  set('attempt', false)
  set('base_counter', false)
  set('base_tag', false)
  set('deadline', false)
end

local function in_doubt()
  if not record.doubt then
    return false
  end
  local apart = tonumber(counter) - tonumber(record.doubt)
  return apart == 0 or apart == 1
end

local operations = {}

function operations.load()
  return reply('loaded')
end

-- expected counter and tag, new counter, login, payload
function operations.put(expected_counter, expected_tag, new_counter, login, payload)
  if not is_at(expected_counter, expected_tag) then
    return reply('superseded')
  end
  redis.call('DEL', key)
  record = {}
  set('counter', new_counter)
  set('tag', login)
  set('login', login)
  set('payload', payload)
  return reply('done')
end

-- counter and tag that the caller has seen, attempt, ttl
function operations.begin(seen_counter, seen_tag, attempt, ttl)
  if record.rejected then
    return reply('dead')
  end
  if seen_counter ~= '' and not is_at(seen_counter, seen_tag) and tonumber(counter) >= tonumber(seen_counter) then
    return reply('newer')
  end
  local own = record.attempt == attempt
  local ran_out = false
  if record.attempt and not own then
    local left = tonumber(record.deadline) - now
    if left > 0 then
      return reply('busy', left)
    end
    ran_out = true
  end
  local wait = record.not_before and tonumber(record.not_before) - now or 0
  if wait > 0 and not own then
    if ran_out then
      record.doubt = counter
    end
    return reply('not yet', wait)
  end
  if ran_out then
    set('doubt', counter)
  end
  -- A hash without fields would be no record any more when the claim ends.
  set('counter', counter)
  set('tag', tag)
  set('attempt', attempt)
  set('base_counter', counter)
  set('base_tag', tag)
  set('deadline', text(now + tonumber(ttl)))
  return reply(in_doubt() and 'doubt' or 'held')
end

-- attempt, counter and tag of the lease, ttl
function operations.renew(attempt, base_counter, base_tag, ttl)
  if record.attempt ~= attempt or not is_at(base_counter, base_tag) then
    return reply('lost')
  end
  set('deadline', text(now + tonumber(ttl)))
  return reply('held')
end

-- attempt, counter and tag of the lease, new counter, payload
function operations.commit(attempt, base_counter, base_tag, new_counter, payload)
  if not is_at(base_counter, base_tag) then
    return reply('superseded')
  end
  set('counter', new_counter)
  set('tag', attempt)
  set('payload', payload)
  set('rejected', false)
  set('not_before', false)
  if record.attempt == attempt then
    clear_claim()
  end
  redis.call('PERSIST', key)
  return reply('done')
end

-- attempt, counter and tag of the lease, outcome, how long nobody refreshes
function operations.abandon(attempt, base_counter, base_tag, outcome, retry_in)
  if not exists then
    return reply('done')
  end
  if record.attempt == attempt then
    clear_claim()
  end
  if is_at(base_counter, base_tag) then
    if retry_in ~= '' then
      -- A longer pause that somebody else was told of still counts.
      local told = record.not_before and tonumber(record.not_before) or 0
      set('not_before', text(math.max(told, now + tonumber(retry_in))))
    end
    if outcome == 'unknown' then
      set('doubt', counter)
    elseif outcome == 'grant_rejected' and in_doubt() then
      set('rejected', 'refresh_outcome_unknown')
    elseif outcome ~= 'not_sent' then
      set('rejected', outcome)
    end
  end
  return reply('done')
end

-- new tag, how long a tombstone is kept
function operations.remove(new_tag, keep)
  local login = record.login
  local following = text(tonumber(counter) + 1)
  redis.call('DEL', key)
  record = {}
  set('counter', following)
  set('tag', new_tag)
  if login then
    set('login', login)
  end
  if keep ~= '' then
    redis.call('PEXPIRE', key, keep)
  end
  return reply('done')
end

return operations[operation](unpack(ARGV, 3))
