/** Where the kernel keeps a descriptor's object and the object's id; from its own types. */
import { kernelBtf } from '@probelens/bpf';

export interface KernelObjects {
  readonly files: number;
  readonly table: number;
  readonly descriptors: number;
  readonly limit: number;
  readonly object: number;
  readonly programAux: number;
  readonly programTag: number;
  readonly auxId: number;
  readonly mapId: number;
  readonly linkId: number;
}

/** Throws BtfError when this kernel's structures have changed. Bytes. */
export const kernelObjects = (): KernelObjects => {
  const btf = kernelBtf();
  return {
    files: btf.offsetOf('task_struct', 'files'),
    table: btf.offsetOf('files_struct', 'fdt'),
    descriptors: btf.offsetOf('fdtable', 'fd'),
    limit: btf.offsetOf('fdtable', 'max_fds'),
    object: btf.offsetOf('file', 'private_data'),
    programAux: btf.offsetOf('bpf_prog', 'aux'),
    programTag: btf.offsetOf('bpf_prog', 'tag'),
    auxId: btf.offsetOf('bpf_prog_aux', 'id'),
    mapId: btf.offsetOf('bpf_map', 'id'),
    linkId: btf.offsetOf('bpf_link', 'id'),
  };
};
