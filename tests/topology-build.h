/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small networks built by hand, for tests that stand below the language. */
#pragma once

#include <string.h>

#include "tech/tech.h"
#include "topology/complete.h"
#include "topology/query.h"

typedef struct {
  VnArena *arena;
  VnDiagSink *sink;
  GArray *segments, *vms, *ifaces, *images, *sites;
  VnModel model;
} Net;

static inline guint32
net_site(Net *net, const char *name)
{
  VnSite site = {.name = name};
  g_array_append_val(net->sites, site);
  return net->sites->len - 1;
}

static inline void
net_init(Net *net)
{
  *net = (Net){.arena = vn_arena_new(), .sink = vn_diag_sink_new()};
  net->segments = g_array_new(FALSE, TRUE, sizeof(VnSegment));
  net->vms = g_array_new(FALSE, TRUE, sizeof(VnVm));
  net->ifaces = g_array_new(FALSE, TRUE, sizeof(VnIface));
  net->images = g_array_new(FALSE, TRUE, sizeof(VnImage));
  net->sites = g_array_new(FALSE, TRUE, sizeof(VnSite));
  net_site(net, "local");
}

static inline void
net_clear(Net *net)
{
  g_array_unref(net->segments);
  g_array_unref(net->vms);
  g_array_unref(net->ifaces);
  g_array_unref(net->images);
  g_array_unref(net->sites);
  vn_diag_sink_free(net->sink);
  vn_arena_free(net->arena);
}

/* Places are made up, each its own, so that diagnostics keep apart. */
static inline VnSpan
net_span(Net *net)
{
  guint32 at = 1 + net->segments->len + net->vms->len + net->ifaces->len;
  return (VnSpan){at, at + 1};
}

static inline guint32
net_image(Net *net, const char *name, VnTechId tech)
{
  VnImage image = {.name = name, .tech = tech};
  g_array_append_val(net->images, image);
  return net->images->len - 1;
}

/* prefix: NULL for none. */
static inline guint32
net_segment(Net *net, const char *name, const char *prefix)
{
  VnSegment segment = {.name = name, .span = net_span(net), .tech = VN_NO_ID};
  VnPrefix parsed;
  if (prefix != NULL) {
    g_assert_true(vn_prefix_parse(prefix, &parsed));
    if (parsed.address.family == 4)
      segment.prefix4 = parsed;
    else
      segment.prefix6 = parsed;
  }
  g_array_append_val(net->segments, segment);
  return net->segments->len - 1;
}

static inline guint32
net_vm(Net *net, const char *name, VnVmKind kind)
{
  VnVm vm = {.name = name,
             .span = net_span(net),
             .kind = (guint8)kind,
             .split_of = VN_NO_ID,
             .image = VN_NO_ID};
  g_array_append_val(net->vms, vm);
  return net->vms->len - 1;
}

/* address: NULL for none. */
static inline void
net_join(Net *net, guint32 vm, guint32 segment, const char *address)
{
  VnIface iface = {.vm = vm, .segment = segment, .span = net_span(net)};
  VnAddress parsed;
  if (address != NULL) {
    g_assert_true(vn_address_parse(address, &parsed));
    if (parsed.family == 4)
      iface.address4 = parsed;
    else
      iface.address6 = parsed;
  }
  g_array_append_val(net->ifaces, iface);
}

static inline guint32
net_host(Net *net, const char *name, guint32 segment, const char *address)
{
  guint32 vm = net_vm(net, name, VN_VM_HOST);
  net_join(net, vm, segment, address);
  return vm;
}

static inline void
net_host_of(Net *net, const char *name, guint32 segment, guint32 image)
{
  guint32 vm = net_host(net, name, segment, NULL);
  g_array_index(net->vms, VnVm, vm).image = image;
}

static inline gboolean
net_complete(Net *net)
{
  VnModel *model = &net->model;
  model->arena = net->arena;
  model->sites = (VnSite *)net->sites->data;
  model->n_sites = net->sites->len;
  model->images = (VnImage *)net->images->data;
  model->n_images = net->images->len;
  model->topology.segments = (VnSegment *)net->segments->data;
  model->topology.n_segments = net->segments->len;
  model->topology.vms = (VnVm *)net->vms->data;
  model->topology.n_vms = net->vms->len;
  model->topology.ifaces = (VnIface *)net->ifaces->data;
  model->topology.n_ifaces = net->ifaces->len;
  return vn_topology_complete(model, net->sink);
}

/* The codes in source order: "VN201 VN212". */
static inline char *
net_codes(Net *net)
{
  const GPtrArray *sorted = vn_diag_sink_sorted(net->sink);
  GString *codes = g_string_new(NULL);
  for (guint i = 0; i < sorted->len; i++)
    g_string_append_printf(codes, "%s%s", i > 0 ? " " : "",
                           vn_diag_info(((VnDiag *)sorted->pdata[i])->code)->code);
  return g_string_free(codes, FALSE);
}

static inline const char *
net_address(const Net *net, guint32 iface)
{
  static char text[VN_ADDRESS_TEXT_MAX];
  return vn_address_format(&net->model.topology.ifaces[iface].address4, text);
}

static inline guint32
net_find(const Net *net, const char *name)
{
  for (guint32 vm = 0; vm < net->model.topology.n_vms; vm++)
    if (strcmp(net->model.topology.vms[vm].name, name) == 0)
      return vm;
  g_assert_not_reached();
}
