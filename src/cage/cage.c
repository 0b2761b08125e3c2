/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest is root over its own namespaces. What it doesn't need for that is taken away, because
 * each way into the kernel is one more way out of the guest: mounting, modules, bpf, keyrings,
 * io_uring, further namespaces, and the socket families that know no network namespace (a vsock
 * would reach the machine's hypervisor past every segment).
 *
 * The filter is a list, not a policy language: refused calls give EPERM, unknown calling
 * conventions ENOSYS. clone3 gives ENOSYS because its flags can't be seen; C libraries fall back.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cage/cage.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#else
#error "no system call filter for this processor: add its AUDIT_ARCH here"
#endif

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define NAMESPACES                                                                              \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
   CLONE_NEWNET)

/* What a guest keeps: power over its own files, processes and network. Not CAP_SYS_PTRACE, with
 * which a task could take its agent's channel; what it started itself it may trace without. */
static const uint8_t kept[] = {
    CAP_CHOWN,      CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,   CAP_FSETID,
    CAP_KILL,       CAP_SETGID,       CAP_SETUID,          CAP_SETPCAP,  CAP_NET_BIND_SERVICE,
    CAP_NET_ADMIN,  CAP_NET_RAW,      CAP_NET_BROADCAST,   CAP_IPC_LOCK, CAP_IPC_OWNER,
    CAP_SYS_CHROOT, CAP_SYS_NICE,     CAP_AUDIT_WRITE,     CAP_SETFCAP,
};

#define FILES_USUAL 1024 /* what programs expect that still call select() */

#define LOAD(field)      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define GIVE(what)       BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSED          (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN          (SECCOMP_RET_ERRNO | ENOSYS)
#define CALL(name, what) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), GIVE(what)
/* A call whose argument 0 may have none of the bits. */
#define WITHOUT(name, bits)                                              \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 4), LOAD(args[0]), \
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 0, 1), GIVE(REFUSED), GIVE(SECCOMP_RET_ALLOW)
#define FAMILY(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), GIVE(SECCOMP_RET_ALLOW)
/* Sockets of the families that live inside a network namespace. */
#define SOCKETS(name)                                                                      \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 12), LOAD(args[0]), FAMILY(AF_UNIX), \
      FAMILY(AF_INET), FAMILY(AF_INET6), FAMILY(AF_NETLINK), FAMILY(AF_PACKET),            \
      GIVE(SECCOMP_RET_ERRNO | EAFNOSUPPORT)

static struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    GIVE(UNKNOWN),
    LOAD(nr),
#ifdef __x86_64__
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x40000000, 0, 1), /* x32 */
    GIVE(UNKNOWN),
#endif
    CALL(clone3, UNKNOWN),
    CALL(mount, REFUSED),
    CALL(umount2, REFUSED),
    CALL(pivot_root, REFUSED),
    CALL(move_mount, REFUSED),
    CALL(open_tree, REFUSED),
    CALL(fsopen, REFUSED),
    CALL(fsconfig, REFUSED),
    CALL(fsmount, REFUSED),
    CALL(fspick, REFUSED),
    CALL(mount_setattr, REFUSED),
    CALL(setns, REFUSED),
    CALL(swapon, REFUSED),
    CALL(swapoff, REFUSED),
    CALL(reboot, REFUSED),
    CALL(init_module, REFUSED),
    CALL(finit_module, REFUSED),
    CALL(delete_module, REFUSED),
    CALL(kexec_load, REFUSED),
    CALL(kexec_file_load, REFUSED),
    CALL(bpf, REFUSED),
    CALL(perf_event_open, REFUSED),
    CALL(userfaultfd, REFUSED),
    CALL(io_uring_setup, UNKNOWN),
    CALL(io_uring_enter, UNKNOWN),
    CALL(io_uring_register, UNKNOWN),
    CALL(keyctl, REFUSED),
    CALL(add_key, REFUSED),
    CALL(request_key, REFUSED),
    CALL(open_by_handle_at, REFUSED),
    CALL(fanotify_init, REFUSED),
    CALL(quotactl, REFUSED),
    CALL(acct, REFUSED),
    CALL(syslog, REFUSED),
    WITHOUT(clone, NAMESPACES), /* the low byte is a signal, so not CLONE_NEWTIME */
    WITHOUT(unshare, NAMESPACES | CLONE_NEWTIME),
    SOCKETS(socket),
    SOCKETS(socketpair),
    GIVE(SECCOMP_RET_ALLOW),
};

static int
is_kept(int capability)
{
  return memchr(kept, capability, sizeof kept) != NULL;
}

static int
drop_capabilities(void)
{
  uint64_t mask = 0;
  for (int i = 0; i < 64; i++) {
    if (is_kept(i))
      mask |= UINT64_C(1) << i;
    else if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0) {
      if (errno == EINVAL) /* past the last that this kernel knows */
        break;
      return errno;
    }
  }
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {
      {.effective = (uint32_t)mask, .permitted = (uint32_t)mask},
      {.effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32)},
  };
  return syscall(SYS_capset, &head, data) != 0 ? errno : 0;
}

static int
limit(uint32_t processes, int64_t memory)
{
  rlim_t most = processes != 0 ? processes : VN_CAGE_PROCESSES_DEFAULT;
  struct rlimit old = {0}, count = {most, most}, none = {0, 0};
  /* Counted within the VM's own user namespace, so other VMs of the same user don't matter. */
  if (getrlimit(RLIMIT_NPROC, &old) != 0)
    return errno;
  count.rlim_cur = count.rlim_max = most < old.rlim_max ? most : old.rlim_max;
  if (setrlimit(RLIMIT_NPROC, &count) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
    return errno;
  struct rlimit files = {0};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0)
    return errno;
  files.rlim_cur = files.rlim_max < FILES_USUAL ? files.rlim_max : FILES_USUAL;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0)
    return errno;
  struct rlimit space = {(rlim_t)memory, (rlim_t)memory};
  return memory > 0 && setrlimit(RLIMIT_AS, &space) != 0 ? errno : 0;
}

int
vn_cage(uint32_t processes, int64_t memory, const char **out_what)
{
  int result = limit(processes, memory);
  *out_what = "setting limits";
  if (result != 0)
    return result;
  result = drop_capabilities();
  *out_what = "dropping capabilities";
  if (result != 0)
    return result;
  *out_what = "filtering system calls";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return errno;
  struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 ? errno : 0;
}
