-- Stands where nvim-dap would (0.7.0: lua/dap.lua, lua/dap/session.lua): a debugger's client on the adapter that the
-- configuration names, with the parts that it uses, over pipes and with real messages. A module, like nvim-dap's own.
local M = { adapters = {}, configurations = {} }

local function nested()
  return setmetatable({}, {
    __index = function(table, key)
      local new = {}
      rawset(table, key, new)
      return new
    end,
  })
end
M.defaults = nested()
M.listeners = { after = nested(), before = nested() }

local running = nil

function M.session()
  return running
end

local Session = {}
Session.__index = Session

function Session:send(message)
  self.seq = self.seq + 1
  message.seq = self.seq
  local text = vim.json.encode(message)
  self.input:write(('Content-Length: %d\r\n\r\n%s'):format(#text, text))
  return self.seq
end

function Session:request(command, arguments, done)
  local seq = self:send { type = 'request', command = command, arguments = arguments }
  self.waiting[seq] = done or function() end
end

local function tell(name, ...)
  for _, listener in pairs(M.listeners.after[name]) do
    listener(...)
  end
end

function Session:configure()
  self:request('setExceptionBreakpoints', { filters = M.defaults[self.config.type].exception_breakpoints or {} }, function()
    self:request('configurationDone', vim.empty_dict())
  end)
end

function Session:close()
  if running == self then
    running = nil
  end
  for _, on_close in pairs(self.on_close) do
    on_close(self)
  end
  self.on_close = {}
end

function Session:event(event)
  local body = event.body or {}
  if event.event == 'initialized' then
    self:configure()
  elseif event.event == 'stopped' then
    self.stopped_thread_id = body.threadId
  elseif event.event == 'terminated' then
    self:close()
  end
  tell('event_' .. event.event, self, body)
end

function Session:take(message)
  if message.type == 'event' then
    return self:event(message)
  end
  local done = self.waiting[message.request_seq]
  self.waiting[message.request_seq] = nil
  if done then
    local problem = not message.success and { message = message.message } or nil
    done(problem, message.success and message.body or nil)
  end
end

function Session:read(bytes)
  self.buffer = self.buffer .. bytes
  while true do
    local start, stop, length = self.buffer:find 'Content%-Length: (%d+)\r\n\r\n'
    if not start or #self.buffer < stop + tonumber(length) then
      return
    end
    local text = self.buffer:sub(stop + 1, stop + tonumber(length))
    self.buffer = self.buffer:sub(stop + tonumber(length) + 1)
    local message = vim.json.decode(text)
    vim.schedule(function()
      self:take(message)
    end)
  end
end

function M.run(config)
  local adapter = M.adapters[config.type]
  local input, output = vim.loop.new_pipe(false), vim.loop.new_pipe(false)
  local session = setmetatable({ config = config, input = input, seq = 0, waiting = {}, on_close = {}, buffer = '' }, Session)
  local process
  process = vim.loop.spawn(adapter.command, { args = adapter.args, stdio = { input, output, nil } }, function()
    process:close()
    session.is_gone = true
    session:close()
  end)
  output:read_start(function(_, bytes)
    if bytes then
      session:read(bytes)
    end
  end)
  running = session
  M.last = session
  session:request('initialize', { clientID = 'neovim', adapterID = config.type, pathFormat = 'path' }, function(_, body)
    session.capabilities = body
    -- nvim-dap tells of `initialized` by its event; here too, which comes after the launch.
    session:request(config.request, config, function(problem)
      session.problem = problem
    end)
  end)
end

function M.continue()
  local session = running
  local thread = session.stopped_thread_id
  session.stopped_thread_id = nil
  session:request('continue', { threadId = thread })
end

function M.terminate()
  running:request('terminate', vim.empty_dict())
end

function M.set_exception_breakpoints(filters)
  running:request('setExceptionBreakpoints', { filters = filters })
end

return M
