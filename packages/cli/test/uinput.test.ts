/**
 * A key through uinput. What the kernel is told is held against its own headers, as gcc compiles them; the way of a key is
 * run through the machine's uinput, and where it has none through a library that stands for it, compiled from the same headers.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../../test/requirements.js';
import { controls, pressRecords, setupRecord, unboundKey } from '../src/keys/inject/uinput.js';
import { openVirtualKey } from '../src/keys/inject/virtual-key.js';

const directory = mkdtempSync(join(tmpdir(), 'probelens-uinput-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const compiled = async (name: string, source: string, ...flags: readonly string[]): Promise<string> => {
  const [path, text] = [join(directory, name), join(directory, `${name}.c`)];
  writeFileSync(text, source);
  await execa('gcc', ['-Wall', '-Werror', ...flags, '-o', path, text]);
  return path;
};

const headers = '#include <linux/uinput.h>\n#include <linux/input.h>\n#include <stdio.h>\n#include <string.h>\n';

/** Prints each number of a control, then the bytes of the two structures in hexadecimal. */
const printing = `${headers}
static void hex(const void *at, size_t size) {
  for (size_t i = 0; i < size; i++) printf("%02x", ((const unsigned char *)at)[i]);
  printf("\\n");
}
int main(void) {
${['UI_SET_EVBIT', 'UI_SET_KEYBIT', 'UI_DEV_SETUP', 'UI_DEV_CREATE', 'UI_GET_SYSNAME(64)', 'EVIOCSCLOCKID', 'EVIOCGRAB']
  .map((name) => `  printf("%u\\n", (unsigned)${name});`)
  .join('\n')}
  struct uinput_setup setup;
  memset(&setup, 0, sizeof setup);
  setup.id.bustype = BUS_VIRTUAL;
  strcpy(setup.name, "a name");
  hex(&setup, sizeof setup);
  struct input_event events[4];
  memset(events, 0, sizeof events);
  events[0].type = events[2].type = EV_KEY;
  events[0].code = events[2].code = KEY_MACRO30;
  events[0].value = 1;
  events[1].type = events[3].type = EV_SYN;
  events[1].code = events[3].code = SYN_REPORT;
  hex(events, sizeof events);
  return 0;
}
`;

/**
 * Stands for drivers/input/misc/uinput.c and evdev.c: one FIFO is both ends. It refuses what the kernel refuses, makes the
 * device's directory when it is created, hands keys out to a grabbed reader only, and gives them the time of their write.
 */
const standIn = `#define _GNU_SOURCE
${headers}#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
static int key, bit, made, grabbed;
static struct uinput_setup given;
static clockid_t clock_id = CLOCK_REALTIME;
static int is_ours(int fd) {
  struct stat mine, other;
  return fstat(fd, &mine) == 0 && S_ISFIFO(mine.st_mode) && stat(getenv("STAND_IN"), &other) == 0 && mine.st_ino == other.st_ino;
}
static int refused(int code) { errno = code; return -1; }
int ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  if (!is_ours(fd)) return ((int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl"))(fd, request, argument);
  switch ((unsigned)request) {
  case UI_SET_EVBIT: bit = (long)argument == EV_KEY; return made ? refused(EINVAL) : 0;
  case UI_SET_KEYBIT: key = (long)argument; return made || key > KEY_MAX ? refused(EINVAL) : 0;
  case UI_DEV_SETUP: memcpy(&given, argument, sizeof given); return given.name[0] == 0 ? refused(EINVAL) : 0;
  case UI_DEV_CREATE: made = 1; return given.name[0] == 0 ? refused(EINVAL) : mkdir(getenv("STAND_IN_DEVICE"), 0700) || mkdir(getenv("STAND_IN_EVENT"), 0700);
  case (unsigned)UI_GET_SYSNAME(64): if (!made) return refused(ENOENT); strcpy(argument, "input7"); return 7;
  case EVIOCSCLOCKID: clock_id = *(int *)argument; return 0;
  case EVIOCGRAB: grabbed = argument != NULL; return 0;
  default: return refused(EINVAL);
  }
}
ssize_t write(int fd, const void *bytes, size_t size) {
  ssize_t (*next)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  if (!is_ours(fd)) return next(fd, bytes, size);
  struct input_event events[8];
  struct timespec now;
  if (size > sizeof events || size % sizeof events[0] != 0 || !grabbed || !bit) return refused(EINVAL);
  memcpy(events, bytes, size);
  clock_gettime(clock_id, &now);
  for (size_t i = 0; i < size / sizeof events[0]; i++) {
    if (events[i].type == EV_KEY && events[i].code != key) return refused(EINVAL);
    events[i].time.tv_sec = now.tv_sec;
    events[i].time.tv_usec = now.tv_nsec / 1000;
  }
  return next(fd, events, size);
}
`;

describe.skipIf(findProgram('gcc') === undefined)("the kernel's headers", () => {
  it('have the numbers of the controls and the layouts', async () => {
    const { stdout } = await execa(await compiled('print', printing));
    const [setup, events, ...numbers] = [...stdout.split('\n').slice(-2), ...stdout.split('\n').slice(0, -2)];
    expect(numbers.map(Number)).toEqual(Object.values(controls));
    expect(setupRecord('a name').toString('hex')).toBe(setup);
    expect(pressRecords(unboundKey).toString('hex')).toBe(events);
  });
});

describe('a key through uinput', () => {
  const places = (uinput: string) => ({ uinput, system: directory, devices: directory });

  it('is refused in a sentence where there is no device, or one that is none', async () => {
    expect(await openVirtualKey(places(join(directory, 'none')))).toEqual({
      ok: false,
      reason: expect.stringMatching(/^This machine has no .*none; .* `modprobe uinput` makes it\.$/),
    });
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(await openVirtualKey(places(file))).toEqual({
      ok: false,
      reason: 'UI_SET_EVBIT was refused (ENOTTY).',
    });
  });

  /** What is pressed comes, and its times are in order on one clock. */
  const check = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> => {
    const program = join(directory, 'main.mjs');
    await build({
      entryPoints: [join(import.meta.dirname, 'uinput-main.ts')],
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      conditions: ['@probelens/source'],
      external: ['koffi'],
      // Where koffi is found.
      define: { 'import.meta.url': JSON.stringify(new URL('../../bpf/package.json', import.meta.url).href) },
    });
    const { stdout } = await execa(process.execPath, [program, ...args], { env });
    const pressed: readonly (readonly string[])[] = JSON.parse(stdout);
    expect(pressed).toHaveLength(5);
    for (const [before = 0n, input = 0n, arrived = 0n] of pressed.map((times) => times.map(BigInt))) {
      // The kernel's own time is cut to microseconds.
      expect(input).toBeGreaterThan(before - 1_000n);
      expect(arrived).toBeGreaterThan(input);
    }
  };

  it.skipIf(findProgram('gcc') === undefined)(
    "is pressed and arrives, at a device made of the kernel's headers",
    async () => {
      const [fifo, device] = [join(directory, 'event5'), join(directory, 'input7')];
      await execa('mkfifo', [fifo]);
      // The kernel lists the event device in the directory of the new one.
      const library = await compiled('stand-in.so', standIn, '-shared', '-fPIC');
      await check([fifo, directory, directory], {
        LD_PRELOAD: library,
        STAND_IN: fifo,
        STAND_IN_DEVICE: device,
        STAND_IN_EVENT: join(device, 'event5'),
      });
    },
  );

  // No requirement: few machines of tests have one, and then the device of the headers is what there is.
  if (existsSync('/dev/uinput')) it("is pressed and arrives, at the machine's own", () => check([], {}));
});
