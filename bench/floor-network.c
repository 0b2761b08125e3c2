/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor of bench_network: what the kernel needs to build a network of namespaces and to free
 * it, when a bare program asks for nothing else.
 *
 *   floor-network HOSTS flat|routed
 *
 * Each host has all six namespaces, an overlay over /usr and /etc on a tmpfs root, its own /proc,
 * and one cable; routed nets have a router for each ten hosts and a backbone. The work is phased:
 * clone all; children mount while the parent sends all links in one stream; then children set
 * addresses and routes. At the end each port is asked for once, so that it forwards at once.
 * Prints seconds: up, down (until links are gone), freed (until the kernel freed every network
 * namespace). Run it inside `unshare -Urnm`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32000 /* bytes of netlink messages sent at once */

typedef struct {
  pid_t pid;
  int control;      /* one byte at a time, both ways */
  int subnet;       /* -1: flat */
  int is_router;
  uint32_t address; /* network order */
  int prefix;
} Machine;

typedef struct {
  char bytes[BATCH + 4096];
  size_t used;
  struct nlmsghdr *message;
} Batch;

static Batch batch;
static int n_hosts, n_subnets, n_machines;
static char base[] = "/tmp/vnec-floor-XXXXXX";

static void
fail(const char *what)
{
  perror(what);
  exit(1);
}

static double
now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint32_t
ip(int a, int b, int c, int d)
{
  return htonl((uint32_t)a << 24 | (uint32_t)b << 16 | (uint32_t)c << 8 | (uint32_t)d);
}

/* ---- netlink ---- */

static void
begin(int type, int flags, const void *head, size_t size)
{
  batch.message = (struct nlmsghdr *)(batch.bytes + batch.used);
  memset(batch.message, 0, NLMSG_LENGTH(size));
  batch.message->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
  batch.message->nlmsg_type = (uint16_t)type;
  batch.message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  memcpy(NLMSG_DATA(batch.message), head, size);
}

static struct rtattr *
attribute(int type, const void *data, size_t size)
{
  struct nlmsghdr *message = batch.message;
  struct rtattr *a = (struct rtattr *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
  a->rta_type = (unsigned short)type;
  a->rta_len = (unsigned short)RTA_LENGTH(size);
  if (size > 0)
    memcpy(RTA_DATA(a), data, size);
  message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + (uint32_t)RTA_ALIGN(RTA_LENGTH(size));
  return a;
}

static void
nest_end(struct rtattr *a)
{
  a->rta_len = (unsigned short)((char *)batch.message + batch.message->nlmsg_len - (char *)a);
}

/* Sends what was gathered; the last message asks for an answer, errors are always answered. */
static void
flush(int socket_fd, const char *what)
{
  if (batch.used == 0)
    return;
  batch.message->nlmsg_flags |= NLM_F_ACK;
  batch.message->nlmsg_seq = 1;
  if (send(socket_fd, batch.bytes, batch.used, 0) < 0)
    fail(what);
  for (int done = 0; !done;) {
    char answer[8192];
    int n = (int)recv(socket_fd, answer, sizeof answer, 0);
    if (n < 0)
      fail(what);
    for (struct nlmsghdr *h = (struct nlmsghdr *)answer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
      struct nlmsgerr *e = NLMSG_DATA(h);
      if (h->nlmsg_type == NLMSG_ERROR && e->error != 0) {
        errno = -e->error;
        fail(what);
      }
      done |= h->nlmsg_seq == 1;
    }
  }
  batch.used = 0;
}

static void
finish(int socket_fd, const char *what)
{
  batch.used += NLMSG_ALIGN(batch.message->nlmsg_len);
  if (batch.used > BATCH)
    flush(socket_fd, what);
}

static int
netlink_open(void)
{
  int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  int size = 1 << 20;
  if (s < 0)
    fail("netlink socket");
  setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  return s;
}

static void
add_bridge(int s, const char *name)
{
  struct ifinfomsg info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  attribute(IFLA_IFNAME, name, strlen(name) + 1);
  struct rtattr *link = attribute(IFLA_LINKINFO, NULL, 0);
  attribute(IFLA_INFO_KIND, "bridge", 7);
  nest_end(link);
  finish(s, "bridge");
}

static void
add_cable(int s, const char *name, int bridge, const char *peer, pid_t pid)
{
  struct ifinfomsg info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, inner = {0};
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  attribute(IFLA_IFNAME, name, strlen(name) + 1);
  attribute(IFLA_MASTER, &bridge, 4);
  struct rtattr *link = attribute(IFLA_LINKINFO, NULL, 0);
  attribute(IFLA_INFO_KIND, "veth", 5);
  struct rtattr *data = attribute(IFLA_INFO_DATA, NULL, 0);
  struct rtattr *end = attribute(VETH_INFO_PEER, NULL, 0);
  memcpy((char *)batch.message + NLMSG_ALIGN(batch.message->nlmsg_len), &inner, sizeof inner);
  batch.message->nlmsg_len = NLMSG_ALIGN(batch.message->nlmsg_len) + sizeof inner;
  attribute(IFLA_IFNAME, peer, strlen(peer) + 1);
  attribute(IFLA_NET_NS_PID, &pid, 4);
  nest_end(end);
  nest_end(data);
  nest_end(link);
  finish(s, "cable");
}

static void
set_up(int s, int index)
{
  struct ifinfomsg info = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  begin(RTM_NEWLINK, 0, &info, sizeof info);
  finish(s, "up");
}

static void
add_address(int s, int index, uint32_t address, int prefix)
{
  struct ifaddrmsg m = {
      .ifa_family = AF_INET, .ifa_prefixlen = (unsigned char)prefix, .ifa_index = (unsigned)index};
  begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof m);
  attribute(IFA_LOCAL, &address, 4);
  attribute(IFA_ADDRESS, &address, 4);
  finish(s, "address");
}

