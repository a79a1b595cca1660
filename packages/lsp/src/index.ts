/** The language server: what the Go binary really is, shown in the source, and where it can be probed. */
export { type LanguageServerOptions, serveLanguage } from './server.js';
