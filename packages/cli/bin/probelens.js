#!/usr/bin/env node
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const reading = require('./reading.js');

const start = async (args) => {
  const main = join(__dirname, '../dist/main.js');
  if (reading.reads(args)) {
    const code = await reading.run(args);
    if (code !== undefined) process.exit(code);
  }
  if (existsSync(main)) {
    await import(pathToFileURL(main).href);
    return;
  }
  process.stderr.write('probelens: The command has not been built yet; run `npm run build` in the checkout first.\n');
  process.exitCode = 1;
};

start(process.argv.slice(2));