static void
add_route(int s, uint32_t network, int prefix, uint32_t gateway)
{
  struct rtmsg m = {.rtm_family = AF_INET,
                    .rtm_dst_len = (unsigned char)prefix,
                    .rtm_table = RT_TABLE_MAIN,
                    .rtm_protocol = RTPROT_STATIC,
                    .rtm_type = RTN_UNICAST};
  begin(RTM_NEWROUTE, NLM_F_CREATE, &m, sizeof m);
  if (prefix > 0)
    attribute(RTA_DST, &network, 4);
  attribute(RTA_GATEWAY, &gateway, 4);
  finish(s, "route");
}

/* ---- a machine ---- */

static void
write_file(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0)
    fail(path);
  close(fd);
}

static void
mount_overlay(const char *root, const char *layers, const char *top)
{
  char upper[200], work[200], target[200], options[700], lower[64];
  snprintf(upper, sizeof upper, "%s/u%s", layers, top);
  snprintf(work, sizeof work, "%s/w%s", layers, top);
  snprintf(target, sizeof target, "%s/%s", root, top);
  snprintf(lower, sizeof lower, "/%s", top);
  mkdir(upper, 0755);
  mkdir(work, 0755);
  mkdir(target, 0755);
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s,userxattr", lower, upper,
           work);
  if (mount("overlay", target, "overlay", 0, options) != 0)
    fail("overlay");
}

static void
make_root(int id)
{
  static const char *const links[] = {"bin", "sbin", "lib", "lib64"};
  char layers[100], root[120], path[200], target[64];
  snprintf(layers, sizeof layers, "%s/%d", base, id);
  snprintf(root, sizeof root, "%s/root", layers);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("tmpfs", root, "tmpfs", 0, NULL) != 0)
    fail("root");
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    snprintf(path, sizeof path, "%s/%s", root, links[i]);
    snprintf(target, sizeof target, "usr/%s", links[i]);
    if (symlink(target, path) != 0)
      fail("link");
  }
  mount_overlay(root, layers, "usr");
  mount_overlay(root, layers, "etc");
  snprintf(path, sizeof path, "%s/proc", root);
  mkdir(path, 0555);
  if (chdir(root) != 0 ||
      mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 ||
      syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    fail("pivot");
}

static void
configure(const Machine *m)
{
  int s = netlink_open();
  set_up(s, 1);
  set_up(s, 2);
  add_address(s, 2, m->address, m->prefix);
  if (m->is_router) {
    set_up(s, 3);
    add_address(s, 3, ip(10, 2, m->subnet / 250, m->subnet % 250 + 1), 16);
    for (int k = 0; k < n_subnets; k++)
      if (k != m->subnet)
        add_route(s, ip(10, 1, k, 0), 24, ip(10, 2, k / 250, k % 250 + 1));
    write_file("/proc/sys/net/ipv4/ip_forward", "1");
  } else if (m->subnet >= 0) {
    add_route(s, 0, 0, ip(10, 1, m->subnet, 1));
  }
  flush(s, "configure");
  close(s);
}

static void
await(int fd)
{
  char c;
  if (read(fd, &c, 1) != 1)
    _exit(1);
}

static void
machine_main(Machine *m, int id)
{
  char c;
  await(m->control); /* ids are mapped */
  make_root(id);
  await(m->control); /* all links are there */
  configure(m);
  if (write(m->control, "r", 1) != 1)
    _exit(1);
  while (read(m->control, &c, 1) == 1)
    ;
  _exit(0);
}

static void
start(Machine *machines, int id)
{
  static const char *const folders[] = {"", "/root"};
  int ends[2];
  char path[128];
  for (size_t i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%d%s", base, id, folders[i]);
    if (mkdir(path, 0755) != 0)
      fail("folder");
  }
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    fail("socketpair");
  struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |
                                     CLONE_NEWUTS | CLONE_NEWIPC,
                            .exit_signal = SIGCHLD};
  Machine *m = &machines[id];
  m->pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  if (m->pid < 0)
    fail("clone");
  if (m->pid == 0) {
    for (int i = 0; i < id; i++)
      close(machines[i].control);
    close(ends[0]);
    m->control = ends[1];
    machine_main(m, id);
  }
  close(ends[1]);
  m->control = ends[0];
  snprintf(path, sizeof path, "/proc/%d/setgroups", m->pid);
  write_file(path, "deny");
  snprintf(path, sizeof path, "/proc/%d/uid_map", m->pid);
  write_file(path, "0 0 1");
  snprintf(path, sizeof path, "/proc/%d/gid_map", m->pid);
  write_file(path, "0 0 1");
  if (write(m->control, "m", 1) != 1)
    fail("map");
}

