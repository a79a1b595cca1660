/**
 * What the kernel calls its kinds of objects, by number: the enumerators of include/uapi/linux/bpf.h without their
 * prefix and in lower case, as bpftool prints them. Linux 6.18.
 */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** enum bpf_prog_type. */
export const programTypeNames = words(`
  unspec socket_filter kprobe sched_cls sched_act tracepoint xdp perf_event cgroup_skb cgroup_sock lwt_in lwt_out
  lwt_xmit sock_ops sk_skb cgroup_device sk_msg raw_tracepoint cgroup_sock_addr lwt_seg6local lirc_mode2 sk_reuseport
  flow_dissector cgroup_sysctl raw_tracepoint_writable cgroup_sockopt tracing struct_ops ext lsm sk_lookup syscall
  netfilter`);

/** enum bpf_attach_type. */
export const attachTypeNames = words(`
  cgroup_inet_ingress cgroup_inet_egress cgroup_inet_sock_create cgroup_sock_ops sk_skb_stream_parser
  sk_skb_stream_verdict cgroup_device sk_msg_verdict cgroup_inet4_bind cgroup_inet6_bind cgroup_inet4_connect
  cgroup_inet6_connect cgroup_inet4_post_bind cgroup_inet6_post_bind cgroup_udp4_sendmsg cgroup_udp6_sendmsg lirc_mode2
  flow_dissector cgroup_sysctl cgroup_udp4_recvmsg cgroup_udp6_recvmsg cgroup_getsockopt cgroup_setsockopt trace_raw_tp
  trace_fentry trace_fexit modify_return lsm_mac trace_iter cgroup_inet4_getpeername cgroup_inet6_getpeername
  cgroup_inet4_getsockname cgroup_inet6_getsockname xdp_devmap cgroup_inet_sock_release xdp_cpumap sk_lookup xdp
  sk_skb_verdict sk_reuseport_select sk_reuseport_select_or_migrate perf_event trace_kprobe_multi lsm_cgroup struct_ops
  netfilter tcx_ingress tcx_egress trace_uprobe_multi cgroup_unix_connect cgroup_unix_sendmsg cgroup_unix_recvmsg
  cgroup_unix_getpeername cgroup_unix_getsockname netkit_primary netkit_peer trace_kprobe_session trace_uprobe_session`);

/** enum bpf_map_type. */
export const mapTypeNames = words(`
  unspec hash array prog_array perf_event_array percpu_hash percpu_array stack_trace cgroup_array lru_hash
  lru_percpu_hash lpm_trie array_of_maps hash_of_maps devmap sockmap cpumap xskmap sockhash cgroup_storage
  reuseport_sockarray percpu_cgroup_storage queue stack sk_storage devmap_hash struct_ops ringbuf inode_storage
  task_storage bloom_filter user_ringbuf cgrp_storage arena`);

/** enum bpf_link_type. */
export const linkTypeNames = words(`
  unspec raw_tracepoint tracing cgroup iter netns xdp perf_event kprobe_multi struct_ops netfilter tcx uprobe_multi
  netkit sockmap`);

/** Flags of BPF_PROG_LOAD, by bit. */
export const programFlagNames: ReadonlyMap<number, string> = new Map([
  [0, 'strict_alignment'],
  [1, 'any_alignment'],
  [2, 'test_rnd_hi32'],
  [3, 'test_state_freq'],
  [4, 'sleepable'],
  [5, 'xdp_has_frags'],
  [6, 'xdp_dev_bound_only'],
  [7, 'test_reg_invariants'],
  [16, 'token_fd'],
]);

/** "xdp"; "type 99" for a number that is newer than these tables. */
export const nameOf = (names: readonly string[], number: number): string => names[number] ?? `type ${number}`;

/** Names of the bits that are set; "bit 9" for one that is not known. */
export const flagNames = (names: ReadonlyMap<number, string>, flags: number): readonly string[] =>
  Array.from({ length: 32 }, (_, bit) => bit)
    .filter((bit) => ((flags >>> bit) & 1) !== 0)
    .map((bit) => names.get(bit) ?? `bit ${bit}`);
