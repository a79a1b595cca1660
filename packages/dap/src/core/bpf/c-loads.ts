/** Loads that C code makes: the Go side of a call of C is a function of cgo's, and that is where a program can be stopped. */

/**
 * libbpf's functions that load programs (bpf.h, libbpf.h of 0.x and 1.x, libbpf_legacy.h). The loaders inside a skeleton's
 * own header call bpf_object__load_skeleton from C, where no Go function stands for it.
 */
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

/** cmd/cgo (out.go): _Cfunc_ for `C.f()`, _C2func_ where Go asks for errno, too; a pair in each package that calls it. */
export const cgoLoaders: readonly string[] = loaders.flatMap((name) => [`_Cfunc_${name}`, `_C2func_${name}`]);

const cgoFunction = new RegExp(`\\._C2?func_(${loaders.join('|')})$`);

/** libbpf's name, of the whole name of a Go function that calls it; undefined for every other function. */
export const loaderInC = (goFunction: string): string | undefined => cgoFunction.exec(goFunction)?.[1];

/** What is about to be loaded nobody knows: C code finds it out. */
export interface LoadInC {
  readonly kind: 'in-c';
  /** Of libbpf's function. */
  readonly name: string;
}

export const inCText = (name: string): string =>
  `C code is about to be called that loads eBPF programs (${name}); what it loads is shown after it.`;
