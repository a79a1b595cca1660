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
  }
  vim.keymap.set('n', '<F5>', ':let g:mine = 1<CR>', { silent = true })

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
    return vim.wait(15000, function()
      -- Refreshing before the server has started blocks refreshing for good (runtime/lua/vim/lsp/codelens.lua, 0.7.2).
      if #vim.lsp.buf_get_clients(buffer) > 0 then
        vim.lsp.codelens.refresh()
      end
      return table.concat(titles(), '\n'):find(pattern) ~= nil
    end, 100)
  end

  wait_for 'probe this function'
  report('lenses', titles())
  vim.wait(5000, function()
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
  vim.wait(100, function()
    return vim.fn.mapcheck('<F11>', 'n') ~= ''
  end)
  press '<F5>'
  report('while it runs', called)
  session.on_close.probelens()
  vim.wait(100, function()
    return vim.fn.mapcheck('<F11>', 'n') == ''
  end)
  press '<F5>'
  report('afterwards', { mine = vim.g.mine or 0, f11 = vim.fn.mapcheck('<F11>', 'n'), called = #called })
end

local ok, problem = pcall(run)
if not ok then
  report('problem', problem)
end
for _, client in pairs(vim.lsp.get_active_clients()) do
  client.stop()
end
vim.cmd 'qall!'
