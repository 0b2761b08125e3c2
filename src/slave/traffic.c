/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What crosses or leaves segments: captures on their way to the master. */
#include <unistd.h>

#include "slave/experiment-private.h"

static void
send_captured(VnExperiment *experiment, const VnCaptured *captured)
{
  if (captured->bytes == NULL) {
    vn_session_send(experiment->session, VN_MESSAGE_CAPTURE_END, captured->segment, 0,
                    g_variant_new("(utt)", captured->segment, captured->frames, captured->lost));
    return;
  }
  VnFrameWriter *writer = vn_session_begin(experiment->session, VN_MESSAGE_CAPTURED, 0,
                                           captured->segment, 0, captured->bytes->len + 16);
  vn_frame_put(writer, VN_TAG_BYTES, captured->bytes->data, captured->bytes->len);
  vn_session_commit(experiment->session);
}

void
vn_traffic_fetch(VnExperiment *experiment, gboolean all)
{
  while (experiment->captures != NULL &&
         (all || experiment->session == NULL ||
          vn_session_queued(experiment->session) < VN_SESSION_QUEUE_HIGH)) {
    VnCaptured *captured = vn_captures_fetch(experiment->captures);
    if (captured == NULL)
      return;
    if (experiment->session != NULL)
      send_captured(experiment, captured);
    vn_captured_free(captured);
  }
}

static void
captures_ready(gpointer data)
{
  vn_traffic_fetch(data, FALSE);
}

static gboolean
open_capture(VnRequest *request, guint32 segment, GError **error)
{
  VnExperiment *experiment = request->experiment;
  const VnDriver *driver = vn_experiment_driver(experiment, request->tech);
  VnDriverState *state = vn_experiment_state(experiment, request->tech, error);
  if (state == NULL)
    return FALSE;
  if (driver->open_capture == NULL) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED, "%s can't capture",
                vn_tech(request->tech)->title);
    return FALSE;
  }
  int fd = driver->open_capture(state, segment, error);
  return fd >= 0 && vn_captures_add(experiment->captures, segment, fd, request->name,
                                    request->filter, experiment->shared->program, error);
}

static void
run_capture(gpointer job)
{
  VnRequest *request = job;
  guint32 segment;
  g_variant_get(request->body, "(uss)", &segment, &request->name, &request->filter);
  g_autoptr(GError) error = NULL;
  if (!open_capture(request, segment, &error))
    vn_request_fail(request, segment, error->message);
}

static void
done_capture(gpointer job)
{
  vn_request_finish(job);
}

void
vn_do_capture(VnRequest *request)
{
  VnExperiment *experiment = request->experiment;
  guint32 segment;
  gpointer tech;
  g_autoptr(GError) error = NULL;
  g_variant_get_child(request->body, 0, "u", &segment);
  gboolean good = g_hash_table_lookup_extended(experiment->segments, GUINT_TO_POINTER(segment),
                                               NULL, &tech);
  if (!good)
    vn_request_fail(request, segment, "this slave has no such segment");
  if (good && experiment->captures == NULL) {
    experiment->captures = vn_captures_new(captures_ready, experiment, &error);
    good = experiment->captures != NULL;
    if (!good)
      vn_request_fail(request, segment, error->message);
  }
  if (!good) {
    vn_request_finish(request);
    return;
  }
  request->tech = GPOINTER_TO_UINT(tech);
  vn_worker_push(experiment->worker, run_capture, done_capture, request);
}
