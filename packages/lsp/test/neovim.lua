-- Runs in headless Neovim. Arguments by environment: PLUGIN (directory of probelens.lua), COMMAND (JSON list), FILE,
-- LINE (of the function to probe). Writes one JSON object a line to stdout.
local function report(name, value)
  -- Messages of the server come without a line end.
  io.stdout:write('\n' .. vim.json.encode { name = name, value = value } .. '\n')
end

local function run()
  package.path = vim.env.PLUGIN .. '/?.lua;' .. package.path
  -- A stand-in for nvim-dap: the tables that configurations write to, no debugger.
  local called = {}
  local function nested()
    return setmetatable({}, {
      __index = function(table, key)
        local new = {}
        rawset(table, key, new)
        return new
      end,
    })
  end
  package.loaded.dap = {
    adapters = {},
    configurations = {},
    defaults = nested(),
    listeners = { after = nested(), before = nested() },
    continue = function()
      table.insert(called, 'continue')
    end,
    run = function(configuration)
      table.insert(called, 'run ' .. configuration.name)
    end,
    session = function()
      local answers = {
        ['probelens/pauseAtNextLoad'] = {},
        ['probelens/verifierSummary'] = { line = 'xdp refused', details = { 'R1 is no pointer' } },
        threads = { threads = { { id = 1, name = '[Go 1] main.main' }, { id = 7, name = '[Go 7] main.worker' } } },
        exceptionInfo = { exceptionId = 'panic', description = 'boom' },
        stackTrace = { stackFrames = { { name = 'main.f', line = 3, source = { path = '/f.go' } } } },
      }
      return {
        stopped_thread_id = 7,
        request = function(_, command, _, done)
          done(nil, answers[command])
        end,
      }
    end,
  }
  vim.keymap.set('n', '<F5>', ':let g:mine = get(g:, "mine", 0) + 1<CR>', { silent = true })

  require('probelens').setup { command = vim.json.decode(vim.env.COMMAND), settings = { binary = vim.env.BINARY } }
  vim.cmd('edit ' .. vim.env.FILE)
  vim.bo.filetype = 'go'
  local buffer = vim.api.nvim_get_current_buf()

  local function titles()
    local found = {}
    for _, lens in ipairs(vim.lsp.codelens.get(buffer)) do
      table.insert(found, (lens.range.start.line + 1) .. ': ' .. (lens.command and lens.command.title or ''))
    end
    return found
  end
  local function wait_for(pattern)
    return vim.wait(60000, function()
      -- Refreshing before the server has started blocks refreshing for good (runtime/lua/vim/lsp/codelens.lua, 0.7.2).
      if #vim.lsp.buf_get_clients(buffer) > 0 then
        vim.lsp.codelens.refresh()
      end
      return table.concat(titles(), '\n'):find(pattern) ~= nil
    end, 100)
  end

  wait_for 'probe this function'
  report('lenses', titles())
  vim.wait(60000, function()
    return #vim.diagnostic.get(buffer) > 0
  end)
  local found = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(buffer)) do
    table.insert(found, diagnostic.message)
  end
  report('diagnostics', found)

  vim.api.nvim_win_set_cursor(0, { tonumber(vim.env.LINE), 0 })
  vim.lsp.codelens.run()
  report('counting', wait_for 'probed %- 1,234 hits')
  report('lenses', titles())

  -- The code action is the lens's twin: here it takes the probe back.
  local offered = {}
  vim.ui.select = function(items, options, choose)
    for _, item in ipairs(items) do
      local title = options.format_item(item)
      table.insert(offered, title)
    end
    choose(items[1])
  end
  vim.lsp.buf.code_action()
  report('taken back', wait_for(vim.env.LINE .. ': probe this function'))
  report('actions', offered)

  -- The same by one key, and the timeline in a window.
  vim.api.nvim_win_set_cursor(0, { tonumber(vim.env.LINE) + 2, 3 })
  local function type_keys(keys)
    vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, true, true), 'x', false)
  end
  type_keys '\\pk'
  report('armed by a key', wait_for('probed %- 1,234 hits'))
  type_keys '<C-S-k>'
  report('taken back by a key', wait_for(vim.env.LINE .. ': probe this function'))
  vim.cmd 'ProbelensProbe main.price if o.Qty == 0'
  report('armed by text', wait_for('probed %- 1,234 hits'))
  type_keys '\\pk'
  report('taken back again', wait_for(vim.env.LINE .. ': probe this function'))
  type_keys '\\pt'
  vim.wait(60000, function()
    return vim.api.nvim_get_current_buf() ~= buffer
  end)
  report('timeline', vim.api.nvim_buf_get_lines(0, 0, -1, false))
  type_keys 'q'
  report('timeline closed', vim.api.nvim_get_current_buf() == buffer)

  -- The session's keys come and go.
  local dap = package.loaded.dap
  report('adapter', dap.adapters.probelens)
  report('auto_continue', dap.defaults.probelens.auto_continue_if_many_stopped)
  report('types', vim.tbl_map(function(configuration)
    return configuration.type
  end, dap.configurations.go))
  local function press(key)
    vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(key, true, true, true), 'x', false)
  end
  local session = { config = { type = 'probelens' }, on_close = {} }
  dap.listeners.after.event_initialized.probelens { config = { type = 'other' }, on_close = {} }
  dap.listeners.after.event_initialized.probelens(session)
  vim.wait(60000, function()
    return vim.fn.mapcheck('<F11>', 'n') ~= ''
  end)
  press '<F5>'
  press '\\dc'
  report('while it runs', vim.deepcopy(called))

  -- What only this adapter is asked, by the keys of a session.
  local function shown_by(key)
    press(key)
    vim.wait(60000, function()
      return vim.api.nvim_get_current_buf() ~= buffer
    end)
    local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
    press 'q'
    return lines
  end
  report('verifier', shown_by '<M-l>')
  report('goroutines', shown_by '<C-t>')
  local said
  local notify = vim.notify
  vim.notify = function(text)
    said = text
  end
  press '<C-S-b>'
  vim.wait(60000, function()
    return said ~= nil
  end)
  vim.notify = notify
  report('next load', said)
  session.on_close.probelens()
  vim.wait(60000, function()
    return vim.fn.mapcheck('<F11>', 'n') == ''
  end)
  press '<F5>'
  press '\\dT'
  report('tests', table.remove(called))
  report('afterwards', { mine = vim.g.mine or 0, f11 = vim.fn.mapcheck('<F11>', 'n'), called = #called })

  -- Keys of a session by what they run now; "" where nothing is mapped.
  local session_keys = vim.tbl_keys(require('probelens').options.session_keys)
  table.sort(session_keys)
  local function keys()
    local found = {}
    for _, lhs in ipairs(session_keys) do
      table.insert(found, lhs .. ': ' .. (vim.fn.maparg(lhs, 'n', false, true).desc or ''))
    end
    return found
  end
  local before = keys()
  -- A real adapter, killed: nvim-dap closes the session in the callback that tells of the process's end.
  local command = vim.json.decode(vim.env.COMMAND)
  local program = table.remove(command, 1)
  table.insert(command, 'dap')
  local killed = { config = { type = 'probelens' }, on_close = {} }
  local adapter
  adapter = vim.loop.spawn(program, { args = command, stdio = { vim.loop.new_pipe(), vim.loop.new_pipe(), nil } }, function()
    adapter:close()
    for _, on_close in pairs(killed.on_close) do
      on_close(killed)
    end
  end)
  dap.listeners.after.event_initialized.probelens(killed)
  vim.wait(60000, function()
    return not vim.deep_equal(keys(), before)
  end)
  local with_adapter = {}
  for _, lhs in ipairs(session_keys) do
    with_adapter[lhs] = vim.fn.maparg(lhs, 'n', false, true).desc or ''
  end
  report('with an adapter', with_adapter)
  -- What is mapped meanwhile stays.
  vim.keymap.set('n', '<F9>', ':let g:nine = 9<CR>', { silent = true })
  adapter:kill 'sigkill'
  local gone = vim.wait(60000, function()
    return vim.fn.mapcheck('<F11>', 'n') == ''
  end)
  press '<F5>'
  press '<F9>'
  report('after it was killed', { gone = gone, mine = vim.g.mine, nine = vim.g.nine, called = #called })
  vim.keymap.del('n', '<F9>')
  before = vim.tbl_filter(function(key) return key:sub(1, 4) ~= '<F9>' end, before)
  local now = vim.tbl_filter(function(key) return key:sub(1, 4) ~= '<F9>' end, keys())
  report('keys before', before)
  report('keys after it was killed', now)
end

local ok, problem = pcall(run)
if not ok then
  report('problem', problem)
end
for _, client in pairs(vim.lsp.get_active_clients()) do
  client.stop()
end
vim.cmd 'qall!'
