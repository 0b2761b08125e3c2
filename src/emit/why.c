/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One answer is a question for each family that both machines have; each is a path there and a
 * path back. Text and JSON are written from the same answers. */
#include "emit/why.h"

#include <string.h>

#include "base/diag.h"
#include "emit/json.h"
#include "topology/query.h"

typedef struct {
  guint family;
  const char *missing; /* the machine without an address of the family; NULL: both have one */
  gboolean arrives;
  VnPath there, back;
} Answer;

/* ---- names ---- */

static guint32
find_vm(const VnTopology *topology, const char *name)
{
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    if (strcmp(topology->vms[vm].name, name) == 0)
      return vm;
  return VN_NO_ID;
}

static const char *
nearest_vm(const VnTopology *topology, const char *name)
{
  g_autofree const char **names = g_new(const char *, topology->n_vms + 1);
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    names[vm] = topology->vms[vm].name;
  return vn_diag_nearest(name, names, topology->n_vms);
}

gboolean
vn_why_parse(const VnTopology *topology, const char *from, const char *to, VnWhy *out_why,
             const char **out_unknown, const char **out_nearest)
{
  VnWhy why = {.from = find_vm(topology, from), .to = to, .vm = find_vm(topology, to)};
  *out_unknown = NULL;
  if (why.from == VN_NO_ID)
    *out_unknown = from;
  else if (why.vm == VN_NO_ID && !vn_address_parse(to, &why.address))
    *out_unknown = to;
  if (*out_unknown != NULL) {
    *out_nearest = nearest_vm(topology, *out_unknown);
    return FALSE;
  }
  *out_why = why;
  return TRUE;
}

/* ---- answers ---- */

/* FALSE: nothing to say of this family. */
static gboolean
answer(const VnPaths *paths, const VnTopology *topology, const VnWhy *why, guint family,
       Answer *out)
{
  const VnAddress *target = why->vm != VN_NO_ID ? vn_path_address(topology, why->vm, family)
                            : why->address.family == family ? &why->address
                                                            : NULL;
  const VnAddress *own = vn_path_address(topology, why->from, family);
  *out = (Answer){.family = family};
  if (target == NULL && (own == NULL || why->vm == VN_NO_ID))
    return FALSE;
  if (target == NULL || own == NULL)
    out->missing = topology->vms[target == NULL ? why->vm : why->from].name;
  else
    out->arrives = vn_path_ask(paths, why->from, target, &out->there, &out->back);
  return TRUE;
}

/* Those families that both have are what counts; without one nothing arrives. */
static gboolean
arrives(const Answer answers[2], guint n)
{
  gboolean any = FALSE;
  for (guint i = 0; i < n; i++) {
    if (answers[i].missing == NULL && !answers[i].arrives)
      return FALSE;
    any = any || answers[i].arrives;
  }
  return any;
}

/* ---- parts of a hop, the same in both forms ---- */

/* "eth1", as the guest calls it. */
static char *
iface_name(const VnTopology *topology, guint32 iface)
{
  return g_strdup_printf("eth%u", iface - topology->vms[topology->ifaces[iface].vm].first_iface);
}

static char *
iface_address(const VnTopology *topology, guint32 iface, guint family)
{
  const VnIface *it = &topology->ifaces[iface];
  const VnAddress *address = family == 4 ? &it->address4 : &it->address6;
  char text[VN_ADDRESS_TEXT_MAX];
  return g_strdup(address->family == 0 ? "-" : vn_address_format(address, text));
}