/* ---- the whole ---- */

static Machine *
lay_out(int flat)
{
  n_subnets = flat ? 0 : (n_hosts + 9) / 10;
  n_machines = n_hosts + n_subnets;
  Machine *machines = calloc((size_t)n_machines, sizeof *machines);
  for (int i = 0; i < n_hosts; i++)
    machines[i] = flat ? (Machine){.subnet = -1,
                                   .address = ip(10, 0, (i + 1) / 250, (i + 1) % 250 + 1),
                                   .prefix = 16}
                       : (Machine){.subnet = i / 10,
                                   .address = ip(10, 1, i / 10, i % 10 + 2),
                                   .prefix = 24};
  for (int k = 0; k < n_subnets; k++)
    machines[n_hosts + k] = (Machine){
        .subnet = k, .is_router = 1, .address = ip(10, 1, k, 1), .prefix = 24};
  return machines;
}

static int
bridge_index(int k)
{
  char name[16];
  snprintf(name, sizeof name, "b%d", k < 0 ? n_subnets : k);
  return (int)if_nametoindex(name);
}

static void
connect_all(int s, const Machine *machines)
{
  char name[32];
  for (int i = 0; i < n_machines; i++) {
    const Machine *m = &machines[i];
    snprintf(name, sizeof name, "v%da", i);
    add_cable(s, name, bridge_index(m->subnet), "eth0", m->pid);
    if (m->is_router) {
      snprintf(name, sizeof name, "v%db", i);
      add_cable(s, name, bridge_index(-1), "eth1", m->pid);
    }
  }
  flush(s, "cables");
}

/* A single RTM_GETLINK runs the port's pending link watch now, not up to seconds later. */
static void
settle_ports(int s, const Machine *machines)
{
  for (int i = 0; i < n_machines; i++)
    for (int end = 0; end <= machines[i].is_router; end++) {
      char name[32], answer[65536];
      struct ifinfomsg info = {0};
      snprintf(name, sizeof name, "v%d%c", i, 'a' + end);
      begin(RTM_GETLINK, 0, &info, sizeof info);
      attribute(IFLA_IFNAME, name, strlen(name) + 1);
      if (send(s, batch.bytes, batch.message->nlmsg_len, 0) < 0 ||
          recv(s, answer, sizeof answer, 0) <= 0)
        fail("port");
    }
}

static void
release_all(Machine *machines)
{
  for (int i = 0; i < n_machines; i++) {
    close(machines[i].control);
    kill(machines[i].pid, SIGKILL);
  }
  for (int i = 0; i < n_machines; i++)
    waitpid(machines[i].pid, NULL, 0);
  for (int left = 1; left > 0;) {
    struct if_nameindex *all = if_nameindex();
    left = 0;
    for (struct if_nameindex *one = all; one->if_index != 0; one++)
      left += one->if_name[0] == 'v';
    if_freenameindex(all);
    if (left > 0)
      usleep(500);
  }
}

/* With room for two network namespaces in this user namespace, a new one can be made only when
 * the kernel has freed all the others. */
static void
await_freed(void)
{
  write_file("/proc/sys/user/max_net_namespaces", "2");
  while (unshare(CLONE_NEWNET) != 0) {
    if (errno != ENOSPC)
      fail("unshare");
    usleep(500);
  }
}

int
main(int argc, char **argv)
{
  struct rlimit files;
  if (argc != 3 || (n_hosts = atoi(argv[1])) < 1)
    return 2;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  Machine *machines = lay_out(strcmp(argv[2], "flat") == 0);
  double t0 = now();
  if (mkdtemp(base) == NULL || mount("tmpfs", base, "tmpfs", 0, NULL) != 0)
    fail("tmpfs");
  int s = netlink_open();
  for (int k = 0; k <= n_subnets; k++) {
    char name[16];
    snprintf(name, sizeof name, "b%d", k);
    add_bridge(s, name);
  }
  flush(s, "bridges");
  for (int i = 0; i < n_machines; i++)
    start(machines, i);
  connect_all(s, machines);
  for (int i = 0; i < n_machines; i++)
    if (write(machines[i].control, "g", 1) != 1)
      fail("go");
  for (int i = 0; i < n_machines; i++)
    await(machines[i].control);
  settle_ports(s, machines);
  double t1 = now();
  release_all(machines);
  double t2 = now();
  close(s);
  await_freed();
  double t3 = now();
  umount2(base, MNT_DETACH);
  rmdir(base);
  free(machines);
  printf("%.4f %.4f %.4f\n", t1 - t0, t2 - t1, t3 - t1);
  return 0;
}
