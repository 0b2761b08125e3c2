/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trials in a row, and the slaves that they share. */
#include "master/trial.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define UNIX_PATH_MAX 100 /* bytes that surely fit into an address of a UNIX socket */

#include "tech/tech.h"

struct VnRun {
  VnRunConfig config;
  const VnRunEvents *events;
  gpointer data;
  GHashTable *slaves; /* name of a site to VnSlave* */
  VnSlave **by_site;  /* of the trial's model */
  VnTrial *trial;     /* the one that runs */
  guint64 next;       /* point * trials + number */
  guint next_source;
  int folder_fd;      /* of the results folder; -1: not opened */
  gboolean interrupted;
  guint n_interrupts;
  VnRunSummary summary;
  char *error;
};

static void
slave_destroy(gpointer slave)
{
  vn_slave_free(slave);
}

VnRun *
vn_run_new(const VnRunConfig *config, const VnRunEvents *events, gpointer data)
{
  VnRun *run = g_new0(VnRun, 1);
  run->config = *config;
  run->events = events;
  run->data = data;
  run->folder_fd = -1;
  run->slaves = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, slave_destroy);
  return run;
}

void
vn_run_free(VnRun *run)
{
  if (run == NULL)
    return;
  g_clear_handle_id(&run->next_source, g_source_remove);
  vn_trial_free(run->trial);
  g_hash_table_unref(run->slaves);
  if (run->folder_fd >= 0)
    close(run->folder_fd);
  g_free(run->by_site);
  g_free(run->error);
  g_free(run);
}

VnRunSummary
vn_run_summary(const VnRun *run)
{
  return run->summary;
}

static void
finish(VnRun *run, VnRunStatus status)
{
  run->summary.status = status;
  run->summary.error = run->error;
  g_hash_table_remove_all(run->slaves);
  run->events->finished(run->data);
}

/* ---- slaves ---- */

/* Simulated machines need no slave. */
static gboolean
site_is_used(const VnModel *model, guint32 site)
{
  for (guint32 i = 0; i < model->topology.n_segments; i++)
    if (model->topology.segments[i].site == site &&
        model->topology.segments[i].tech != VN_TECH_SIM)
      return TRUE;
  return FALSE;
}

/* Do packets cross between slaves anywhere in the run? */
static gboolean
has_several_sites(const VnRun *run)
{
  for (guint32 p = 0; p < run->config.n_points; p++) {
    const VnModel *model = run->config.points[p].model;
    guint32 used = 0;
    for (guint32 i = 0; i < model->n_sites; i++)
      used += site_is_used(model, i);
    if (used > 1)
      return TRUE;
  }
  return FALSE;
}

/* The socket for packets lies in the results folder, where nothing is left outside if everything
 * is killed; a long path is reached through a descriptor of the folder. */
static char *
packets_path(VnRun *run, const char *site)
{
  if (!has_several_sites(run))
    return NULL;
  char *path = g_strdup_printf("%s/%s.packets", vn_store_folder(run->config.store), site);
  if (strlen(path) < UNIX_PATH_MAX)
    return path;
  g_free(path);
  if (run->folder_fd < 0)
    run->folder_fd =
        open(vn_store_folder(run->config.store), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return g_strdup_printf("/proc/%d/fd/%d/%.40s.packets", (int)getpid(), run->folder_fd, site);
}

static gboolean
find_slaves(VnRun *run, const VnModel *model, GError **error)
{
  g_free(run->by_site);
  run->by_site = g_new0(VnSlave *, model->n_sites + 1);
  for (guint32 i = 0; i < model->n_sites; i++) {
    const VnSite *site = &model->sites[i];
    if (!site_is_used(model, i))
      continue;
    VnSlave *slave = g_hash_table_lookup(run->slaves, site->name);
    if (slave == NULL) {
      g_autofree char *packets = packets_path(run, site->name);
      slave = vn_slave_open(site->name, site->at, run->config.slave_program, packets, error);
      if (slave == NULL)
        return FALSE;
      g_hash_table_insert(run->slaves, g_strdup(site->name), slave);
    }
    run->by_site[i] = slave;
  }
  return TRUE;
}

/* ---- trials ---- */

static gboolean start_next(gpointer data);

static VnRunStatus
final_status(const VnRun *run, gboolean task_failed)
{
  if (run->interrupted)
    return VN_RUN_INTERRUPTED;
  return task_failed ? VN_RUN_FAILED : VN_RUN_COMPLETED;
}

static void
on_trial_ended(const VnTrialReport *report, gpointer owner)
{
  VnRun *run = owner;
  g_autoptr(GError) error = NULL;
  gboolean stored = vn_store_commit(run->config.store, &error);
  run->events->trial_ended(report, run->data);
  if (report->status == VN_RUN_COMPLETED || report->status == VN_RUN_FAILED) {
    if (report->passed)
      run->summary.passed++;
    else
      run->summary.failed++;
  }
  if (report->status == VN_RUN_FAILED)
    run->summary.status = VN_RUN_FAILED; /* so far */
  /* What breaks under a person who interrupts for the third time was meant to. */
  gboolean broken = (report->status == VN_RUN_BROKEN && !run->interrupted) || !stored;
  if (broken)
    run->error = g_strdup(!stored ? error->message : report->error);
  if (report->status == VN_RUN_INTERRUPTED)
    run->interrupted = TRUE;
  g_clear_pointer(&run->trial, vn_trial_free); /* and the report with it */
  if (broken)
    finish(run, VN_RUN_BROKEN);
  else
    start_next(run);
}

static gboolean
start_next(gpointer data)
{
  VnRun *run = data;
  guint64 total = (guint64)run->config.n_points * run->config.trials;
  g_autoptr(GError) error = NULL;
  run->next_source = 0;
  while (run->next < total && run->config.done != NULL && run->config.done[run->next])
    run->next++;
  if (run->next >= total || run->interrupted) {
    finish(run, final_status(run, run->summary.status == VN_RUN_FAILED));
    return G_SOURCE_REMOVE;
  }
  guint32 point = (guint32)(run->next / run->config.trials);
  guint32 number = (guint32)(run->next % run->config.trials);
  run->next++;
  const VnRunPoint *what = &run->config.points[point];
  gboolean ready = find_slaves(run, what->model, &error);
  VnTrialConfig config = {&run->config, run->events, run->data, *what, point, number,
                          run->by_site, on_trial_ended, run};
  if (ready)
    run->trial = vn_trial_new(&config, &error);
  if (run->trial == NULL) {
    run->error = g_strdup(error->message);
    run->events->log(VN_SEVERITY_ERROR, error->message, run->data);
    finish(run, VN_RUN_BROKEN);
    return G_SOURCE_REMOVE;
  }
  vn_trial_start(run->trial);
  return G_SOURCE_REMOVE;
}

void
vn_run_start(VnRun *run)
{
  run->next_source = g_idle_add_full(G_PRIORITY_DEFAULT, start_next, run, NULL);
}

static void
abandon_slaves(VnRun *run)
{
  GHashTableIter iter;
  gpointer slave;
  g_hash_table_iter_init(&iter, run->slaves);
  while (g_hash_table_iter_next(&iter, NULL, &slave))
    vn_slave_abandon(slave, "given up");
}

void
vn_run_interrupt(VnRun *run)
{
  run->interrupted = TRUE;
  if (++run->n_interrupts > 2)
    abandon_slaves(run);
  else if (run->trial != NULL)
    vn_trial_interrupt(run->trial);
}
