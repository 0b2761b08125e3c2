/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deployment and teardown: the model's topology as messages to slaves.
 *
 * A session keeps order, so what needs no answer before the next (OPEN, captures, ways to other
 * slaves) is sent and its failure told by the proof, which comes after all of it. */
#include "master/remote-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tech/tech.h"

#define RELEASE_PATIENCE (300 * G_USEC_PER_SEC) /* us; then the slave is killed */

/* ---- what no node stands for ---- */

static void
deployed(VnRemote *remote, Request *request, GHashTable *failures)
{
  GHashTableIter iter;
  gpointer why;
  if (failures == NULL)
    return;
  g_hash_table_iter_init(&iter, failures);
  if (g_hash_table_iter_next(&iter, NULL, &why))
    vn_remote_fail_deploy(remote, why);
}

void
vn_deploy_quietly(VnRemote *remote, Side *side, VnMessageKind kind, GVariant *body)
{
  Request *request = vn_remote_request(remote, side, deployed);
  vn_session_send(vn_slave_session(side->slave), kind, 0, request->id, body);
}

/* Where the slaves of the other sites take packets. */
static void
send_peers(VnRemote *remote, Side *side)
{
  for (guint32 i = 0; i < remote->model->n_sites; i++) {
    const VnSlave *slave = remote->sides[i].slave;
    const char *packets = slave != NULL ? vn_slave_packets(slave) : NULL;
    if (i == side->site)
      vn_deploy_quietly(remote, side, VN_MESSAGE_PEER, g_variant_new("(usu)", i, "", side->site));
    else if (packets != NULL)
      vn_deploy_quietly(remote, side, VN_MESSAGE_PEER,
                        g_variant_new("(usu)", i, packets, side->site));
  }
}

void
vn_deploy_open(VnRemote *remote, Side *side)
{
  if (side->opened)
    return;
  side->opened = TRUE;
  vn_deploy_quietly(remote, side, VN_MESSAGE_OPEN,
               g_variant_new("(us)", VN_FRAME_PROTOCOL, remote->config.experiment));
  send_peers(remote, side);
}

/* ---- segments ---- */

static guint64
segment_seed(const VnRemote *remote, guint32 segment)
{
  guint64 x = remote->config.calls.seed + (segment + 1) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9); /* splitmix64 */
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* Segments whose VMs some task impairs while they run: a technology may have to make them so. */
static gboolean *
find_changing(const VnRemote *remote)
{
  const VnTopology *topology = &remote->model->topology;
  gboolean *changing = g_new0(gboolean, topology->n_segments + 1);
  for (guint32 t = 0; t < remote->model->n_tasks; t++) {
    const VnTask *task = &remote->model->tasks[t];
    for (guint32 k = 0; task->control == VN_CONTROL_IMPAIR && k < task->n_targets; k++) {
      const VnVm *vm = &topology->vms[task->targets[k]];
      for (guint32 i = 0; i < vm->n_ifaces; i++)
        changing[topology->ifaces[vm->first_iface + i].segment] = TRUE;
    }
  }
  return changing;
}

static GVariant *
segment_variant(const VnRemote *remote, guint32 id, gboolean changes)
{
  const VnSegment *segment = &remote->model->topology.segments[id];
  const VnImpairment *i = &segment->impairment;
  return g_variant_new("(usuxxdddxxtb)", id, segment->name, segment->mtu, i->delay_ns,
                       i->jitter_ns, i->loss, i->duplicate, i->reorder, i->rate, i->queue,
                       segment_seed(remote, id), changes);
}

