/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages that are answered: which nodes wait for which item, and what the answer means for
 * them. */
#include "master/remote-private.h"

#define WHOLE_REQUEST G_MAXUINT32 /* as an item of REPLY */

void
vn_request_free(gpointer data)
{
  Request *request = data;
  g_array_unref(request->items);
  g_free(request);
}

guint64
vn_remote_next_id(VnRemote *remote)
{
  return REQUEST_BASE + ++remote->last_request;
}

Request *
vn_remote_request(VnRemote *remote, Side *side, RequestDone done)
{
  Request *request = g_new0(Request, 1);
  request->id = vn_remote_next_id(remote);
  request->side = side;
  request->done = done;
  request->items = g_array_new(FALSE, FALSE, sizeof(RequestItem));
  g_hash_table_insert(remote->requests, &request->id, request);
  return request;
}

void
vn_request_item(Request *request, guint32 item, guint32 node)
{
  RequestItem added = {item, node};
  g_array_append_val(request->items, added);
}

const char *
vn_request_failure(GHashTable *failures, guint32 item)
{
  if (failures == NULL)
    return NULL;
  const char *why = g_hash_table_lookup(failures, GUINT_TO_POINTER(item));
  return why != NULL ? why : g_hash_table_lookup(failures, GUINT_TO_POINTER(WHOLE_REQUEST));
}

void
vn_request_end_items(VnRemote *remote, Request *request, GHashTable *failures)
{
  for (guint i = 0; i < request->items->len; i++) {
    const RequestItem *item = &g_array_index(request->items, RequestItem, i);
    vn_remote_answered(remote, item->node, vn_request_failure(failures, item->item));
  }
}

void
vn_request_finish(VnRemote *remote, Request *request, GHashTable *failures)
{
  g_hash_table_steal(remote->requests, &request->id);
  request->done(remote, request, failures);
  vn_request_free(request);
}

/* Everything that it asked for failed for one reason. */
void
vn_request_fail(VnRemote *remote, Request *request, const char *why)
{
  g_autoptr(GHashTable) failures = g_hash_table_new(NULL, NULL);
  g_hash_table_insert(failures, GUINT_TO_POINTER(WHOLE_REQUEST), (gpointer)why);
  vn_request_finish(remote, request, failures);
}

void
vn_request_reply(VnRemote *remote, Request *request, const VnFrame *frame)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) body = vn_message_body(frame, &error);
  if (body == NULL) {
    vn_request_fail(remote, request, error->message);
    return;
  }
  g_autoptr(GHashTable) failures = g_hash_table_new(NULL, NULL);
  g_autoptr(GVariantIter) iter = NULL;
  guint32 item;
  const char *why;
  g_variant_get(body, "(a(us))", &iter);
  while (g_variant_iter_next(iter, "(u&s)", &item, &why))
    g_hash_table_insert(failures, GUINT_TO_POINTER(item), (gpointer)why);
  vn_request_finish(remote, request, g_hash_table_size(failures) > 0 ? failures : NULL);
}

/* A request goes on at the slave, but nobody waits for it any more. */
void
vn_request_forget(VnRemote *remote, guint32 node)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, remote->requests);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Request *request = value;
    for (guint i = 0; i < request->items->len; i++) {
      RequestItem *item = &g_array_index(request->items, RequestItem, i);
      if (item->node == node)
        item->node = VN_NO_ID;
    }
  }
}
