-- Probelens for Neovim 0.7.2 and newer: language server, lens keys, and nvim-dap where it is installed.
--
--   require('probelens').setup { command = { '/path/to/probelens' } }
local M = {}

M.version = '0.1.0'

M.options = {
  -- The command as a list; name the real path, because npx takes half a second to find it.
  command = { 'probelens' },
  -- The section "probelens" of the language server's settings.
  settings = {},
  -- Normal mode, in Go files.
  -- Terminals without CSI-u or the kitty protocol send Ctrl+Shift+K as Ctrl+K: hence a second key for it.
  lens_keys = {
    run = '<leader>pl',
    actions = '<leader>pa',
    list = '<leader>pp',
    probe = { '<leader>pk', '<C-S-k>' },
    timeline = '<leader>pt',
  },
  -- Normal mode, in Go files, with nvim-dap and where nobody has mapped the key: what begins a session.
  go_keys = {
    ['<F5>'] = 'continue',
    ['<F9>'] = 'toggle_breakpoint',
    ['<leader>dc'] = 'continue',
    ['<leader>db'] = 'toggle_breakpoint',
    ['<leader>dT'] = 'tests',
  },
  -- Normal mode, while a session of ours runs: a function of this module or of nvim-dap by its name, or one of yours.
  -- Shift+F5, Shift+F11 and Ctrl+F5 arrive as F17, F23 and F29 in terminals.
  session_keys = {
    ['<F5>'] = 'continue',
    ['<F9>'] = 'toggle_breakpoint',
    ['<F10>'] = 'step_over',
    ['<F11>'] = 'step_into',
    ['<S-F11>'] = 'step_out',
    ['<F23>'] = 'step_out',
    ['<S-F5>'] = 'terminate',
    ['<F17>'] = 'terminate',
    ['<C-F5>'] = 'run_last',
    ['<F29>'] = 'run_last',
    ['<C-S-b>'] = 'pause_at_next_load',
    ['<M-l>'] = 'verifier_summary',
    ['<C-t>'] = 'goroutines_and_crash',
    -- For desktops and terminals that keep F keys for themselves.
    ['<leader>dc'] = 'continue',
    ['<leader>db'] = 'toggle_breakpoint',
    ['<leader>dn'] = 'step_over',
    ['<leader>di'] = 'step_into',
    ['<leader>do'] = 'step_out',
    ['<leader>dt'] = 'terminate',
    ['<leader>dl'] = 'run_last',
    ['<leader>dB'] = 'pause_at_next_load',
    ['<leader>dv'] = 'verifier_summary',
    ['<leader>dg'] = 'goroutines_and_crash',
  },
}

local function command_with(argument)
  local command = vim.deepcopy(M.options.command)
  table.insert(command, argument)
  return command
end

-- Nearest directory upwards that holds go.work or go.mod, else the file's own.
local function root_of(file)
  local directory = vim.fn.fnamemodify(file, ':p:h')
  for _, marker in ipairs { 'go.work', 'go.mod' } do
    local found = vim.fn.findfile(marker, directory .. ';')
    if found ~= '' then
      return vim.fn.fnamemodify(found, ':p:h')
    end
  end
  return directory
end

local clients = {} -- by root

-- Text of any length in a window of its own; `q` closes it.
local function show(text)
  vim.cmd 'botright new'
  local buffer = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(text, '\n'))
  vim.bo[buffer].buftype = 'nofile'
  vim.bo[buffer].bufhidden = 'wipe'
  vim.bo[buffer].modifiable = false
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buffer })
end

-- Asks our server alone: gopls, which serves the same buffer, would answer with an error.
local function execute(command, argument, done)
  local params = { command = command, arguments = argument and { argument } or nil }
  local function answered(_, result)
    if done and result and result ~= vim.NIL then
      done(result)
    end
    -- Neovim before 0.10 is told of no new lenses.
    if not vim.lsp.codelens.enable then
      vim.lsp.codelens.refresh()
    end
  end
  local all = vim.lsp.get_clients and vim.lsp.get_clients() or vim.lsp.get_active_clients()
  for _, client in ipairs(all) do
    if client.name == 'probelens' and vim.lsp.buf_is_attached(0, client.id) then
      -- Since 0.11 functions of a client are methods.
      if vim.fn.has 'nvim-0.11' == 1 then
        client:request('workspace/executeCommand', params, answered, 0)
      else
        client.request('workspace/executeCommand', params, answered, 0)
      end
      return
    end
  end
  vim.notify('The probelens server does not serve this buffer; open a Go file.', vim.log.levels.WARN)
end

-- Arms a probe on the function or closure around the cursor, or takes it back; without a session it waits for one.
function M.probe_at_cursor()
  local params = vim.lsp.util.make_position_params(0, 'utf-16')
  execute('probelens.probeAt', params)
end

function M.list()
  execute 'probelens.probes'
end