static void
start_capture(VnRemote *remote, Side *side, guint32 id)
{
  const VnSegment *segment = &remote->model->topology.segments[id];
  g_autoptr(GError) error = NULL;
  g_autofree char *named = g_strdup_printf("%s.pcapng", segment->name);
  g_autofree char *relative =
      g_strdup_printf("captures/%" G_GINT64_FORMAT "/%s", remote->config.trial,
                      segment->capture_file != NULL ? segment->capture_file : named);
  remote->captures[id] = vn_store_create_file(remote->config.store, relative, &error);
  if (remote->captures[id] < 0) {
    vn_remote_fail_deploy(remote, error->message);
    return;
  }
  vn_store_add_capture(remote->config.store, remote->config.trial, segment->name, relative);
  vn_deploy_quietly(remote, side, VN_MESSAGE_CAPTURE,
               g_variant_new("(uss)", id, segment->name,
                             segment->capture_filter != NULL ? segment->capture_filter : ""));
}

/* A slave that is lost can't be asked. */
static VnSession *
side_session(VnRemote *remote, Side *side, guint32 node)
{
  VnSession *session = vn_slave_session(side->slave);
  if (session == NULL)
    vn_remote_end(remote, node, VN_NODE_STATUS_BROKEN, "the slave of its site went away");
  return session;
}

/* One message for the nodes of a site and a technology. */
static void
send_segments(VnRemote *remote, Side *side, guint32 tech, const GArray *nodes)
{
  const VnTopology *topology = &remote->model->topology;
  VnSession *session = vn_slave_session(side->slave);
  GVariantBuilder items;
  g_variant_builder_init(&items, G_VARIANT_TYPE("a(usuxxdddxxtb)"));
  g_autofree gboolean *changing = find_changing(remote);
  vn_deploy_open(remote, side);
  Request *request = vn_remote_request(remote, side, vn_request_end_items);
  for (guint i = 0; i < nodes->len; i++) {
    guint32 node = g_array_index(nodes, guint32, i);
    guint32 id = remote->graph->nodes[node].index;
    if (topology->segments[id].site != side->site || topology->segments[id].tech != tech)
      continue;
    g_variant_builder_add_value(&items, segment_variant(remote, id, changing[id]));
    vn_request_item(request, id, node);
    vn_remote_expect(remote, node);
  }
  vn_session_send(session, VN_MESSAGE_SEGMENTS, 0, request->id,
                  g_variant_new("(s@a(usuxxdddxxtb))", vn_tech(tech)->name,
                                g_variant_builder_end(&items)));
  for (guint i = 0; i < request->items->len; i++) {
    guint32 id = g_array_index(request->items, RequestItem, i).item;
    if (topology->segments[id].capture)
      start_capture(remote, side, id);
  }
}

void
vn_deploy_by_key(VnRemote *remote, const GArray *nodes, VnKeyOf key_of,
                 void (*send)(VnRemote *, Side *, guint32 tech, const GArray *))
{
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < nodes->len; i++) {
    guint32 node = g_array_index(nodes, guint32, i), site, tech;
    key_of(remote, node, &site, &tech);
    if (!g_hash_table_add(seen, GUINT_TO_POINTER(site * VN_TECH_COUNT + tech + 1)))
      continue;
    if (vn_slave_session(remote->sides[site].slave) != NULL)
      send(remote, &remote->sides[site], tech, nodes);
  }
  for (guint i = 0; i < nodes->len; i++) {
    guint32 node = g_array_index(nodes, guint32, i), site, tech;
    key_of(remote, node, &site, &tech);
    if (remote->nodes[node].phase == PHASE_IDLE)
      (void)side_session(remote, &remote->sides[site], node);
  }
}

static void
segment_key(const VnRemote *remote, guint32 node, guint32 *out_site, guint32 *out_tech)
{
  const VnSegment *segment =
      &remote->model->topology.segments[remote->graph->nodes[node].index];
  *out_site = segment->site;
  *out_tech = segment->tech;
}

void
vn_deploy_segments(VnRemote *remote, const GArray *nodes)
{
  vn_deploy_by_key(remote, nodes, segment_key, send_segments);
}

/* ---- proof ---- */

static void
proved(VnRemote *remote, Request *request, GHashTable *failures)
{
  deployed(remote, request, failures);
  for (guint i = 0; i < request->items->len; i++)
    vn_remote_answered(remote, g_array_index(request->items, RequestItem, i).node,
                       remote->deploy_error);
}

