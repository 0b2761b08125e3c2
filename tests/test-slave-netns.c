/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real vnec-slave with real namespaces: what runs, crosses and is recorded, and that nothing
 * is left, however it ends. Skipped where namespaces can't be made. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/netns/netns.h"
#include "slave/listen.h"
#include "tests/slave-master.h"

typedef struct {
  pid_t pid;
  Master m;
} Slave;

static char *
program(void)
{
  return g_build_filename(g_getenv("VNEC_BUILDDIR"), "bin", "vnec-slave", NULL);
}

/* option NULL: none. */
static void
slave_start(Slave *slave, const char *option, const char *value)
{
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_autofree char *path = program();
  slave->pid = fork();
  if (slave->pid == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || dup2(fds[1], 3) < 0 ||
        (fds[1] == 3 && fcntl(3, F_SETFD, 0) < 0))
      _exit(126);
    execl(path, path, "--fd", "3", option, value, (char *)NULL);
    _exit(127);
  }
  g_assert_cmpint(slave->pid, >, 0);
  close(fds[1]);
  master_init(&slave->m, fds[0]);
}

/* The exit status of the program once its master has left. */
static int
slave_end(Slave *slave)
{
  int status;
  master_clear(&slave->m);
  g_assert_cmpint(waitpid(slave->pid, &status, 0), ==, slave->pid);
  return status;
}

#define IFACE(segment, mac, address) "(" segment ", '', " mac ", '" address "', '', false)"
#define HOST(id, name, iface, route) \
  "(" id ", '" name "', 0, nothing, {}, nothing, 0, 0, 0, [" iface "], [" route "], [])"

/* Two hosts, 1 and 2, on segment 0. */
static void
open_lan(Slave *slave, const char *name)
{
  g_autofree char *open = g_strdup_printf("(1, '%s')", name);
  master_expect(&slave->m, VN_MESSAGE_OPEN, open, "");
  master_expect(&slave->m, VN_MESSAGE_SEGMENTS,
                "('netns', [(0, 'lan', 0, 0, 0, 0, 0, 0, 0, 0, 0, false)])", "");
  master_expect(
      &slave->m, VN_MESSAGE_VMS,
      "('netns', [" HOST("1", "a", IFACE("0", "0x020000000001", "10.0.0.1/24"), "") ", " HOST(
          "2", "b", IFACE("0", "0x020000000002", "10.0.0.2/24"), "") "])",
      "");
}

/* ---- what is left ---- */

/* The parent of a process; 0: it is not there, or dead. */
static pid_t
parent_of(pid_t pid)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
  g_autofree char *text = NULL;
  char state;
  int parent;
  if (!g_file_get_contents(path, &text, NULL, NULL) ||
      sscanf(strrchr(text, ')') + 2, "%c %d", &state, &parent) != 2 || state == 'Z')
    return 0;
  return parent;
}

/* All processes that descend from the slave. */
static GArray *
descendants(pid_t slave)
{
  GArray *found = g_array_new(FALSE, FALSE, sizeof(pid_t));
  g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    pid_t pid = (pid_t)g_ascii_strtoll(name, NULL, 10);
    pid_t above = pid;
    while (above > 1 && above != slave)
      above = parent_of(above);
    if (above == slave && pid != slave)
      g_array_append_val(found, pid);
  }
  return found;
}

static void
expect_gone(GArray *processes)
{
  for (guint i = 0; i < processes->len; i++) {
    pid_t pid = g_array_index(processes, pid_t, i);
    for (guint turn = 0; turn < 1000 && parent_of(pid) != 0; turn++)
      g_usleep(10000); /* the kernel ends what lost its owner; nobody tells us when */
    g_assert_cmpint(parent_of(pid), ==, 0);
  }
  g_array_unref(processes);
}

/* The master leaves; the slave ends in order and leaves nothing. */
static void
expect_clean_end(Slave *slave)
{
  GArray *all = descendants(slave->pid);
  g_assert_cmpint(slave_end(slave), ==, 0);
  expect_gone(all);
}

/* ---- tests ---- */

