/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread a worker and not a pool: drivers may count on never being called twice at once for
 * an experiment, and on the thread living as long as what it made (a child's parent-death signal
 * follows the thread that made it). */
#include "slave/worker.h"

typedef struct {
  VnWorkerFunc run, done;
  gpointer job;
} Item;

struct VnWorker {
  GThread *thread;
  GAsyncQueue *queue; /* of Item; one without run ends the thread */
  GMainContext *context;
};

void
vn_worker_post(GMainContext *context, GSourceFunc func, gpointer data, GDestroyNotify destroy)
{
  g_autoptr(GSource) source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, func, data, destroy);
  g_source_attach(source, context);
}

static gboolean
tell_done(gpointer data)
{
  Item *item = data;
  item->done(item->job);
  return G_SOURCE_REMOVE;
}

static gpointer
work(gpointer data)
{
  VnWorker *worker = data;
  for (;;) {
    Item *item = g_async_queue_pop(worker->queue);
    if (item->run == NULL) {
      g_free(item);
      return NULL;
    }
    item->run(item->job);
    vn_worker_post(worker->context, tell_done, item, g_free);
  }
}

VnWorker *
vn_worker_new(const char *name)
{
  VnWorker *worker = g_new0(VnWorker, 1);
  worker->queue = g_async_queue_new();
  worker->context = g_main_context_ref_thread_default();
  worker->thread = g_thread_new(name, work, worker);
  return worker;
}

void
vn_worker_free(VnWorker *worker)
{
  if (worker == NULL)
    return;
  vn_worker_push(worker, NULL, NULL, NULL);
  g_thread_join(worker->thread);
  g_async_queue_unref(worker->queue);
  g_main_context_unref(worker->context);
  g_free(worker);
}

void
vn_worker_push(VnWorker *worker, VnWorkerFunc run, VnWorkerFunc done, gpointer job)
{
  Item *item = g_new(Item, 1);
  *item = (Item){run, done, job};
  g_async_queue_push(worker->queue, item);
}
