/** enum bpf_cmd, include/uapi/linux/bpf.h. */
export const bpfCommand = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  mapNextKey: 4,
  programLoad: 5,
  programTestRun: 10,
  programById: 13,
  mapById: 14,
  objectInfo: 15,
  rawTracepointOpen: 17,
  btfLoad: 18,
  mapLookupAndDelete: 21,
  btfById: 19,
  linkCreate: 28,
  linkById: 30,
  linkNextId: 31,
} as const;

/** What the kernel accepts as an object's name: 15 characters, no others than these. kernel/bpf/syscall.c. */
export const objectName = (name: string): string => name.replaceAll(/[^A-Za-z0-9_.]/g, '_').slice(0, 15);