/* "10.1.0.0/16 via 10.9.0.254", "10.1.0.0/24 on the link", "default via …". */
static char *
route_text(const VnTopology *topology, const VnHop *hop, guint family)
{
  char prefix[VN_PREFIX_TEXT_MAX], gateway[VN_ADDRESS_TEXT_MAX];
  VnPrefix own;
  if (hop->route == NULL) {
    own = vn_topology_iface_prefix(topology, hop->out, family);
    own = vn_prefix_network(&own);
    return g_strdup_printf("%s on the link", vn_prefix_format(&own, prefix));
  }
  const char *to = hop->route->prefix.length == 0
                       ? "default"
                       : vn_prefix_format(&hop->route->prefix, prefix);
  switch ((VnRouteKind)hop->route->kind) {
  case VN_ROUTE_LINK:
    return g_strdup_printf("%s on the link", to);
  case VN_ROUTE_GATEWAY:
    return g_strdup_printf("%s via %s", to, vn_address_format(&hop->route->gateway, gateway));
  case VN_ROUTE_EXTERNAL:
    return g_strdup_printf("%s through the slaves to %s", to,
                           topology->vms[hop->route->peer].name);
  }
  g_assert_not_reached();
}

static gboolean
is_sent(const VnHop *hop)
{
  return hop->out != VN_NO_ID || hop->route != NULL;
}

/* ---- text ---- */

static void
append_hop(const VnTopology *topology, const VnPath *path, guint number, guint family, int width,
           GString *out)
{
  const VnHop *hop = &path->hops[number];
  gboolean sent = is_sent(hop);
  guint32 shown = sent ? hop->out : hop->in;
  g_string_append_printf(out, "    %-*s  ", width, topology->vms[hop->vm].name);
  if (shown == VN_NO_ID) {
    g_string_append(out, sent || number > 0 ? "external interface" : "-");
  } else {
    g_autofree char *name = iface_name(topology, shown);
    g_autofree char *address = iface_address(topology, shown, family);
    g_string_append_printf(out, "%s %s on %s", name, address,
                           topology->segments[topology->ifaces[shown].segment].name);
  }
  if (sent) {
    g_autofree char *route = route_text(topology, hop, family);
    g_string_append_printf(out, ", route %s", route);
  }
  if (hop->proxied)
    g_string_append_printf(out, ", where %s answers for it",
                           topology->vms[topology->ifaces[hop->answers].vm].name);
  g_string_append_c(out, '\n');
}

static void
append_path(const VnTopology *topology, const VnPath *path, const char *word, guint family,
            GString *out)
{
  char source[VN_ADDRESS_TEXT_MAX], target[VN_ADDRESS_TEXT_MAX];
  int width = 0;
  g_string_append_printf(out, "  %s, %s to %s:\n", word,
                         path->source.family != 0 ? vn_address_format(&path->source, source) : "-",
                         vn_address_format(&path->target, target));
  for (guint i = 0; i < path->n_hops; i++)
    width = MAX(width, (int)strlen(topology->vms[path->hops[i].vm].name));
  for (guint i = 0; i < path->n_hops; i++)
    append_hop(topology, path, i, family, width, out);
  if (path->end != VN_PATH_ARRIVES) {
    g_autofree char *reason = vn_path_reason(topology, path);
    g_string_append_printf(out, "    lost: %s\n", reason);
  }
}

static void
append_answer(const VnTopology *topology, const Answer *it, GString *out)
{
  if (it->missing != NULL) {
    g_string_append_printf(out, "IPv%u: %s has no address\n", it->family, it->missing);
    return;
  }
  gboolean lost_there = it->there.end != VN_PATH_ARRIVES;
  g_string_append_printf(out, "IPv%u: %s\n", it->family,
                         it->arrives    ? "packets arrive and are answered"
                         : lost_there   ? "packets do not arrive"
                                        : "packets arrive, answers do not");
  append_path(topology, &it->there, "there", it->family, out);
  if (it->back.n_hops > 0)
    append_path(topology, &it->back, "back", it->family, out);
}

/* ---- JSON ---- */

static void
add_address(JsonBuilder *json, const char *name, const VnAddress *address)
{
  char text[VN_ADDRESS_TEXT_MAX];
  if (address->family != 0)
    vn_json_text(json, name, vn_address_format(address, text));
}

