import { release } from 'node:os';

/** Of this package; a test holds it equal to package.json. */
export const agentVersion = '0.1.0';

export const kernelRelease = (): string => release();
