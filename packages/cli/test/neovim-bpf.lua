-- Runs in headless Neovim: a session of fixtures/programs/bpfload by the keys of the configuration. Arguments by
-- environment: PLUGIN (directory of probelens.lua), DAP (directory of the module dap), COMMAND (JSON list), FILE, LINE
-- (of the function to probe), PROGRAM, DELVE, KEYS (JSON: action -> keys as the table has them). Writes one JSON object a
-- line to stdout.
local limit = 40000
local keys = vim.json.decode(vim.env.KEYS)

local function report(name, value)
  io.stdout:write('\n' .. vim.json.encode { name = name, value = value } .. '\n')
end

local function press(key)
  local typed = key:gsub('<leader>', '\\')
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(typed, true, true, true), 'x', false)
end

local function wait(what, condition)
  if not vim.wait(limit, condition, 20) then
    error('waited in vain for ' .. what)
  end
end

local stops, over = {}, false

local function next_stop()
  wait('a stop', function()
    return over or #stops > 0
  end)
  return table.remove(stops, 1)
end

local function ask(command, arguments)
  local answer
  require('dap').session():request(command, arguments, function(problem, body)
    answer = { body = body, problem = problem and problem.message }
  end)
  wait('the answer to ' .. command, function()
    return answer
  end)
  return answer.body or error(command .. ': ' .. tostring(answer.problem))
end

-- Where the program stands: stack, and the variables of the scope eBPF.
local function place(stop)
  local frames = ask('stackTrace', { threadId = stop.threadId }).stackFrames
  local values = {}
  for _, scope in ipairs(ask('scopes', { frameId = frames[1].id }).scopes) do
    if scope.name == 'eBPF' then
      for _, variable in ipairs(ask('variables', { variablesReference = scope.variablesReference }).variables) do
        values[variable.name] = variable.value
      end
    end
  end
  return {
    reason = stop.reason,
    description = stop.description,
    values = values,
    stack = vim.tbl_map(function(frame)
      return frame.name
    end, frames),
  }
end

-- What the session was asked since the last look.
local asked = {}
local function requests()
  local seen = asked
  asked = {}
  return seen
end

-- A load that a signal interrupted is made again, and stands before the system call once more.
local function until_stop(description)
  while true do
    local stop = next_stop()
    if not stop or stop.description == description then
      return stop and place(stop)
    end
    press '<F5>'
  end
end

-- The window that something opens, which is closed again.
local function window(action)
  local home = vim.api.nvim_get_current_win()
  action()
  local opened
  wait('a window', function()
    for _, each in ipairs(vim.api.nvim_list_wins()) do
      if each ~= home and vim.bo[vim.api.nvim_win_get_buf(each)].buftype == 'nofile' then
        opened = each
      end
    end
    return opened
  end)
  local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(opened), 0, -1, false)
  vim.api.nvim_set_current_win(opened)
  press 'q'
  vim.api.nvim_set_current_win(home)
  return lines
end

local function mapped(lhs)
  return vim.fn.mapcheck(lhs, 'n') ~= ''
end

local function run()
  package.path = table.concat({ vim.env.PLUGIN .. '/?.lua', vim.env.DAP .. '/?.lua', vim.env.DAP .. '/?/init.lua', package.path }, ';')
  local dap = require 'dap'
  require('probelens').setup { command = vim.json.decode(vim.env.COMMAND) }
  dap.defaults.probelens.exception_breakpoints = { 'bpf-load', 'bpf-refused' }
  dap.listeners.after.event_stopped.test = function(_, stop)
    table.insert(stops, stop)
  end
  dap.listeners.after.event_terminated.test = function()
    over = true
  end
  local output = ''
  dap.listeners.after.event_output.test = function(_, event)
    output = output .. (event.output or '')
  end
  local said
  vim.notify = function(text)
    said = text
  end
  local function says(keys)
    said = nil
    press(keys)
    wait('a message after ' .. keys, function()
      return said
    end)
    return said
  end

  vim.cmd('edit ' .. vim.env.FILE)
  vim.bo.filetype = 'go'
  local buffer = vim.api.nvim_get_current_buf()
  dap.run {
    type = 'probelens',
    request = 'launch',
    name = 'bpf',
    mode = 'exec',
    program = vim.env.PROGRAM,
    delve = vim.env.DELVE,
    args = { '-via', 'syscall', '-log', '1', 'leaked', 'two-maps', 'xdp', 'socket-filter' },
  }
  local session = dap.session()
  local request = session.request
  session.request = function(self, command, ...)
    table.insert(asked, command)
    return request(self, command, ...)
  end
  report('before', until_stop 'BPF program load')
  wait('the keys', function()
    return mapped '<M-l>'
  end)
  report('no verdict yet', says '<M-l>')
  press '<F5>'
  report('refused', until_stop 'BPF program refused')
  for _, action in ipairs { 'verifier_summary', 'goroutines_and_crash' } do
    for _, key in ipairs(keys[action]) do
      requests()
      local lines = window(function()
        press(key)
      end)
      report(key, { lines = lines, requests = requests() })
    end
  end
  press '<F5>'
  report('loaded', until_stop 'BPF program loaded')

  -- From here on only by the key; each is for one program.
  dap.set_exception_breakpoints {}
  local last = 'two_maps'
  for _, key in ipairs(keys.pause_at_next_load) do
    local message, first, lines, stop
    repeat
      requests()
      message = says(key)
      first = requests()
      lines = window(function()
        press '<F5>'
      end)
      stop = until_stop 'BPF program load'
    until not stop or stop.values.name ~= last
    last = stop.values.name
    report(key, { message = message, requests = first, lines = lines, stop = stop })
  end

  -- The probe under the cursor, in the session that stands.
  local function lens()
    for _, each in ipairs(vim.lsp.codelens.get(buffer)) do
      if each.range.start.line + 1 == tonumber(vim.env.LINE) then
        return each.command and each.command.title
      end
    end
  end
  local function wait_for_lens(pattern)
    wait('the lens ' .. pattern, function()
      if #vim.lsp.buf_get_clients(buffer) > 0 then
        vim.lsp.codelens.refresh()
      end
      return (lens() or ''):find(pattern)
    end)
    return lens()
  end
  vim.cmd('edit ' .. vim.env.FILE)
  wait_for_lens 'probe this function'
  vim.api.nvim_win_set_cursor(0, { tonumber(vim.env.LINE) + 1, 0 })
  for _, key in ipairs(keys['lens_keys.probe']) do
    press(key)
    -- It is on its way to the session when the lens says so first.
    local probes
    repeat
      probes = ask('evaluate', { expression = 'probes', context = 'repl' }).result
    until probes:find('main.systemCall do count', 1, true)
    local title = wait_for_lens '^probed'
    press(key)
    report(key, { title = title, probes = probes, afterwards = wait_for_lens 'probe this function' })
  end

  press '<F5>'
  until_stop 'the end'
  wait('the keys to go', function()
    return not mapped '<M-l>' and not mapped '<C-S-b>' and not mapped '<C-t>'
  end)
  report('output', output)
end

local ok, problem = pcall(run)
if not ok then
  report('problem', problem)
end
for _, client in pairs(vim.lsp.get_active_clients()) do
  client.stop()
end
vim.cmd 'qall!'