static void
test_run(void)
{
  Slave slave;
  slave_start(&slave, NULL, NULL);
  open_lan(&slave, "run");
  master_expect(&slave.m, VN_MESSAGE_POWER_ON, "([1, 2],)", "");
  g_assert_cmpuint(slave.m.hellos, ==, 2);
  g_assert_cmpint(master_shell(&slave.m, 1, "ping -c 1 -W 5 10.0.0.2"), ==, 0);
  g_assert_nonnull(strstr(slave.m.output->str, "1 received"));
  g_assert_cmpint(master_shell(&slave.m, 2, "hostname"), ==, 0);
  g_assert_cmpstr(slave.m.output->str, ==, "b\n");

  GVariant *proof = master_ask(&slave.m, VN_MESSAGE_PROVE, NULL);
  gboolean confined;
  g_variant_get_child(proof, 0, "b", &confined);
  g_assert_true(confined);

  master_expect(&slave.m, VN_MESSAGE_POWER_OFF, "([2], false)", "");
  /* The kernel frees a namespace a moment after its processes. */
  g_assert_cmpint(
      master_shell(&slave.m, 1, "while ping -c 1 -W 1 10.0.0.2; do sleep 0.1; done; exit 1"), ==,
      1);
  master_expect(&slave.m, VN_MESSAGE_RELEASE, "()", "");
  g_assert_cmpuint(slave.m.lost, ==, 0);
  expect_clean_end(&slave);
}

