/** Loads that C code makes: the Go side of a call of C is a function of cgo's, and that is where a program can be stopped. */

/** libbpf's functions that load programs: bpf.h, libbpf.h of 0.x and 1.x, libbpf_legacy.h. */
const loaders = [
  'bpf_object__load',
  'bpf_object__load_skeleton',
  'bpf_object__load_xattr',
  'bpf_prog_load',
  'bpf_prog_load_xattr',
  'bpf_load_program',
  'bpf_load_program_xattr',
  'bpf_program__load',
] as const;

/** In the header that `bpftool gen skeleton` (codegen in its gen.c) makes of an object NAME: NAME__load, NAME__open_and_load. */
const skeletonLoaders = '\\w+__(?:open_and_)?load';

/** Patterns of names in C. */
const patterns = [...loaders, skeletonLoaders];

/** cmd/cgo (out.go): _Cfunc_ for `C.f()`, _C2func_ where Go asks for errno, too; a pair in each package that calls it. */
const callsOf = (pattern: string): readonly string[] => [`_Cfunc_${pattern}`, `_C2func_${pattern}`];

/** Patterns of the names of Go functions, without their packages. */
export const cgoLoaders: readonly string[] = patterns.flatMap(callsOf);

const nameInC = (pattern: string): RegExp => new RegExp(`\\._C2?func_(${pattern})$`);
const [loader, anything] = [nameInC(`(?:${patterns.join('|')})`), nameInC('\\w+')];

/** The name in C, of the whole name of a Go function that calls a loader; undefined for every other function. */
export const loaderInC = (goFunction: string): string | undefined => loader.exec(goFunction)?.[1];

/** The same of a Go function that calls anything in C. */
export const calledInC = (goFunction: string): string | undefined => anything.exec(goFunction)?.[1];

/** What is about to be loaded nobody knows: C code finds it out. */
export interface LoadInC {
  readonly kind: 'in-c';
  /** Of libbpf's function, or of a skeleton's. */
  readonly name: string;
}

export const inCText = (name: string): string =>
  `C code is about to be called that loads eBPF programs (${name}); what it loads is shown after it.`;