-- Of one goroutine, or of all.
function M.show_timeline(goroutine)
  execute('probelens.showTimeline', goroutine, show)
end

-- A request of the running session, beside those that nvim-dap knows.
local function ask(command, arguments, done)
  local session = require('dap').session()
  if not session then
    return vim.notify('No debug session runs.', vim.log.levels.WARN)
  end
  session:request(command, arguments, vim.schedule_wrap(function(problem, body)
    done(body, problem and tostring(problem.message or problem))
  end))
end

local awaits_load = false

-- The next eBPF program that is loaded stops the session before its system call, and is shown.
function M.pause_at_next_load()
  ask('probelens/pauseAtNextLoad', vim.empty_dict(), function(_, problem)
    awaits_load = not problem
    vim.notify(problem or 'The next eBPF program is shown before it is loaded.')
  end)
end

-- Beside the source, which nvim-dap shows in the window of the person.
local function show_awaited(_, stop)
  if not awaits_load or stop.description ~= 'BPF program load' then return end
  awaits_load = false
  ask('probelens/shownLoad', vim.empty_dict(), function(body)
    local lines = { body and body.line }
    for _, each in ipairs(body and body.instructions or {}) do
      table.insert(lines, ('%4d: %s'):format(each.slot, each.text))
    end
    if body then
      show(table.concat(lines, '\n'))
      vim.cmd 'wincmd p'
    end
  end)
end

-- What the verifier said of the last program, and the usual cure.
function M.verifier_summary()
  ask('probelens/verifierSummary', vim.empty_dict(), function(body, problem)
    if body then
      show(table.concat(vim.list_extend({ body.line }, body.details or {}), '\n'))
    else
      vim.notify(problem, vim.log.levels.WARN)
    end
  end)
end

-- Stacks are asked for one after the other: Delve answers each apart.
local most_stacks = 200

-- The stack of every goroutine and, where an exception stopped the program, what it was.
function M.goroutines_and_crash()
  local lines = {}
  local function stacks(threads, index)
    local thread = threads[index]
    if not thread or index > most_stacks then
      return show(table.concat(lines, '\n'))
    end
    table.insert(lines, thread.name)
    ask('stackTrace', { threadId = thread.id, startFrame = 0, levels = 50 }, function(body)
      for _, frame in ipairs(body and body.stackFrames or {}) do
        local path = frame.source and frame.source.path or ''
        table.insert(lines, ('    %s  %s:%d'):format(frame.name, path, frame.line or 0))
      end
      stacks(threads, index + 1)
    end)
  end
  ask('threads', nil, function(body, problem)
    local threads = body and body.threads or {}
    if problem or #threads == 0 then
      return vim.notify(problem or 'There are no goroutines yet.', vim.log.levels.WARN)
    end
    local stopped = require('dap').session().stopped_thread_id
    ask('exceptionInfo', { threadId = stopped or threads[1].id }, function(crash)
      if crash then
        table.insert(lines, ('%s: %s'):format(crash.exceptionId or '', crash.description or ''))
      end
      stacks(threads, 1)
    end)
  end)
end

-- The tests of the package of this file.
function M.tests()
  local dap = require 'dap'
  for _, configuration in ipairs(dap.configurations.go or {}) do
    if configuration.type == 'probelens' and configuration.mode == 'test' then
      return dap.run(configuration)
    end
  end
end

-- What a key's action runs.
local function runner(action)
  return type(action) == 'function' and action or M[action] or function()
    require('dap')[action]()
  end
end

local function on_attach(_, buffer)
  local keys = M.options.lens_keys
  local function map(lhs, run, description)
    for _, key in ipairs(type(lhs) == 'table' and lhs or { lhs or nil }) do
      vim.keymap.set('n', key, run, { buffer = buffer, desc = description })
    end
  end
  map(keys.run, vim.lsp.codelens.run, 'Probelens: run the lens of this line')
  map(keys.actions, vim.lsp.buf.code_action, 'Probelens: code actions')
  map(keys.list, M.list, 'Probelens: list what is probed')
  map(keys.probe, M.probe_at_cursor, 'Probelens: probe what is under the cursor, or take it back')
  map(keys.timeline, M.show_timeline, 'Probelens: timeline of the session')
  if vim.lsp.codelens.enable then return vim.lsp.codelens.enable(true, { bufnr = buffer }) end
  vim.lsp.codelens.refresh()
  -- Neovim before 0.10 does not know workspace/codeLens/refresh: counts are asked for when the cursor rests.
  vim.api.nvim_create_autocmd({ 'BufEnter', 'CursorHold', 'InsertLeave', 'BufWritePost' }, {
    buffer = buffer,
    callback = function()
      vim.lsp.codelens.refresh()
    end,
  })
end

