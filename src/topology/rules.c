/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Topology Rules 1, 2 and 4, and what goes with them.
 *
 * The limits of Rules 2 and 4 are the technology's. A router over incompatible segments will be
 * split, so what counts is how many connections each part will have; with `rules paper` it is the
 * router as it stands in the script, as the paper has it. */
#include "topology/internal.h"

#include "tech/tech.h"

static void
check_host(const VnCompletion *completion, const VnVm *host)
{
  const VnTopology *topology = completion->topology;
  if (host->n_ifaces <= 1)
    return;
  const VnIface *second = &topology->ifaces[host->first_iface + 1];
  VnDiag *diag =
      vn_diag_add(completion->sink, VN_DIAG_VN201, second->span,
                  "Topology Rule 1: host `%s` has %u connections, at most one is allowed",
                  host->name, host->n_ifaces);
  vn_diag_hint(diag, "to join segments, declare a router: `router %s joins %s, %s;`", host->name,
               topology->segments[topology->ifaces[host->first_iface].segment].name,
               topology->segments[second->segment].name);
}

/* The connections of a router that would be on the same part as its k-th. */
static guint
count_compatible(const VnTopology *topology, const VnVm *router, guint32 k, guint32 *out_last)
{
  const VnIface *ifaces = &topology->ifaces[router->first_iface];
  guint count = 0;
  for (guint32 i = 0; i < router->n_ifaces; i++)
    if (vn_segment_compatible(&topology->segments[ifaces[i].segment],
                              &topology->segments[ifaces[k].segment])) {
      count++;
      *out_last = router->first_iface + i;
    }
  return count;
}

static void
refuse_router(const VnCompletion *completion, const VnVm *router, const VnIface *at, guint count,
              guint limit, const char *whose)
{
  VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN202, at->span,
                             "Topology Rule 2: router `%s` has %u connections, %s at most %u",
                             router->name, count, whose, limit);
  vn_diag_hint(diag, "let a second router join the rest, and share one segment with `%s`",
               router->name);
}

static void
check_router(const VnCompletion *completion, const VnVm *router)
{
  const VnTopology *topology = completion->topology;
  if (completion->model->paper_rules) {
    if (router->n_ifaces > VN_PAPER_ROUTER_IFACES)
      refuse_router(completion, router,
                    &topology->ifaces[router->first_iface + VN_PAPER_ROUTER_IFACES],
                    router->n_ifaces, VN_PAPER_ROUTER_IFACES, "the paper's rules allow");
    return;
  }
  for (guint32 k = 0; k < router->n_ifaces; k++) {
    const VnSegment *segment =
        &topology->segments[topology->ifaces[router->first_iface + k].segment];
    const VnTech *tech = vn_tech(segment->tech);
    guint32 last = 0;
    if (tech->max_router_ifaces == 0 || router->n_ifaces <= tech->max_router_ifaces)
      continue;
    guint count = count_compatible(topology, router, k, &last);
    if (count <= tech->max_router_ifaces)
      continue;
    g_autofree char *whose = g_strdup_printf("%s allows", tech->title);
    refuse_router(completion, router, &topology->ifaces[last], count, tech->max_router_ifaces,
                  whose);
    return;
  }
}

/* seen: by segment, the router that was last found on it, plus 1. */
static void
check_router_twice(const VnCompletion *completion, guint32 number, guint32 *seen)
{
  const VnTopology *topology = completion->topology;
  const VnVm *router = &topology->vms[number];
  for (guint32 i = router->first_iface; i < router->first_iface + router->n_ifaces; i++) {
    const VnIface *iface = &topology->ifaces[i];
    if (seen[iface->segment] == number + 1)
      vn_diag_add(completion->sink, VN_DIAG_VN216, iface->span,
                  "router `%s` joins segment `%s` twice", router->name,
                  topology->segments[iface->segment].name);
    seen[iface->segment] = number + 1;
  }
}

static void
refuse_segment(const VnCompletion *completion, const VnSegment *segment, guint limit)
{
  const VnModel *model = completion->model;
  const VnTech *tech = vn_tech(segment->tech);
  VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN204, segment->span,
                             "Topology Rule 4: segment `%s` is one too many of %s at site `%s`, "
                             "%s %s at most %u",
                             segment->name, tech->name, model->sites[segment->site].name,
                             model->paper_rules ? "the paper's rules" : tech->title,
                             model->paper_rules ? "allow" : "allows", limit);
  vn_diag_hint(diag, "put some of them on another site: `at SITE`");
}

static void
check_segments(const VnCompletion *completion)
{
  const VnTopology *topology = completion->topology;
  gboolean paper = completion->model->paper_rules;
  g_autofree guint *count = g_new0(guint, completion->model->n_sites * VN_TECH_COUNT + 1);
  for (guint32 s = 0; s < topology->n_segments; s++) {
    const VnSegment *segment = &topology->segments[s];
    const VnTech *tech = vn_tech(segment->tech);
    guint limit = paper ? VN_PAPER_SEGMENTS : tech->max_segments;
    if (++count[segment->site * VN_TECH_COUNT + segment->tech] == limit + 1 && limit > 0)
      refuse_segment(completion, segment, limit);
    guint ports = completion->row[s + 1] - completion->row[s];
    if (tech->max_hosts_segment > 0 && ports > tech->max_hosts_segment) {
      VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN215, segment->span,
                                 "segment `%s` has %u interfaces, %s allows at most %u",
                                 segment->name, ports, tech->title, tech->max_hosts_segment);
      vn_diag_hint(diag, "divide it into several segments and join them with a router");
    }
  }
}

void
vn_completion_check_rules(VnCompletion *completion)
{
  const VnTopology *topology = completion->topology;
  g_autofree guint32 *seen = g_new0(guint32, topology->n_segments + 1);
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    if (topology->vms[vm].kind == VN_VM_HOST) {
      check_host(completion, &topology->vms[vm]);
    } else {
      check_router(completion, &topology->vms[vm]);
      check_router_twice(completion, vm, seen);
    }
  check_segments(completion);
}
