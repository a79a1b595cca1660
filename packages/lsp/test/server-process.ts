/** The server as its own process, as an editor starts it. argv[2]: directory of the live sessions. */
import { serveLanguage } from '../src/index.js';

const controlDirectory = process.argv[2];
process.exitCode = await serveLanguage({
  input: process.stdin,
  output: process.stdout,
  version: '0.0.0-test',
  ...(controlDirectory === undefined ? {} : { controlDirectory }),
});
