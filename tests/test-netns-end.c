/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a netns guest can't do, and that nothing is left when a process of ours is killed.
 *
 * For the latter the program starts itself with `live`: that one is the slave, makes a network,
 * says "ready", answers 'l' with the VMs that it lost, and takes down at the end of its input.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/netns-lab.h"

static void
test_forbidden(void)
{
  static const char *const attempts[] = {
      "mount -t tmpfs none /mnt",
      "mount -t proc none /mnt",
      "umount /proc",
      "umount -l /usr",
      "mount -o remount,rw /usr",
      "unshare -U true",
      "unshare -n true",
      "unshare -m true",
      "nsenter -t 1 -m true",
      "mknod /tmp/d b 254 0",
      "mknod /tmp/c c 1 1",
      "echo b > /proc/sysrq-trigger",
      "echo 1 > /proc/sys/kernel/panic",
      "echo /tmp/x > /proc/sys/kernel/core_pattern",
      "echo 5 > /proc/sys/vm/swappiness",
      "head -c 1 /proc/kcore",
      "dmesg",
      "date -s 2001-01-01",
      "hostname other",
      "perl -e 'socket(S, 40, 1, 0) or exit 1'",
      "perl -e 'socket(S, 38, 5, 0) or exit 1'",
      "touch /usr/x",
      "touch /usr/bin/ls",
      "rm /usr/bin/ls",
      "touch /dev/x",
      "rm /dev/null",
      "echo x > /proc/1/mem",
      "ls -A /home | grep .",
      "ls /etc/shadow",
      "ls /etc/ssh",
      "ls -A /var/lib | grep .",
      "ls -A /run | grep -vx -e shm -e lock -e mount",
      "ls /work || ls /sys/class || ls /boot",
      "chroot /proc/1/root/.. ls /sys/class",
      "grep -v -e ' / ' -e ' /usr' -e ' /lib' -e ' /bin' -e ' /sbin' -e ' /dev' -e ' /proc ' "
      "/proc/mounts",
      "cat /proc/2/status | grep -i systemd",
      "ls -A /root | grep .",
      "ip link | grep -v -e lo: -e eth0@ -e link/",
      "test -e /proc/self/fd/3",
      "perl -e 'open F, \"+<\", \"/proc/1/exe\" or exit 1'",
  };
  g_autoptr(Lab) lab = lab_flat(1);
  lab_on(lab, 0, 1);
  for (guint i = 0; i < G_N_ELEMENTS(attempts); i++) {
    g_autofree char *text = NULL;
    if (lab_sh(lab, 0, attempts[i], &text) == 0)
      g_error("a guest could: %s: %s", attempts[i], text);
  }
  static const char *const allowed[] = {
      "ip link add d0 type veth peer name d1",
      "echo 1 > /proc/sys/net/ipv4/ip_forward",
      "echo x > /etc/passwd",
      "kill -9 1; true",
      "perl -e 'socket(S, 2, 1, 0) or exit 1'",
      "perl -e 'socket(S, 17, 3, 0) or exit 1'",
      "touch /dev/shm/x",
      "script -qc true /dev/null",
      "echo y > /dev/null",
      "head -c 4 /dev/urandom > /tmp/r",
      "test $(id -u) = 0",
  };
  for (guint i = 0; i < G_N_ELEMENTS(allowed); i++) {
    g_autofree char *text = NULL;
    if (lab_sh(lab, 0, allowed[i], &text) != 0)
      g_error("a guest could not: %s: %s", allowed[i], text);
  }
}

