// The commands that only read a program, from the script that was compiled when the command was built (see build.mjs).
// CommonJS: Node's loader of ES modules alone costs what one of these commands needs.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

/**
 * What V8 compiles: the same text when it is compiled ahead and when it is run. Compiled code cannot import modules
 * (Node 20: ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING), so the planner's, which `explain` needs for sites, is handed in.
 */
exports.wrap = (source) =>
  `(function (module, require, __url, __importPlanner) { const exports = module.exports; ${source}\n})`;

/** Whether these arguments are for here: a command that reads, and no question about its use. */
exports.reads = ([name, ...rest]) =>
  (name === 'functions' || name === 'explain') && !rest.includes('--help') && !rest.includes('-h');

const path = join(__dirname, '../dist/reading.bin');

/** The script, with the code that V8 made of it unless this is another V8; undefined before the command is built. */
exports.script = () => {
  const file = contents(path);
  if (file === undefined) return undefined;
  const end = 4 + file.readUInt32LE(0);
  return new Script(exports.wrap(file.latin1Slice(4, end)), { filename: path, cachedData: file.subarray(end) });
};

/** Resolves with the exit code; undefined where there is no script. */
exports.run = async (args) => {
  const script = exports.script();
  if (script === undefined) return undefined;
  const module = { exports: {} };
  const importPlanner = () => import(pathToFileURL(join(__dirname, '../dist/planner.js')).href);
  script.runInThisContext()(module, require, pathToFileURL(path).href, importPlanner);
  return await module.exports.run(args);
};

/** Undefined where there is no such file. */
const contents = (path) => {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
};
