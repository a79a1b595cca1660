/** How a debug session and the language server find and understand each other. No kernel, no editor. */
export { type ConnectOptions, type ControlClient, connectControl } from './connect.js';
export { controlDirectory, openDirectory } from './directory.js';
export { ControlError, isControlError } from './error.js';
export { BoundedReader } from './framing.js';
export { type ControlHandlers, type ControlListener, type ListenOptions, listenControl } from './listen.js';
export type {
  AddProbeParams,
  ControlChanged,
  ControlPlace,
  ControlProbe,
  ControlProbeState,
  ControlTimeline,
  ControlTimelineEntry,
} from './protocol.js';
export { clearStaleSessions, type LiveSession, liveSessions, type SessionAbout } from './registry.js';
export { type SessionWatch, watchSessions } from './watch.js';