static void
test_limits(void)
{
  g_autoptr(Lab) lab = lab_flat(2);
  lab->vms[0].processes = 20;
  lab->vms[1].memory = 256 << 20;
  lab_define(lab, 0);
  lab_on(lab, 0, 2);
  g_autofree char *text = NULL;
  lab_sh(lab, 0,
         "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do "
         "sleep 5 & done 2>&1",
         &text);
  g_assert_nonnull(strstr(text, "fork"));
  static const char fill[] = "perl -e '$x = \"x\" x ($ARGV[0] << 20); print length $x' %d";
  g_autofree char *much = g_strdup_printf(fill, 400), *little = g_strdup_printf(fill, 50);
  g_assert_cmpint(lab_sh(lab, 1, much, NULL), !=, 0);
  g_assert_cmpint(lab_sh(lab, 1, little, NULL), ==, 0);
}

/* ---- what is left ---- */

typedef struct {
  GPid pid;
  FILE *in, *out; /* of ours: to it, from it */
  char *mounts, *links;
  GArray *pids;       /* of its helper, keeper and guests, in this order of age */
  GHashTable *spaces; /* inodes of their namespaces */
} Live;

static char *
read_text(const char *path)
{
  char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  return text;
}

/* Names only: counters change. */
static char *
link_names(void)
{
  g_autofree char *text = read_text("/proc/net/dev");
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  GString *names = g_string_new(NULL);
  for (guint i = 0; lines[i] != NULL; i++)
    g_string_append_len(names, lines[i], (gssize)strcspn(lines[i], ":"));
  return g_string_free(names, FALSE);
}

static int
parent_of(int pid)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid), *text = NULL;
  int parent = 0;
  if (!g_file_get_contents(path, &text, NULL, NULL) || strrchr(text, ')') == NULL)
    return -1;
  (void)sscanf(strrchr(text, ')'), ") %*c %d", &parent);
  return parent;
}

static void
find_children(GArray *pids, int of)
{
  DIR *folder = opendir("/proc");
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    int pid = atoi(entry->d_name);
    if (pid <= 0 || parent_of(pid) != of)
      continue;
    g_array_append_val(pids, pid);
    find_children(pids, pid);
  }
  closedir(folder);
}

static void
visit_spaces(int pid, void (*visit)(ino_t inode, Live *live), Live *live)
{
  static const char *const names[] = {"net", "mnt", "pid", "user", "uts", "ipc"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_strdup_printf("/proc/%d/ns/%s", pid, names[i]);
    struct stat found;
    if (stat(path, &found) == 0)
      visit(found.st_ino, live);
  }
}

static void
note_space(ino_t inode, Live *live)
{
  g_hash_table_add(live->spaces, GSIZE_TO_POINTER(inode));
}

static Live *
live_start(void)
{
  g_autoptr(GError) error = NULL;
  Live *live = g_new0(Live, 1);
  live->mounts = read_text("/proc/self/mounts");
  live->links = link_names();
  char *arguments[] = {(char *)"/proc/self/exe", (char *)"live", NULL};
  int in = -1, out = -1;
  g_assert_true(g_spawn_async_with_pipes(NULL, arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                         NULL, &live->pid, &in, &out, NULL, &error));
  live->in = fdopen(in, "w");
  live->out = fdopen(out, "r");
  char line[64] = "";
  g_assert_nonnull(fgets(line, sizeof line, live->out));
  g_assert_cmpstr(line, ==, "ready\n");
  live->pids = g_array_new(FALSE, FALSE, sizeof(int));
  find_children(live->pids, live->pid);
  g_assert_cmpuint(live->pids->len, ==, 2 + 3 + 1); /* helper, keeper, guests, a task */
  live->spaces = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < live->pids->len; i++)
    visit_spaces(g_array_index(live->pids, int, i), note_space, live);
  /* All their own, but that helper and keeper are in one user namespace; and none is ours. */
  g_assert_cmpuint(g_hash_table_size(live->spaces), ==, (2 + 3) * 6 - 1);
  visit_spaces(getpid(), note_space, live);
  g_assert_cmpuint(g_hash_table_size(live->spaces), ==, (2 + 3) * 6 - 1 + 6);
  return live;
}

/* All processes from place `first` on are gone; and so are their namespaces, which nothing else
 * held: no process, no mount. */
