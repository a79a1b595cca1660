/** ioctl(2) on a device file, for callers that know its numbers. */
import { errnoName, KernelError } from './kernel-error.js';
import { ioctl, ioctlWith } from './syscall.js';

/** Who writes the argument's bytes and who reads them, seen from the program: _IOC_* of include/uapi/asm-generic/ioctl.h. */
const directions = { none: 0, write: 1, read: 2 } as const;

/** The number of a control, laid out as on x86 and arm64. `size`: bytes of what its argument points to. */
export const controlNumber = (direction: keyof typeof directions, type: string, number: number, size: number): number =>
  ((directions[direction] << 30) | (size << 16) | (type.charCodeAt(0) << 8) | number) >>> 0;

/**
 * @param name what the header calls it, for the error
 * @param argument a number, or bytes that the kernel reads or fills
 * @returns what the device answers
 * @throws KernelError
 */
export const controlDevice = (fd: number, name: string, request: number, argument: number | Uint8Array): number => {
  const answer = typeof argument === 'number' ? ioctl(fd, request, argument) : ioctlWith(fd, request, argument);
  if (answer < 0) throw new KernelError(name, -answer, `${name} was refused (${errnoName(-answer)}).`);
  return answer;
};