static void
add_iface(JsonBuilder *json, const VnTopology *topology, const char *member, guint32 iface,
          guint family)
{
  if (iface == VN_NO_ID)
    return;
  g_autofree char *name = iface_name(topology, iface);
  const VnIface *it = &topology->ifaces[iface];
  vn_json_object(json, member);
  vn_json_text(json, "name", name);
  vn_json_text(json, "segment", topology->segments[it->segment].name);
  add_address(json, "address", family == 4 ? &it->address4 : &it->address6);
  json_builder_end_object(json);
}

static void
add_hop(JsonBuilder *json, const VnTopology *topology, const VnHop *hop, guint family)
{
  json_builder_begin_object(json);
  vn_json_text(json, "machine", topology->vms[hop->vm].name);
  add_iface(json, topology, "in", hop->in, family);
  add_iface(json, topology, "out", hop->out, family);
  if (is_sent(hop)) {
    g_autofree char *route = route_text(topology, hop, family);
    vn_json_text(json, "route", route);
    add_address(json, "next", &hop->next);
    if (hop->out == VN_NO_ID)
      vn_json_text(json, "external_to", topology->vms[hop->route->peer].name);
    if (hop->proxied)
      vn_json_text(json, "answered_by", topology->vms[topology->ifaces[hop->answers].vm].name);
  }
  json_builder_end_object(json);
}

static void
add_path(JsonBuilder *json, const VnTopology *topology, const char *member, const VnPath *path,
         guint family)
{
  vn_json_object(json, member);
  add_address(json, "source", &path->source);
  add_address(json, "target", &path->target);
  vn_json_bool(json, "arrives", path->end == VN_PATH_ARRIVES);
  if (path->end != VN_PATH_ARRIVES) {
    g_autofree char *reason = vn_path_reason(topology, path);
    vn_json_text(json, "reason", reason);
  }
  vn_json_array(json, "hops");
  for (guint i = 0; i < path->n_hops; i++)
    add_hop(json, topology, &path->hops[i], family);
  json_builder_end_array(json);
  json_builder_end_object(json);
}

static void
add_answer(JsonBuilder *json, const VnTopology *topology, const Answer *it)
{
  json_builder_begin_object(json);
  vn_json_int(json, "family", it->family);
  vn_json_bool(json, "arrives", it->arrives);
  vn_json_text(json, "without_address", it->missing);
  if (it->missing == NULL)
    add_path(json, topology, "there", &it->there, it->family);
  if (it->missing == NULL && it->back.n_hops > 0)
    add_path(json, topology, "back", &it->back, it->family);
  json_builder_end_object(json);
}

static void
append_json(const VnTopology *topology, const VnWhy *why, const Answer answers[2], guint n,
            GString *out)
{
  g_autoptr(JsonBuilder) json = json_builder_new();
  json_builder_begin_object(json);
  vn_json_text(json, "from", topology->vms[why->from].name);
  vn_json_text(json, "to", why->to);
  vn_json_bool(json, "arrives", arrives(answers, n));
  vn_json_array(json, "families");
  for (guint i = 0; i < n; i++)
    add_answer(json, topology, &answers[i]);
  json_builder_end_array(json);
  json_builder_end_object(json);
  vn_json_append(json, out);
}

gboolean
vn_emit_why(const VnModel *model, const VnWhy *why, gboolean json, GString *out)
{
  const VnTopology *topology = &model->topology;
  g_autoptr(VnPaths) paths = vn_paths_new(topology);
  Answer answers[2];
  guint n = 0;
  n += answer(paths, topology, why, 4, &answers[n]);
  n += answer(paths, topology, why, 6, &answers[n]);
  if (json) {
    append_json(topology, why, answers, n, out);
    return arrives(answers, n);
  }
  for (guint i = 0; i < n; i++)
    append_answer(topology, &answers[i], out);
  if (n == 0)
    g_string_append_printf(out, "%s has no address of the family of %s\n",
                           topology->vms[why->from].name, why->to);
  return arrives(answers, n);
}
