/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For escape.test. In a guest, `escape ATTEMPT [ARGUMENT]` tries one way out and ends with 0 if it
 * was open. On the machine, `escape serve NAME` is what must not be reached: a TCP port of
 * 127.0.0.1 and an abstract UNIX socket; it prints the port, and a line for each visitor.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t
abstract_address(struct sockaddr_un *address, const char *name)
{
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  strncpy(address->sun_path + 1, name, sizeof address->sun_path - 2);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static int
serve(const char *name)
{
  struct sockaddr_un unix_address;
  struct sockaddr_in tcp_address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
  socklen_t size = sizeof tcp_address;
  struct pollfd doors[2] = {{socket(AF_INET, SOCK_STREAM, 0), POLLIN, 0},
                            {socket(AF_UNIX, SOCK_STREAM, 0), POLLIN, 0}};
  if (bind(doors[0].fd, (struct sockaddr *)&tcp_address, size) != 0 ||
      bind(doors[1].fd, (struct sockaddr *)&unix_address, abstract_address(&unix_address, name)) !=
          0 ||
      listen(doors[0].fd, 16) != 0 || listen(doors[1].fd, 16) != 0 ||
      getsockname(doors[0].fd, (struct sockaddr *)&tcp_address, &size) != 0)
    return 1;
  printf("%d\n", ntohs(tcp_address.sin_port));
  fflush(stdout);
  while (poll(doors, 2, -1) > 0) {
    for (int i = 0; i < 2; i++)
      if (doors[i].revents != 0)
        close(accept(doors[i].fd, NULL, NULL));
    printf("a visitor\n");
    fflush(stdout);
  }
  return 1;
}

/* All that follows: 1 if the way is open. */

static int
try_abstract(const char *name)
{
  struct sockaddr_un address;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(fd, (struct sockaddr *)&address, abstract_address(&address, name)) == 0;
}

static int
try_trace(const char *pid)
{
  return ptrace(PTRACE_ATTACH, (pid_t)atoi(pid), NULL, NULL) == 0 ||
         ptrace(PTRACE_SEIZE, (pid_t)atoi(pid), NULL, NULL) == 0;
}

static int
try_channel(const char *unused)
{
  (void)unused;
  int process = (int)syscall(SYS_pidfd_open, 1, 0);
  char path[64], link[64];
  for (int fd = 3; fd < 1024; fd++) {
    snprintf(path, sizeof path, "/proc/1/fd/%d", fd);
    if (open(path, O_RDWR) >= 0 || readlink(path, link, sizeof link) > 0 ||
        syscall(SYS_pidfd_getfd, process, fd, 0) >= 0)
      return 1;
    /* What this task inherited besides its three streams would be a way, too. */
    if (fcntl(fd, F_GETFD) >= 0 && fd != process)
      return 1;
  }
  return 0;
}

static int
try_memory(const char *unused)
{
  (void)unused;
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
  return process_vm_readv(1, &here, 1, &there, 1, 0) > 0 || open("/proc/1/mem", O_RDWR) >= 0 ||
         open("/proc/1/maps", O_RDONLY) >= 0;
}

static int
try_setns(const char *unused)
{
  (void)unused;
  static const char *const names[] = {"mnt", "net", "pid", "user", "uts", "ipc", "cgroup"};
  int process = (int)syscall(SYS_pidfd_open, 1, 0);
  if (setns(process, CLONE_NEWNS | CLONE_NEWNET) == 0)
    return 1;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/1/ns/%s", names[i]);
    int fd = open(path, O_RDONLY);
    if (fd >= 0 && setns(fd, 0) == 0)
      return 1;
  }
  return 0;
}

static int
try_unshare(const char *unused)
{
  (void)unused;
  static const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWNET,   CLONE_NEWPID,
                              CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (unshare(flags[i]) == 0)
      return 1;
  return syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0) >= 0;
}

static int
try_mount(const char *unused)
{
  (void)unused;
  return mount("none", "/mnt", "tmpfs", 0, NULL) == 0 ||
         mount("/", "/mnt", NULL, MS_BIND | MS_REC, NULL) == 0 ||
         mount(NULL, "/usr", NULL, MS_BIND | MS_REMOUNT, NULL) == 0 ||
         mount("proc", "/mnt", "proc", 0, NULL) == 0 || umount2("/usr", MNT_DETACH) == 0 ||
         umount2("/proc", MNT_DETACH) == 0 || syscall(SYS_open_tree, AT_FDCWD, "/", 1) >= 0 ||
         syscall(SYS_fsopen, "tmpfs", 0) >= 0 || syscall(SYS_pivot_root, "/", "/mnt") == 0;
}

