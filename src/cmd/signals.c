/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/signals.h"

#include <glib-unix.h>
#include <signal.h>

static const int watched[VN_SIGNALS_WATCHED] = {SIGINT, SIGTERM, SIGHUP};

static gboolean
on_signal(gpointer data)
{
  VnSignals *signals = data;
  signals->n++;
  if (!signals->silent)
    g_printerr("\nvnec: %s\n", signals->n == 1
                                   ? "interrupted: cancelling what runs and taking down (again: "
                                     "without `always` tasks)"
                               : signals->n == 2 ? "taking down (again: kill)"
                                                 : "killing the slaves");
  vn_run_interrupt(signals->run);
  return G_SOURCE_CONTINUE;
}

void
vn_signals_watch(VnSignals *signals, VnRun *run, gboolean silent)
{
  *signals = (VnSignals){.run = run, .silent = silent};
  for (guint i = 0; i < G_N_ELEMENTS(watched); i++)
    signals->sources[i] =
        g_unix_signal_add_full(G_PRIORITY_HIGH, watched[i], on_signal, signals, NULL);
}

void
vn_signals_ignore(VnSignals *signals)
{
  for (guint i = 0; i < G_N_ELEMENTS(watched); i++) {
    g_source_remove(signals->sources[i]);
    (void)signal(watched[i], SIG_IGN); /* can't fail for these */
  }
}