/* The frames of a capture, as libpcap reads them. */
static guint
count_frames(const GByteArray *bytes, const char *filter)
{
  g_autofree char *dir = g_dir_make_tmp("vnec-slave-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "lan.pcapng", NULL);
  g_assert_true(g_file_set_contents(path, (const char *)bytes->data, bytes->len, NULL));
  char why[PCAP_ERRBUF_SIZE];
  pcap_t *pcap = pcap_open_offline(path, why);
  g_assert_nonnull(pcap);
  struct bpf_program wanted;
  g_assert_cmpint(pcap_compile(pcap, &wanted, filter, 1, PCAP_NETMASK_UNKNOWN), ==, 0);
  g_assert_cmpint(pcap_setfilter(pcap, &wanted), ==, 0);
  struct pcap_pkthdr *header;
  const guint8 *data;
  guint n = 0;
  while (pcap_next_ex(pcap, &header, &data) == 1)
    n++;
  pcap_freecode(&wanted);
  pcap_close(pcap);
  g_assert_cmpint(g_remove(path) | g_rmdir(dir), ==, 0);
  return n;
}

static void
capture(const char *filter, guint expected_icmp, guint expected_arp)
{
  Slave slave;
  slave_start(&slave, NULL, NULL);
  open_lan(&slave, "capture");
  g_autofree char *request = g_strdup_printf("(0, 'lan', '%s')", filter);
  master_expect(&slave.m, VN_MESSAGE_CAPTURE, request, "");
  master_expect(&slave.m, VN_MESSAGE_POWER_ON, "([1, 2],)", "");
  g_assert_cmpint(master_shell(&slave.m, 1, "ping -c 5 -i 0.01 -W 5 10.0.0.2"), ==, 0);
  master_expect(&slave.m, VN_MESSAGE_RELEASE, "()", "");
  g_assert_cmpuint(slave.m.captures_ended, ==, 1);
  g_assert_cmpuint(slave.m.frames_lost, ==, 0);
  g_assert_cmpuint(count_frames(slave.m.captured, "icmp"), ==, expected_icmp);
  g_assert_cmpuint(count_frames(slave.m.captured, "arp") > 0, ==, expected_arp);
  g_assert_cmpuint(count_frames(slave.m.captured, ""), ==, slave.m.frames_captured);
  expect_clean_end(&slave);
}

static void
test_capture(void)
{
  capture("", 10, TRUE);
  capture("icmp[icmptype] == icmp-echo", 5, FALSE);
}

static void
test_bad_capture(void)
{
  Slave slave;
  slave_start(&slave, NULL, NULL);
  open_lan(&slave, "bad");
  master_ask(&slave.m, VN_MESSAGE_CAPTURE, g_variant_new_parsed("(uint32 0, 'x', 'frob')"));
  g_autofree char *why = master_failures(&slave.m);
  g_assert_nonnull(strstr(why, "frob"));
  expect_clean_end(&slave);
}

static void
test_lost(void)
{
  Slave slave;
  slave_start(&slave, NULL, NULL);
  open_lan(&slave, "lost");
  master_expect(&slave.m, VN_MESSAGE_POWER_ON, "([1, 2],)", "");
  VnFrameWriter *w = vn_session_begin(slave.m.session, VN_FRAME_EXIT, 0, 2, 1, 0);
  g_assert_nonnull(w);
  vn_session_commit(slave.m.session);
  until(slave.m.lost > 0);
  g_assert_cmpint(master_shell(&slave.m, 1, "true"), ==, 0);
  expect_clean_end(&slave);
}

/* The slave is killed, or its master goes, while things run: nothing is left. */
static void
test_killed(void)
{
  for (guint i = 0; i < 4; i++) {
    Slave slave;
    slave_start(&slave, NULL, NULL);
    open_lan(&slave, "killed");
    if (i > 0)
      master_expect(&slave.m, VN_MESSAGE_POWER_ON, "([1, 2],)", "");
    if (i > 1)
      master_start_shell(&slave.m, 1, "setsid sleep 1000 & sleep 1000");
    if (i == 2)
      g_assert_cmpint(master_shell(&slave.m, 2, "true"), ==, 0);
    (void)vn_session_flush(slave.m.session, NULL);
    GArray *all = descendants(slave.pid);
    g_assert_cmpuint(all->len, >, i > 0 ? 2 : 0);
    if (i < 3)
      g_assert_cmpint(kill(slave.pid, SIGKILL), ==, 0);
    int status = slave_end(&slave);
    g_assert_true(i < 3 ? WIFSIGNALED(status) : status == 0);
    expect_gone(all);
  }
}

static void
test_terminated(void)
{
  Slave slave;
  slave_start(&slave, NULL, NULL);
  open_lan(&slave, "terminated");
  master_expect(&slave.m, VN_MESSAGE_POWER_ON, "([1, 2],)", "");
  GArray *all = descendants(slave.pid);
  g_assert_cmpint(kill(slave.pid, SIGTERM), ==, 0);
  until(slave.m.closed == 1);
  g_assert_cmpint(slave_end(&slave), ==, 0);
  expect_gone(all);
}

/* ---- packets between slaves ---- */

/* A router with segment 0 inside and an external interface; a host behind it. */
#define SIDE(router, host, net, other)                                                       \
  "('netns', [(" router ", 'r" router "', 3, nothing, {}, nothing, 0, 0, 0, "                \
  "[" IFACE("0", "0x0200000000" router,                                                      \
            net ".254/24") "], "                                                             \
                           "[('" other ".0/24', 0xffffffff, '')], []), " HOST(               \
                               host, "h" host, IFACE("0", "0x0200000000" host, net ".1/24"), \
                               "('0.0.0.0/0', 0, '" net ".254')") "])"

static void
open_side(Slave *slave, const char *vms, const char *on, const char *ways)
{
  master_expect(&slave->m, VN_MESSAGE_OPEN, "(1, 'two-sites')", "");
  master_expect(&slave->m, VN_MESSAGE_SEGMENTS,
                "('netns', [(0, 'lan', 0, 0, 0, 0, 0, 0, 0, 0, 0, false)])", "");
  master_expect(&slave->m, VN_MESSAGE_VMS, vms, "");
  master_expect(&slave->m, VN_MESSAGE_EXTERNAL, ways, "");
  master_expect(&slave->m, VN_MESSAGE_POWER_ON, on, "");
}

static guint64
counter(Slave *slave, const char *name)
{
  GVariantIter *iter;
  const char *this;
  guint64 value, found = 0;
  g_variant_get(master_ask(&slave->m, VN_MESSAGE_STATS, NULL), "(a(st))", &iter);
  while (g_variant_iter_next(iter, "(&st)", &this, &value)) {
    if (strcmp(this, name) == 0)
      found = value;
  }
  g_variant_iter_free(iter);
  return found;
}

static void
test_two_slaves(void)
{
  g_autofree char *dir = g_dir_make_tmp("vnec-slave-XXXXXX", NULL);
  g_autofree char *one = g_build_filename(dir, "1", NULL);
  g_autofree char *two = g_build_filename(dir, "2", NULL);
  Slave a, b;
  slave_start(&a, "--packets", one);
  slave_start(&b, "--packets", two);
  open_side(&a, SIDE("10", "11", "10.1.0", "10.2.0"), "([10, 11],)",
            "([(10, '10.2.0.0/24', 20, 2)],)");
  open_side(&b, SIDE("20", "21", "10.2.0", "10.1.0"), "([20, 21],)",
            "([(20, '10.1.0.0/24', 10, 1)],)");
  g_autofree char *to_two = g_strdup_printf("(2, '%s', 1)", two);
  g_autofree char *to_one = g_strdup_printf("(1, '%s', 2)", one);
  master_expect(&a.m, VN_MESSAGE_PEER, to_two, "");
  master_expect(&b.m, VN_MESSAGE_PEER, to_one, "");
  g_assert_cmpint(master_shell(&a.m, 11, "ping -c 3 -i 0.05 -W 5 10.2.0.1"), ==, 0);
  g_assert_nonnull(strstr(a.m.output->str, "3 received"));
  g_assert_cmpint(master_shell(&b.m, 21, "ping -c 3 -i 0.05 -W 5 -s 1400 10.1.0.1"), ==, 0);
  g_assert_cmpuint(counter(&a, "router 10, packets sent"), >=, 6);
  g_assert_cmpuint(counter(&a, "router 10, packets received"), ==, 6);
  g_assert_cmpuint(counter(&b, "site 1, packets sent"), ==, 6);

  /* A router that is turned off and on has its external interface again. */
  master_expect(&b.m, VN_MESSAGE_POWER_OFF, "([20], false)", "");
  g_assert_cmpint(master_shell(&a.m, 11, "ping -c 1 -W 1 10.2.0.1"), ==, 1);
  master_expect(&b.m, VN_MESSAGE_POWER_ON, "([20],)", "");
  g_assert_cmpint(master_shell(&a.m, 11, "ping -c 1 -W 5 10.2.0.1"), ==, 0);

  master_expect(&a.m, VN_MESSAGE_RELEASE, "()", "");
  expect_clean_end(&a);
  expect_clean_end(&b);
  g_assert_cmpint(g_rmdir(dir), ==, 0); /* and no socket */
}

/* Two sites of one slave: the packets stay in it. */
static void
test_one_slave(void)
{
  Slave s;
  slave_start(&s, NULL, NULL);
  master_expect(&s.m, VN_MESSAGE_OPEN, "(1, 'one')", "");
  master_expect(&s.m, VN_MESSAGE_SEGMENTS,
                "('netns', [(0, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, false), "
                "(1, 'y', 0, 0, 0, 0, 0, 0, 0, 0, 0, false)])",
                "");
  master_expect(&s.m, VN_MESSAGE_VMS, SIDE("10", "11", "10.1.0", "10.2.0"), "");
  master_expect(&s.m, VN_MESSAGE_VMS,
                "('netns', [(20, 'r', 3, nothing, {}, nothing, 0, 0, 0, [" IFACE(
                    "1", "0x020000000020",
                    "10.2.0.254/24") "], "
                                     "[('10.1.0.0/24', 0xffffffff, '')], []), " HOST(
                                         "21", "h", IFACE("1", "0x020000000021", "10.2.0.1/24"),
                                         "('0.0.0.0/0', 0, '10.2.0.254')") "])",
                "");
  master_expect(&s.m, VN_MESSAGE_EXTERNAL,
                "([(10, '10.2.0.1/32', 20, 0), (20, '10.1.0.0/16', 10, 0)],)", "");
  master_expect(&s.m, VN_MESSAGE_PEER, "(0, '', 0)", "");
  master_expect(&s.m, VN_MESSAGE_POWER_ON, "([10, 11, 20, 21],)", "");
  g_assert_cmpint(master_shell(&s.m, 11, "ping -c 1 -W 5 10.2.0.1"), ==, 0);
  g_assert_cmpint(master_shell(&s.m, 11, "ping -c 1 -W 1 10.2.0.2"), ==, 1);
  g_assert_cmpuint(counter(&s, "dropped, no way to the destination"), >, 0);
  expect_clean_end(&s);
}

/* ---- a daemon that listens ---- */

static void
test_listen(void)
{
  g_autofree char *dir = g_dir_make_tmp("vnec-slave-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "slave", NULL);
  Slave slave;
  slave_start(&slave, "--listen", path);
  master_ask(&slave.m, VN_MESSAGE_INVENTORY, NULL); /* it listens by now */
  GStatBuf info;
  g_assert_cmpint(g_stat(path, &info), ==, 0);
  g_assert_cmpint(info.st_mode & 0777, ==, 0600);
  for (guint i = 0; i < 3; i++) {
    g_autoptr(GError) error = NULL;
    int fd = vn_connect_to(path, SOCK_STREAM, &error);
    g_assert_no_error(error);
    Slave other = {.pid = 0};
    master_init(&other.m, fd);
    open_lan(&other, i == 0 ? "one" : i == 1 ? "two" : "three"); /* the last may still go down */
    master_expect(&other.m, VN_MESSAGE_POWER_ON, "([1, 2],)", "");
    if (i == 0)
      master_expect(&other.m, VN_MESSAGE_RELEASE, "()", "");
    master_clear(&other.m);
  }
  GArray *all = descendants(slave.pid);
  g_assert_cmpint(kill(slave.pid, SIGTERM), ==, 0);
  g_assert_cmpint(slave_end(&slave), ==, 0);
  expect_gone(all);
  g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* ---- again and again ---- */

static guint
count_descriptors(pid_t pid)
{
  guint n = 0;
  g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  while (g_dir_read_name(dir) != NULL)
    n++;
  return n;
}

/* One session, one experiment after the other: descriptors, threads and processes stay flat. */
static void
test_again(void)
{
  Slave slave;
  slave_start(&slave, NULL, NULL);
  guint descriptors = 0, processes = 0;
  for (guint i = 0; i < 15; i++) {
    open_side(&slave, SIDE("1", "2", "10.1.0", "10.2.0"), "([1, 2],)",
              "([(1, '10.2.0.0/24', 9, 0)],)");
    master_expect(&slave.m, VN_MESSAGE_CAPTURE, "(0, 'lan', 'icmp')", "");
    master_expect(&slave.m, VN_MESSAGE_RELEASE, "()", "");
    g_assert_cmpuint(slave.m.captures_ended, ==, i + 1);
    GArray *all = descendants(slave.pid);
    if (i == 2) {
      descriptors = count_descriptors(slave.pid);
      processes = all->len;
    }
    if (i > 2) {
      g_assert_cmpuint(count_descriptors(slave.pid), ==, descriptors);
      g_assert_cmpuint(all->len, <=, processes);
    }
    g_array_unref(all);
  }
  expect_clean_end(&slave);
}

int
main(int argc, char **argv)
{
  master_find_build();
  g_test_init(&argc, &argv, NULL);
  g_autoptr(GError) error = NULL;
  if (!vn_driver_netns.prepare(&error) || !vn_driver_netns.probe(&error)) {
    g_print("1..0 # SKIP %s\n", error->message);
    return 0;
  }
  g_test_add_func("/slave-netns/run", test_run);
  g_test_add_func("/slave-netns/capture", test_capture);
  g_test_add_func("/slave-netns/bad-capture", test_bad_capture);
  g_test_add_func("/slave-netns/lost", test_lost);
  g_test_add_func("/slave-netns/killed", test_killed);
  g_test_add_func("/slave-netns/terminated", test_terminated);
  g_test_add_func("/slave-netns/two-slaves", test_two_slaves);
  g_test_add_func("/slave-netns/one-slave", test_one_slave);
  g_test_add_func("/slave-netns/listen", test_listen);
  g_test_add_func("/slave-netns/again", test_again);
  return g_test_run();
}
