/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests: made from a message, run through the worker, answered once. */
#include <string.h>

#include "slave/experiment-private.h"

static void
failure_clear(gpointer data)
{
  g_free(((VnFailure *)data)->why);
}

VnRequest *
vn_request_new(VnExperiment *experiment, const VnFrame *frame, GVariant *body)
{
  VnRequest *request = g_new0(VnRequest, 1);
  request->experiment = experiment;
  request->kind = frame->kind;
  request->id = frame->id;
  request->body = g_variant_ref(body);
  request->fd = -1;
  request->failures = g_array_new(FALSE, FALSE, sizeof(VnFailure));
  g_array_set_clear_func(request->failures, failure_clear);
  return request;
}

void
vn_request_fail(VnRequest *request, guint32 item, const char *why)
{
  VnFailure failure = {item, g_utf8_make_valid(why, -1)};
  g_array_append_val(request->failures, failure);
}

void
vn_request_fail_error(VnRequest *request, guint32 item, GError *error)
{
  vn_request_fail(request, item, error->message);
  g_error_free(error);
}

void
vn_request_set_items(VnRequest *request, guint n)
{
  request->items = g_new0(VnDriverItem, n);
  request->techs = g_new0(VnTechId, n);
  request->external = g_new0(gboolean, n);
  request->channels = g_new0(VnDriverChannel, n);
  for (guint i = 0; i < n; i++)
    request->channels[i].fd = -1;
}

void
vn_request_add_vm(VnRequest *request, guint32 id)
{
  const VnVm *vm = vn_experiment_vm(request->experiment, id);
  if (vm == NULL) {
    vn_request_fail(request, id, "this slave has no such VM");
    return;
  }
  request->items[request->n].id = id;
  request->techs[request->n] = vm->tech;
  request->external[request->n] = vm->external;
  request->n++;
}

/* A counting sort: stable, and there are few technologies. */
void
vn_request_sort(VnRequest *request)
{
  g_autofree VnDriverItem *items = g_memdup2(request->items, request->n * sizeof *items);
  g_autofree VnTechId *techs = g_memdup2(request->techs, request->n * sizeof *techs);
  g_autofree gboolean *external = g_memdup2(request->external, request->n * sizeof *external);
  guint at = 0;
  for (guint tech = 0; tech < VN_TECH_COUNT; tech++) {
    for (guint i = 0; i < request->n; i++) {
      if (techs[i] != tech)
        continue;
      request->items[at] = items[i];
      request->external[at] = external[i];
      request->techs[at++] = tech;
    }
  }
}

void
vn_request_collect(VnRequest *request)
{
  for (guint i = 0; i < request->n; i++) {
    if (request->items[i].error != NULL)
      vn_request_fail_error(request, request->items[i].id,
                            g_steal_pointer(&request->items[i].error));
  }
}

static VnMessageKind
answer_kind(const VnRequest *request)
{
  if (request->answer == NULL)
    return VN_MESSAGE_REPLY;
  if (request->kind == VN_MESSAGE_INVENTORY)
    return VN_MESSAGE_OFFER;
  if (request->kind == VN_MESSAGE_PROVE)
    return VN_MESSAGE_PROOF;
  return VN_MESSAGE_COUNTERS;
}

static GVariant *
reply_body(const VnRequest *request)
{
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(us)"));
  for (guint i = 0; i < request->failures->len; i++) {
    const VnFailure *failure = &g_array_index(request->failures, VnFailure, i);
    g_variant_builder_add(&builder, "(us)", failure->item, failure->why);
  }
  return g_variant_new("(a(us))", &builder);
}

static void
request_free(VnRequest *request)
{
  for (guint i = 0; i < request->n && request->items != NULL; i++)
    g_clear_error(&request->items[i].error);
  g_clear_handle_id(&request->timeout, g_source_remove);
  g_free(request->items);
  g_free(request->techs);
  g_free(request->external);
  g_free(request->channels);
  g_free(request->name);
  g_free(request->filter);
  g_clear_pointer(&request->facts, g_ptr_array_unref);
  g_array_unref(request->failures);
  g_variant_unref(request->body);
  g_free(request);
}

void
vn_request_finish(VnRequest *request)
{
  VnSession *session = request->experiment->session;
  GVariant *answer = request->answer != NULL ? request->answer : reply_body(request);
  g_autoptr(GVariant) body = g_variant_ref_sink(answer);
  if (session != NULL)
    vn_session_send(session, answer_kind(request), 0, request->id, body);
  request_free(request);
}