void
vn_deploy_prove(VnRemote *remote, guint32 node)
{
  vn_remote_expect(remote, node); /* itself, so that it does not end before all are asked */
  for (guint32 i = 0; i < remote->model->n_sites; i++) {
    Side *side = &remote->sides[i];
    VnSession *session = side->opened ? vn_slave_session(side->slave) : NULL;
    if (session == NULL)
      continue;
    Request *request = vn_remote_request(remote, side, proved);
    vn_request_item(request, 0, node);
    vn_remote_expect(remote, node);
    vn_session_send(session, VN_MESSAGE_PROVE, 0, request->id, NULL);
  }
  vn_remote_answered(remote, node, remote->deploy_error);
}

void
vn_deploy_proof(VnRemote *remote, Side *side, const VnFrame *frame)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) body = vn_message_body(frame, &error);
  if (body == NULL) {
    vn_remote_fail_deploy(remote, error->message);
    return;
  }
  gboolean confined;
  g_autoptr(GVariantIter) facts = NULL;
  const char *fact;
  const char *site = vn_slave_site(side->slave);
  g_autoptr(GString) all = g_string_new("the machines are not confined on site ");
  g_string_append(all, site);
  g_variant_get(body, "(bas)", &confined, &facts);
  while (g_variant_iter_next(facts, "&s", &fact)) {
    vn_store_add_fact(remote->config.store, remote->config.trial, site, fact);
    g_string_append_printf(all, "\n  %s", fact);
  }
  if (!confined)
    vn_remote_fail_deploy(remote, all->str);
}

/* ---- captures ---- */

static void
capture_failed(VnRemote *remote, guint32 segment, int reason)
{
  g_autofree char *text =
      g_strdup_printf("writing the capture of %s: %s",
                      remote->model->topology.segments[segment].name, g_strerror(reason));
  remote->config.log(VN_SEVERITY_ERROR, text, remote->config.data);
  close(remote->captures[segment]);
  remote->captures[segment] = -1;
}

void
vn_deploy_captured(VnRemote *remote, const VnFrame *frame)
{
  guint32 size;
  const guint8 *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
  if (bytes == NULL || frame->vm >= remote->model->topology.n_segments ||
      remote->captures[frame->vm] < 0)
    return;
  while (size > 0) {
    gssize n = write(remote->captures[frame->vm], bytes, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      capture_failed(remote, frame->vm, errno);
      return;
    }
    bytes += n;
    size -= (guint32)n;
  }
}

void
vn_deploy_capture_end(VnRemote *remote, const VnFrame *frame)
{
  g_autoptr(GVariant) body = vn_message_body(frame, NULL);
  guint32 segment;
  guint64 frames, lost;
  if (body == NULL)
    return;
  g_variant_get(body, "(utt)", &segment, &frames, &lost);
  if (segment >= remote->model->topology.n_segments || remote->captures[segment] < 0)
    return;
  vn_store_end_capture(remote->config.store, remote->config.trial,
                       remote->model->topology.segments[segment].name, frames, lost);
  close(remote->captures[segment]);
  remote->captures[segment] = -1;
}

/* ---- teardown ---- */

void
vn_deploy_release(VnRemote *remote, guint32 node)
{
  vn_remote_expect(remote, node);
  remote->release_by = g_get_monotonic_time() + RELEASE_PATIENCE;
  vn_remote_set_patience(remote);
  for (guint32 i = 0; i < remote->model->n_sites; i++) {
    Side *side = &remote->sides[i];
    VnSession *session = side->opened ? vn_slave_session(side->slave) : NULL;
    if (session == NULL)
      continue; /* a lost slave takes its own down */
    Request *request = vn_remote_request(remote, side, vn_request_end_items);
    vn_request_item(request, 0, node);
    vn_remote_expect(remote, node);
    vn_session_send(session, VN_MESSAGE_RELEASE, 0, request->id, NULL);
  }
  vn_remote_answered(remote, node, NULL);
}
