/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What crosses or leaves segments: captures on their way to the master, packets on their way to
 * other routers. */
#include <unistd.h>

#include "slave/decode.h"
#include "slave/experiment-private.h"

/* ---- captures ---- */

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
          vn_session_queued(experiment->session) <= VN_SESSION_QUEUE_HIGH)) {
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
  if (vn_hub_has_segment(experiment->hub, segment))
    return vn_captures_add_hub(experiment->captures, experiment->hub, segment, request->name,
                               request->filter, experiment->shared->program, error);
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
  gboolean good =
      g_hash_table_lookup_extended(experiment->segments, GUINT_TO_POINTER(segment), NULL, &tech);
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

/* ---- packets between routers ---- */

gboolean
vn_traffic_forward(VnExperiment *experiment, GError **error)
{
  if (experiment->forward == NULL)
    experiment->forward = vn_forward_new(experiment->name, error);
  return experiment->forward != NULL;
}

gboolean
vn_traffic_open_external(VnExperiment *experiment, const VnDriver *driver, VnDriverState *state,
                         guint32 router, GError **error)
{
  VnDriverExternal external;
  return driver->open_external(state, router, &external, error) &&
         vn_forward_add_external(experiment->forward, router, &external, error);
}

static void
add_way(VnRequest *request, guint32 from, const char *text, VnWay way)
{
  VnPrefix prefix;
  g_autofree char *why = NULL;
  if (!vn_prefix_parse(text, &prefix))
    why = g_strdup_printf("“%s” is no prefix", text);
  else if (from >= VN_SLAVE_IDS_MAX)
    why = g_strdup_printf("the router's number %u is too large", from);
  else if (!vn_forward_add_way(request->experiment->forward, from, &prefix, way))
    why = g_strdup_printf("more than %u ways", VN_WAYS_MAX);
  if (why != NULL)
    vn_request_fail(request, from, why);
}

void
vn_do_external(VnRequest *request)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) items = g_variant_get_child_value(request->body, 0);
  gsize n = g_variant_n_children(items);
  if (!vn_traffic_forward(request->experiment, &error)) {
    vn_request_fail(request, VN_WIRE_WHOLE, error->message);
    n = 0;
  }
  for (gsize i = 0; i < n; i++) {
    guint32 from;
    const char *prefix;
    VnWay way;
    g_variant_get_child(items, i, "(u&suu)", &from, &prefix, &way.router, &way.site);
    add_way(request, from, prefix, way);
  }
  vn_request_finish(request);
}

void
vn_do_peer(VnRequest *request)
{
  guint32 site, own;
  const char *path;
  g_autoptr(GError) error = NULL;
  g_variant_get(request->body, "(u&su)", &site, &path, &own);
  if (!vn_traffic_forward(request->experiment, &error))
    vn_request_fail(request, VN_WIRE_WHOLE, error->message);
  else if (!vn_forward_add_peer(request->experiment->forward, site, path, own))
    vn_request_fail(request, site, "the site's number is too large");
  vn_request_finish(request);
}

/* ---- the hub ---- */

static void
add_port_counters(guint64 port, guint32 segment, const VnHubCounters *counters, gpointer data)
{
  GVariantBuilder *builder = data;
  const struct {
    const char *name;
    guint64 value;
  } all[] = {
#define X(field, name) {name, counters->field},
      VN_HUB_COUNTERS(X)
#undef X
  };
  for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
    g_autofree char *name =
        g_strdup_printf("segment %u, VM %u, interface %u, %s", segment, (guint)(port >> 32),
                        (guint)port, all[i].name);
    g_variant_builder_add(builder, "(st)", name, all[i].value);
  }
}

static void
add_lagged(guint64 port, guint32 segment, const VnHubCounters *counters, gpointer data)
{
  *(guint64 *)data += counters->lagged + counters->missed;
}

char *
vn_traffic_hub_report(VnHub *hub)
{
  VnHubTiming timing;
  guint64 lagged = 0;
  g_autoptr(GString) text = g_string_new(NULL);
  vn_hub_timing(hub, &timing);
  vn_hub_each_port(hub, add_lagged, &lagged);
  if (timing.late > 0)
    g_string_append_printf(
        text,
        "delays could not be held: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
        " frames left more than %d ms late, the latest %.1f ms%s",
        timing.late, timing.timed, VN_HUB_LATE_NS / 1000000, (double)timing.worst_ns / 1e6,
        timing.realtime ? "" : " (real-time priority was refused: `ulimit -r` of 10 allows it)");
  if (lagged > 0)
    g_string_append_printf(text,
                           "%s%" G_GUINT64_FORMAT
                           " frames were dropped because machines or the hub were too slow",
                           text->len > 0 ? "; " : "", lagged);
  return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

void
vn_do_stats(VnRequest *request)
{
  VnExperiment *experiment = request->experiment;
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(st)"));
  if (experiment->forward != NULL)
    vn_forward_counters(experiment->forward, &builder);
  if (experiment->hub != NULL)
    vn_hub_each_port(experiment->hub, add_port_counters, &builder);
  request->answer = g_variant_new("(a(st))", &builder);
  vn_request_finish(request);
}
