/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec doctor: what this machine can run, what is missing, and how to get it. What the drivers
 * need they say themselves, through a slave; the rest are limits that large networks meet. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd/offer.h"
#include "cmd/paths.h"
#include "cmd/verb.h"
#include "hub/hub.h"
#include "tech/tech.h"

#define DESCRIPTORS_GOOD 20000
#define NEIGHBOURS_GOOD 16384
#define DESCRIPTORS_A_HOST 4 /* that a slave holds, about */

typedef enum { MARK_GOOD, MARK_LESS, MARK_BAD } Mark;

static void
say(Mark mark, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
say(Mark mark, const char *format, ...)
{
  static const char *const marks[] = {"ok     ", "less   ", "missing"};
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_print("%s  %s\n", marks[mark], text);
}

static gboolean
check_helpers(void)
{
  static const char *const programs[] = {"vnec-slave", "vnec-taskrunner", "vnec-router"};
  g_autofree char *folder = vn_paths_helpers();
  gboolean all = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(programs); i++) {
    g_autofree char *path = g_build_filename(folder, programs[i], NULL);
    if (access(path, X_OK) == 0)
      continue;
    say(MARK_BAD, "%s: %s. Build or install VNEC completely.", path, g_strerror(errno));
    all = FALSE;
  }
  if (all)
    say(MARK_GOOD, "helpers: %s", folder);
  return all;
}

static gboolean
check_stdlib(void)
{
  g_autofree char *folder = vn_paths_stdlib();
  g_autofree char *std = g_build_filename(folder, "std", NULL);
  gboolean there = g_file_test(std, G_FILE_TEST_IS_DIR);
  if (there)
    say(MARK_GOOD, "standard library: %s", folder);
  else
    say(MARK_BAD, "standard library: %s is not there. Set VNEC_STDLIB or install VNEC.", std);
  return there;
}

static void
check_descriptors(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  guint64 most = limit.rlim_max == RLIM_INFINITY ? G_MAXUINT32 : limit.rlim_max;
  if (most >= DESCRIPTORS_GOOD)
    say(MARK_GOOD, "descriptors: up to %" G_GUINT64_FORMAT, most);
  else
    say(MARK_LESS,
        "descriptors: up to %" G_GUINT64_FORMAT " (some %" G_GUINT64_FORMAT
        " hosts). `ulimit -Hn` or LimitNOFILE= raises it.",
        most, most / DESCRIPTORS_A_HOST);
}

/* One table for the whole machine; hosts in namespaces share it. */
static void
check_neighbours(void)
{
  static const char path[] = "/proc/sys/net/ipv4/neigh/default/gc_thresh3";
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return;
  gint64 most = g_ascii_strtoll(text, NULL, 10);
  if (most >= NEIGHBOURS_GOOD)
    say(MARK_GOOD, "neighbour table: %" G_GINT64_FORMAT " entries", most);
  else
    say(MARK_LESS,
        "neighbour table: %" G_GINT64_FORMAT " entries for all hosts together; where more pairs "
        "speak within seconds packets are lost. `sysctl net.ipv4.neigh.default.gc_thresh3=%d` as "
        "root raises it (net.ipv6 likewise).",
        most, NEIGHBOURS_GOOD);
}

static void
check_ids(void)
{
  g_autofree char *path = g_find_program_in_path("newuidmap");
  if (getuid() == 0)
    say(MARK_GOOD, "runs as root: hosts have 65,536 user ids that nobody else has");
  else if (path != NULL)
    say(MARK_GOOD, "newuidmap: %s (with a line in /etc/subuid hosts have many user ids)", path);
  else
    say(MARK_LESS, "newuidmap is not there: hosts have one user id, root's. "
                   "`apt-get install uidmap` changes that.");
}

/* In a thread of its own, which ends with what it got. */
static gpointer
try_realtime(gpointer data)
{
  const struct sched_param how = {.sched_priority = VN_HUB_REALTIME};
  return GINT_TO_POINTER(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &how) == 0);
}

static void
check_realtime(void)
{
  if (g_thread_join(g_thread_new("realtime", try_realtime, NULL)) != NULL)
    say(MARK_GOOD, "real-time priority: allowed, delays of segments are held on a busy machine");
  else
    say(MARK_LESS,
        "real-time priority: refused, so delays of segments get longer on a busy machine. "
        "`ulimit -r %d` or LimitRTPRIO= allows it.",
        VN_HUB_REALTIME);
}

static void
say_limits(void)
{
  say(MARK_GOOD, "limits: `processes` holds for a host, `memory` for each process of it");
}

/* Virtual machines run without KVM, too, some times slower. */
static void
check_kvm(void)
{
  g_autofree char *folder = vn_paths_helpers();
  g_autofree char *program = g_build_filename(folder, "vnec-virt", NULL);
  const char *arguments[] = {program, "--kvm", NULL};
  g_autofree char *said = NULL;
  int status = 0;
  if (access(program, X_OK) != 0 ||
      !g_spawn_sync(NULL, (char **)arguments, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &said,
                    NULL, &status, NULL))
    return; /* the technology's own line says what is missing */
  if (g_spawn_check_wait_status(status, NULL))
    say(MARK_GOOD, "KVM: runs guests");
  else
    say(MARK_LESS, "%s; QEMU machines run without it, slower", g_strchomp(said));
}

/* TRUE if the embedded technology runs, which scripts use that name none. */
static gboolean
say_offer(GVariant *offer)
{
  g_autoptr(GVariantIter) techs = NULL, vms = NULL;
  const char *machine, *name, *why_not;
  gboolean rootless, runs = FALSE;
  g_variant_get(offer, "(&sa(ssb)a(ssssss))", &machine, &techs, &vms);
  while (g_variant_iter_next(techs, "(&s&sb)", &name, &why_not, &rootless)) {
    gboolean embedded = vn_tech_from_name(name) == VN_TECH_NETNS;
    if (*why_not == '\0')
      say(MARK_GOOD, "technology %s runs%s", name, rootless ? ", without root" : "");
    else
      say(embedded ? MARK_BAD : MARK_LESS, "technology %s: %s", name, why_not);
    runs = runs || (embedded && *why_not == '\0');
  }
  if (g_variant_iter_n_children(vms) > 0)
    say(MARK_GOOD, "inventory: %u machines",
        (guint)g_variant_iter_n_children(vms));
  return runs;
}

int
vn_verb_doctor(int argc, char **argv)
{
  const GOptionEntry entries[] = {{NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, NULL,
                       "Says what this machine can run, what is missing, and how to get it. Exit "
                       "status 1 if experiments can't run on the embedded technology.",
                       entries, &status))
    return status;
  if (argc > 1)
    return vn_verb_misuse("doctor", "it takes no arguments");
  gboolean helpers = check_helpers(), library = check_stdlib();
  check_descriptors();
  check_neighbours();
  check_ids();
  check_realtime();
  say_limits();
  check_kvm();
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) offer = helpers ? vn_offer_ask(&error) : NULL;
  if (error != NULL)
    say(MARK_BAD, "%s", error->message);
  gboolean runs = offer != NULL && say_offer(offer);
  gboolean good = helpers && library && runs;
  g_print("%s\n", good ? "Experiments can run here." : "Experiments can't run here yet.");
  return good ? VN_EXIT_PASSED : VN_EXIT_FAILED;
}