static void
live_check(Live *live, guint first)
{
  for (guint i = first; i < live->pids->len; i++) {
    int pid = g_array_index(live->pids, int, i), tries = 0;
    while (kill(pid, 0) == 0 || errno != ESRCH) {
      g_assert_cmpint(tries++, <, 300);
      g_usleep(10000);
    }
  }
  g_autofree char *mounts = read_text("/proc/self/mounts"), *links = link_names();
  g_assert_cmpstr(mounts, ==, live->mounts);
  g_assert_cmpstr(links, ==, live->links);
}

static void
live_lost(Live *live)
{
  char line[256] = "";
  fputs("l\n", live->in);
  fflush(live->in);
  g_assert_nonnull(fgets(line, sizeof line, live->out));
  for (guint i = 1; i <= 3; i++) {
    g_autofree char *which = g_strdup_printf("%u: ", i);
    g_assert_nonnull(strstr(line, which));
  }
}

static void
live_end(Live *live)
{
  fclose(live->in);
  fclose(live->out);
  g_spawn_close_pid(live->pid);
  g_array_unref(live->pids);
  g_hash_table_unref(live->spaces);
  g_free(live->mounts);
  g_free(live->links);
  g_free(live);
}

static void
test_orderly(void)
{
  Live *live = live_start();
  fclose(live->in);
  live->in = fopen("/dev/null", "w");
  live_check(live, 0);
  live_end(live);
}

static void
test_kill_slave(void)
{
  Live *live = live_start();
  g_assert_cmpint(kill(live->pid, SIGKILL), ==, 0);
  live_check(live, 0);
  live_end(live);
}

static void
test_kill_helper(void)
{
  Live *live = live_start();
  g_assert_cmpint(kill(g_array_index(live->pids, int, 0), SIGKILL), ==, 0);
  live_lost(live);
  live_end(live);
}

static void
test_kill_keeper(void)
{
  Live *live = live_start();
  g_assert_cmpint(kill(g_array_index(live->pids, int, 1), SIGKILL), ==, 0);
  live_lost(live);
  live_check(live, 1);
  live_end(live);
}

/* ---- the other program ---- */

static int
live_main(void)
{
  if (!vn_driver_netns.prepare(NULL))
    return 1;
  Lab *lab = lab_flat(3);
  lab_on(lab, 0, 3);
  peer_script(lab->peers[0], 0, "echo x; exec sleep 100");
  while (peer_turn(lab->peers[0], 100) && lab->lost->len == 0) {
    g_autoptr(GList) tasks = g_hash_table_get_values(lab->peers[0]->tasks);
    if (tasks != NULL && ((PeerTask *)tasks->data)->out->len > 0)
      break;
  }
  g_usleep(20000); /* the shell becomes sleep */
  puts("ready");
  fflush(stdout);
  char line[16];
  while (fgets(line, sizeof line, stdin) != NULL) {
    for (guint i = 0; i < 500 && strstr(lab->lost->str, "1: ") == NULL; i++)
      g_usleep(10000);
    g_usleep(100000);
    printf("%s\n", lab->lost->str);
    fflush(stdout);
  }
  lab_free(lab);
  return 0;
}

int
main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], "live") == 0)
    return live_main();
  g_autoptr(GError) error = NULL;
  g_test_init(&argc, &argv, NULL);
  if (!vn_driver_netns.prepare(&error)) {
    g_print("1..0 # SKIP %s\n", error->message);
    return 77;
  }
  g_test_add_func("/netns/forbidden", test_forbidden);
  g_test_add_func("/netns/limits", test_limits);
  g_test_add_func("/netns/end/orderly", test_orderly);
  g_test_add_func("/netns/end/kill-slave", test_kill_slave);
  g_test_add_func("/netns/end/kill-helper", test_kill_helper);
  g_test_add_func("/netns/end/kill-keeper", test_kill_keeper);
  return g_test_run();
}
