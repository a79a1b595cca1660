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
  lens_keys = { run = '<leader>pl', actions = '<leader>pa', list = '<leader>pp' },
  -- Normal mode, while a session of ours runs. Shift+F5 and Ctrl+F5 arrive as F17 and F29 in terminals.
  session_keys = {
    ['<F5>'] = 'continue',
    ['<F9>'] = 'toggle_breakpoint',
    ['<F10>'] = 'step_over',
    ['<F11>'] = 'step_into',
    ['<S-F11>'] = 'step_out',
    ['<F23>'] = 'step_out',
    ['<S-F5>'] = 'terminate',
    ['<F17>'] = 'terminate',
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

local function on_attach(_, buffer)
  local keys = M.options.lens_keys
  local function map(lhs, run, description)
    if lhs then
      vim.keymap.set('n', lhs, run, { buffer = buffer, desc = description })
    end
  end
  map(keys.run, vim.lsp.codelens.run, 'Probelens: run the lens of this line')
  map(keys.actions, vim.lsp.buf.code_action, 'Probelens: code actions')
  map(keys.list, function()
    vim.lsp.buf_request(buffer, 'workspace/executeCommand', { command = 'probelens.probes' }, function() end)
  end, 'Probelens: list what is probed')
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = buffer })
    return
  end
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
  if file == '' then
    return
  end
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
  if vim.lsp.start then
    vim.lsp.start(config, { bufnr = buffer })
    return
  end
  if not clients[root] then
    clients[root] = vim.lsp.start_client(config)
  end
  if clients[root] then
    vim.lsp.buf_attach_client(buffer, clients[root])
  end
end

-- Keys of a session: what they meant before is kept, and put back when the last session ends, however it ends.
local saved = nil
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
  if saved then
    return
  end
  saved = {}
  for lhs, action in pairs(M.options.session_keys) do
    saved[lhs] = mapping_of(lhs) or false
    vim.keymap.set('n', lhs, function()
      require('dap')[action]()
    end, { desc = 'Probelens: ' .. action })
  end
end

function M.session_ended()
  sessions = math.max(sessions - 1, 0)
  if not saved or sessions > 0 then
    return
  end
  for lhs, mapping in pairs(saved) do
    pcall(vim.keymap.del, 'n', lhs)
    if mapping then
      vim.keymap.set('n', lhs, mapping.callback or mapping.rhs or '', {
        remap = mapping.noremap == 0,
        expr = mapping.expr == 1,
        silent = mapping.silent == 1,
        nowait = mapping.nowait == 1,
        desc = mapping.desc,
      })
    end
  end
  saved = nil
end

local function setup_dap(dap)
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
    {
      type = 'probelens',
      request = 'attach',
      name = 'Probelens: attach',
      mode = 'local',
      processId = function()
        return require('dap.utils').pick_process()
      end,
    },
  })
  dap.listeners.after.event_initialized['probelens'] = function(session)
    if session.config.type ~= 'probelens' then
      return
    end
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
  local has_dap, dap = pcall(require, 'dap')
  if has_dap then
    setup_dap(dap)
  end
end

return M