function M.attach(buffer)
  local file = vim.api.nvim_buf_get_name(buffer)
  if file == '' then return end
  local root = root_of(file)
  local config = {
    name = 'probelens',
    cmd = command_with 'lsp',
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = vim.fn.fnamemodify(root, ':t') } },
    init_options = M.options.settings,
    settings = { probelens = M.options.settings },
    on_attach = on_attach,
    on_exit = function()
      clients[root] = nil
    end,
  }
  -- Since 0.8 Neovim itself knows which client serves which root.
  if vim.lsp.start then return vim.lsp.start(config, { bufnr = buffer }) end
  if not clients[root] then
    clients[root] = vim.lsp.start_client(config)
  end
  if clients[root] then
    vim.lsp.buf_attach_client(buffer, clients[root])
  end
end

-- Keys of a session: what they meant before is kept, and put back when the last session ends, however it ends.
local saved = nil
local session_key = 'Probelens: '
local sessions = 0

local function mapping_of(lhs)
  local wanted = vim.api.nvim_replace_termcodes(lhs, true, true, true)
  for _, mapping in ipairs(vim.api.nvim_get_keymap 'n') do
    if vim.api.nvim_replace_termcodes(mapping.lhs, true, true, true) == wanted then
      return mapping
    end
  end
end

function M.session_began()
  sessions = sessions + 1
  if saved then return end
  saved = {}
  for lhs, action in pairs(M.options.session_keys) do
    saved[lhs] = mapping_of(lhs) or false
    local name = type(action) == 'string' and action or 'key of a session'
    vim.keymap.set('n', lhs, runner(action), { desc = session_key .. name })
  end
end

function M.session_ended()
  sessions = math.max(sessions - 1, 0)
  if not saved or sessions > 0 then return end
  for lhs, mapping in pairs(saved) do
    -- What a person mapped while the session ran is theirs to keep.
    local now = mapping_of(lhs)
    local is_ours = now and (now.desc or ''):sub(1, #session_key) == session_key
    if is_ours then
      vim.keymap.del('n', lhs)
    end
    if mapping and is_ours then
      local flags = { remap = mapping.noremap == 0, desc = mapping.desc }
      for _, flag in ipairs { 'expr', 'silent', 'nowait' } do
        flags[flag] = mapping[flag] == 1
      end
      vim.keymap.set('n', lhs, mapping.callback or mapping.rhs or '', flags)
    end
  end
  saved = nil
end

-- Global ones, so that what a person maps later is theirs; elsewhere than in Go files the key is what it was.
local function map_go_keys()
  for lhs, action in pairs(M.options.go_keys) do
    local run = runner(action)
    if not mapping_of(lhs) then
      local sent = vim.api.nvim_replace_termcodes(lhs, true, true, true)
      vim.keymap.set('n', lhs, function()
        if vim.bo.filetype == 'go' then
          run()
        else
          vim.api.nvim_feedkeys(sent, 'n', false)
        end
      end, { desc = session_key .. (type(action) == 'string' and action or 'key for Go') })
    end
  end
end

local function pick()
  return require('dap.utils').pick_process()
end

local function setup_dap(dap)
  map_go_keys()
  local command = command_with 'dap'
  dap.adapters.probelens = {
    type = 'executable',
    command = table.remove(command, 1),
    args = command,
    -- Delve builds the program before it answers.
    options = { initialize_timeout_sec = 20 },
  }
  -- With the default, nvim-dap answers a second thread's stop with `continue`: that hit would never be seen.
  dap.defaults.probelens.auto_continue_if_many_stopped = false
  dap.configurations.go = vim.list_extend(dap.configurations.go or {}, {
    { type = 'probelens', request = 'launch', name = 'Probelens: package', mode = 'debug', program = '${fileDirname}' },
    { type = 'probelens', request = 'launch', name = 'Probelens: tests', mode = 'test', program = '${fileDirname}' },
    { type = 'probelens', request = 'attach', name = 'Probelens: attach', mode = 'local', processId = pick },
  })
  dap.listeners.after.event_stopped['probelens'] = show_awaited
  dap.listeners.after.event_initialized['probelens'] = function(session)
    if session.config.type ~= 'probelens' then return end
    vim.schedule(M.session_began)
    -- Runs when the adapter is gone, after `terminated` or without.
    session.on_close['probelens'] = vim.schedule_wrap(M.session_ended)
  end
end

function M.setup(options)
  M.options = vim.tbl_deep_extend('force', M.options, options or {})
  vim.api.nvim_create_autocmd('FileType', {
    pattern = 'go',
    group = vim.api.nvim_create_augroup('probelens', {}),
    callback = function(event)
      M.attach(event.buf)
    end,
  })
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.bo[buffer].filetype == 'go' then
      M.attach(buffer)
    end
  end
  -- :ProbelensProbe main.price if o.Qty == 0 do log
  vim.api.nvim_create_user_command('ProbelensProbe', function(command)
    execute('probelens.probe', { text = command.args })
  end, { nargs = '+', desc = 'Probelens: a probe by its text' })
  local has_dap, dap = pcall(require, 'dap')
  if has_dap then
    setup_dap(dap)
  end
end

return M