/* The old way out of a chroot must end at the guest's own root. */
static int
try_chroot(const char *secret)
{
  if (mkdir("/tmp/jail", 0755) != 0 || chroot("/tmp/jail") != 0)
    return 0;
  for (int i = 0; i < 64; i++)
    if (chdir("..") != 0)
      return 0;
  return chroot(".") == 0 && access(secret, F_OK) == 0;
}

static int
try_mknod(const char *unused)
{
  (void)unused;
  for (unsigned major = 1; major < 260; major++)
    for (unsigned minor = 0; minor < 4; minor++)
      for (int block = 0; block < 2; block++) {
        unlink("/tmp/node");
        if (mknod("/tmp/node", (block ? S_IFBLK : S_IFCHR) | 0600, makedev(major, minor)) == 0 &&
            open("/tmp/node", O_RDWR) >= 0)
          return 1;
      }
  return 0;
}

static int
try_keys(const char *unused)
{
  (void)unused;
  return syscall(SYS_add_key, "user", "vnec", "x", 1, -4) >= 0 ||
         syscall(SYS_keyctl, 0, -3, 1) >= 0 || syscall(SYS_request_key, "user", "x", "y", -4) >= 0;
}

static int
try_kernel(const char *unused)
{
  (void)unused;
  union bpf_attr map = {
      .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  struct io_uring_params ring = {0};
  struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event};
  char bytes[512];
  return syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map) >= 0 ||
         syscall(SYS_io_uring_setup, 4, &ring) >= 0 ||
         syscall(SYS_perf_event_open, &event, 0, -1, -1, 0) >= 0 ||
         syscall(SYS_userfaultfd, 0) >= 0 || syscall(SYS_syslog, 3, bytes, sizeof bytes) >= 0 ||
         syscall(SYS_init_module, bytes, sizeof bytes, "") == 0 ||
         syscall(SYS_swapoff, "/swap") == 0 || syscall(SYS_fanotify_init, 0, 0) >= 0 ||
         reboot(RB_DISABLE_CAD) == 0;
}

/* A file handle of the machine's root folder, tried without knowing any: they are small numbers. */
static int
try_handle(const char *unused)
{
  (void)unused;
  struct {
    struct file_handle head;
    unsigned char bytes[8];
  } handle = {.head = {.handle_bytes = 8, .handle_type = 1}, .bytes = {2}};
  int fd = open("/usr", O_RDONLY);
  return syscall(SYS_open_by_handle_at, fd, &handle, O_RDONLY) >= 0;
}

static int
try_clock(const char *unused)
{
  (void)unused;
  struct timeval now;
  gettimeofday(&now, NULL);
  return settimeofday(&now, NULL) == 0;
}

static int
try_families(const char *unused)
{
  (void)unused;
  static const int own[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET};
  for (int family = 1; family < 48; family++) {
    int is_own = 0;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
      is_own |= own[i] == family;
    for (int type = SOCK_STREAM; !is_own && type <= SOCK_SEQPACKET; type++)
      if (socket(family, type, 0) >= 0)
        return 1;
  }
  return 0;
}

#ifdef __x86_64__
/* The 32-bit door into the kernel has other numbers: 21 is mount there. */
static int
try_calls32(const char *unused)
{
  (void)unused;
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L), "b"(0L), "c"(0L), "d"(0L) : "memory");
  return result > 0 || syscall(0x40000000 | SYS_getpid) > 0;
}
#endif

static const struct {
  const char *name;
  int (*open)(const char *argument);
} attempts[] = {
    {"abstract", try_abstract}, {"trace", try_trace},       {"channel", try_channel},
    {"memory", try_memory},     {"setns", try_setns},       {"unshare", try_unshare},
    {"mount", try_mount},       {"chroot", try_chroot},     {"mknod", try_mknod},
    {"keys", try_keys},         {"kernel", try_kernel},     {"handle", try_handle},
    {"clock", try_clock},       {"families", try_families},
#ifdef __x86_64__
    {"calls32", try_calls32},
#endif
};

int
main(int argc, char **argv)
{
  if (argc < 2)
    return 99;
  if (argc == 3 && strcmp(argv[1], "serve") == 0)
    return serve(argv[2]);
  if (strcmp(argv[1], "list") == 0) {
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
      printf("%s\n", attempts[i].name);
    return 0;
  }
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
    if (strcmp(attempts[i].name, argv[1]) == 0)
      return attempts[i].open(argc > 2 ? argv[2] : "1") ? 0 : 7;
  return 99; /* the test asks for what isn't here */
}
