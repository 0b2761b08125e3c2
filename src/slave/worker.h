/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread that does an experiment's blocking work, one job after the other, in order. */
#pragma once

#include <glib.h>

typedef struct VnWorker VnWorker;

typedef void (*VnWorkerFunc)(gpointer job);

/* Calls func once from the loop of the context (NULL: the default one), in the order of the calls.
 * Unlike g_main_context_invoke never from within the calling thread, even while no loop runs. */
void vn_worker_post(GMainContext *context, GSourceFunc func, gpointer data, GDestroyNotify destroy);

VnWorker *vn_worker_new(const char *name);
/* Waits for the jobs that are left, then ends the thread. `done` of jobs is still called. */
void vn_worker_free(VnWorker *worker);
/* `run` in the thread, then `done` in the thread that made the worker. */
void vn_worker_push(VnWorker *worker, VnWorkerFunc run, VnWorkerFunc done, gpointer job);
