/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An address in each family of its segment for each interface.
 *
 * What the script gives is checked and kept. Of what is left of a prefix, routers take the last
 * usable addresses, in the order of their declaration, and hosts the first. A flat network is one
 * prefix for all its segments. Everything works on the given addresses sorted once, so the whole
 * is O(n log n). */
#include "topology/internal.h"

#include <stdlib.h>

#include "topology/number.h"

typedef struct {
  VnNumber number;
  guint32 iface;
} Given;

/* What is left of one prefix: `low` and `high` walk towards each other past what is given. */
typedef struct {
  VnPrefix prefix;
  VnNumber low, high;
  const Given *given;  /* sorted */
  gsize i_low, i_high; /* given[i_low] is the first not below low; given[i_high - 1] the last not
                          above high */
  gboolean started, empty, refused;
} Pool;

static const char *
name_of(const VnTopology *topology, guint32 iface)
{
  return topology->vms[topology->ifaces[iface].vm].name;
}

static void
refuse_special(const VnCompletion *completion, const VnIface *iface, const char *text,
               const char *why)
{
  VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN210, iface->span,
                             "`%s` can't have the address %s: it %s",
                             completion->topology->vms[iface->vm].name, text, why);
  vn_diag_hint(diag, "leave it out and one is assigned");
}

static void
refuse_foreign(const VnCompletion *completion, const VnIface *iface, const char *text, guint family)
{
  VnSegment *segment = &completion->topology->segments[iface->segment];
  const VnPrefix *prefix = vn_segment_prefix(segment, family);
  char prefix_text[VN_PREFIX_TEXT_MAX];
  VnDiag *diag;
  if (prefix->address.family == 0)
    diag = vn_diag_add(completion->sink, VN_DIAG_VN206, iface->span,
                       "%s is no address of segment `%s`, which has no IPv%u prefix", text,
                       segment->name, family);
  else
    diag = vn_diag_add(completion->sink, VN_DIAG_VN206, iface->span,
                       "%s is no address of segment `%s`, whose prefix is %s", text, segment->name,
                       vn_prefix_format(prefix, prefix_text));
  vn_diag_place(diag, segment->span, "`%s` is declared here", segment->name);
  VnPrefix around = vn_prefix_network(
      &(VnPrefix){*vn_iface_address((VnIface *)iface, family), family == 4 ? 24 : 64});
  vn_diag_hint(diag, "`segment %s %s;` would hold it", segment->name,
               vn_prefix_format(&around, prefix_text));
}

/* Is the given address one that its segment can have? */
static void
check_given(const VnCompletion *completion, const VnIface *iface, guint family)
{
  VnSegment *segment = &completion->topology->segments[iface->segment];
  const VnPrefix *prefix = vn_segment_prefix(segment, family);
  const VnAddress *address = vn_iface_address((VnIface *)iface, family);
  char text[VN_ADDRESS_TEXT_MAX];
  vn_address_format(address, text);
  if (!vn_prefix_contains(prefix, address)) {
    VnPrefix alone = {*address, (guint8)vn_address_bits(address)};
    const char *why = vn_prefix_special(&alone);
    if (why != NULL)
      refuse_special(completion, iface, text, why);
    else
      refuse_foreign(completion, iface, text, family);
    return;
  }
  VnNumberRange usable = vn_number_usable(prefix);
  VnNumber number = vn_number_of(address);
  if (number < usable.first)
    refuse_special(completion, iface, text, "is the segment's own, the first of its prefix");
  else if (number > usable.last)
    refuse_special(completion, iface, text, "is the segment's broadcast address");
}

static int
compare_given(const void *a, const void *b)
{
  const Given *x = a, *y = b;
  if (x->number != y->number)
    return x->number < y->number ? -1 : 1;
  return (x->iface > y->iface) - (x->iface < y->iface);
}

static void
check_duplicates(const VnCompletion *completion, const Given *given, gsize n, guint family)
{
  const VnTopology *topology = completion->topology;
  for (gsize i = 1; i < n; i++) {
    if (given[i].number != given[i - 1].number)
      continue;
    const VnIface *iface = &topology->ifaces[given[i].iface];
    char text[VN_ADDRESS_TEXT_MAX];
    vn_address_format(vn_iface_address((VnIface *)iface, family), text);
    VnDiag *diag = vn_diag_add(
        completion->sink, VN_DIAG_VN205, iface->span, "`%s` and `%s` have one address, %s",
        name_of(topology, given[i].iface), name_of(topology, given[i - 1].iface), text);
    vn_diag_place(diag, topology->ifaces[given[i - 1].iface].span, "the other is here");
  }
}

/* The addresses that the script gives in a family, checked and sorted. */
static GArray *
collect_given(const VnCompletion *completion, guint family)
{
  VnTopology *topology = completion->topology;
  GArray *given = g_array_new(FALSE, FALSE, sizeof(Given));
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    VnIface *iface = &topology->ifaces[i];
    const VnAddress *address = vn_iface_address(iface, family);
    if (address->family == 0)
      continue;
    check_given(completion, iface, family);
    Given item = {vn_number_of(address), i};
    g_array_append_val(given, item);
  }
  if (given->len > 1)
    qsort(given->data, given->len, sizeof(Given), compare_given);
  check_duplicates(completion, (const Given *)given->data, given->len, family);
  return given;
}

/* The first of the sorted given addresses that is not below number. */
static gsize
lower_bound(const Given *given, gsize n, VnNumber number)
{
  gsize from = 0, to = n;
  while (from < to) {
    gsize middle = (from + to) / 2;
    if (given[middle].number < number)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

static void
start_pool(Pool *pool, const VnPrefix *prefix, const GArray *given)
{
  VnNumberRange usable = vn_number_usable(prefix);
  *pool = (Pool){.prefix = *prefix,
                 .low = usable.first,
                 .high = usable.last,
                 .given = (const Given *)given->data,
                 .started = TRUE};
  pool->i_low = lower_bound(pool->given, given->len, usable.first);
  pool->i_high = lower_bound(pool->given, given->len, usable.last);
  if (pool->i_high < given->len && pool->given[pool->i_high].number == usable.last)
    pool->i_high++;
}

/* Neither end may pass the other; the numbers are unsigned. */
static void
shrink(Pool *pool, VnNumber *end)
{
  if (pool->low == pool->high)
    pool->empty = TRUE;
  else if (end == &pool->low)
    pool->low++;
  else
    pool->high--;
}

static gboolean
take_low(Pool *pool, gsize n_given, VnNumber *out_number)
{
  while (!pool->empty && pool->i_low < n_given && pool->given[pool->i_low].number <= pool->low)
    if (pool->given[pool->i_low++].number == pool->low)
      shrink(pool, &pool->low);
  if (pool->empty)
    return FALSE;
  *out_number = pool->low;
  shrink(pool, &pool->low);
  return TRUE;
}

static gboolean
take_high(Pool *pool, VnNumber *out_number)
{
  while (!pool->empty && pool->i_high > 0 && pool->given[pool->i_high - 1].number >= pool->high)
    if (pool->given[--pool->i_high].number == pool->high)
      shrink(pool, &pool->high);
  if (pool->empty)
    return FALSE;
  *out_number = pool->high;
  shrink(pool, &pool->high);
  return TRUE;
}

/* The interfaces that share the segment's prefix. */
static guint32
count_sharers(const VnCompletion *completion, const Pool *pool, guint family)
{
  guint32 n = 0;
  for (guint32 s = 0; s < completion->topology->n_segments; s++) {
    VnPrefix *prefix = vn_segment_prefix(&completion->topology->segments[s], family);
    if (prefix->length == pool->prefix.length &&
        vn_address_compare(&prefix->address, &pool->prefix.address) == 0)
      n += completion->row[s + 1] - completion->row[s];
  }
  return n;
}

static void
refuse_full(const VnCompletion *completion, Pool *pool, guint32 iface, guint family)
{
  if (pool->refused)
    return;
  pool->refused = TRUE;
  VnNumberRange usable = vn_number_usable(&pool->prefix);
  guint32 wanted = count_sharers(completion, pool, family);
  char text[VN_PREFIX_TEXT_MAX];
  VnDiag *diag =
      vn_diag_add(completion->sink, VN_DIAG_VN207, completion->topology->ifaces[iface].span,
                  "%s has no address left for `%s`: it has %u, and %u are needed "
                  "(routers included)",
                  vn_prefix_format(&pool->prefix, text), name_of(completion->topology, iface),
                  (guint)(usable.last - usable.first + 1), wanted);
  guint bits = vn_address_bits(&pool->prefix.address), length = bits - 2;
  while (length > 0 && bits - length < 32 && (1u << (bits - length)) - 2 < wanted)
    length--;
  vn_diag_hint(diag, "a /%u would do", length);
}

/* One pool for the flat network, one for each other segment. */
static Pool *
pool_of(Pool *pools, VnTopology *topology, guint32 segment, guint family, const GArray *given)
{
  const VnPrefix *network = family == 4 ? &topology->network4 : &topology->network6;
  const VnPrefix *prefix = vn_segment_prefix(&topology->segments[segment], family);
  if (prefix->address.family == 0)
    return NULL;
  gboolean flat = network->address.family != 0 && network->length == prefix->length &&
                  vn_address_compare(&network->address, &prefix->address) == 0;
  Pool *pool = flat ? &pools[topology->n_segments] : &pools[segment];
  if (!pool->started)
    start_pool(pool, prefix, given);
  return pool;
}

static void
assign(const VnCompletion *completion, Pool *pools, const GArray *given, guint family,
       VnVmKind kind)
{
  VnTopology *topology = completion->topology;
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    VnIface *iface = &topology->ifaces[i];
    VnAddress *address = vn_iface_address(iface, family);
    if (address->family != 0 || topology->vms[iface->vm].kind != kind)
      continue;
    Pool *pool = pool_of(pools, topology, iface->segment, family, given);
    VnNumber number;
    if (pool == NULL)
      continue;
    if (kind == VN_VM_ROUTER ? take_high(pool, &number) : take_low(pool, given->len, &number))
      *address = vn_number_address(number, family);
    else
      refuse_full(completion, pool, i, family);
  }
}

/* A router's `address` names no segment: it belongs to that one of its segments that holds it. */
static void
settle_router(const VnCompletion *completion, const VnVm *router, guint family)
{
  VnTopology *topology = completion->topology;
  VnIface *ifaces = &topology->ifaces[router->first_iface];
  for (guint32 i = 0; i < router->n_ifaces; i++) {
    VnAddress *address = vn_iface_address(&ifaces[i], family);
    if (address->family == 0 ||
        vn_prefix_contains(vn_segment_prefix(&topology->segments[ifaces[i].segment], family),
                           address))
      continue;
    for (guint32 k = 0; k < router->n_ifaces; k++) {
      VnAddress *free_place = vn_iface_address(&ifaces[k], family);
      if (free_place->family != 0 ||
          !vn_prefix_contains(vn_segment_prefix(&topology->segments[ifaces[k].segment], family),
                              address))
        continue;
      *free_place = *address;
      *address = (VnAddress){.family = 0};
      break;
    }
  }
}

void
vn_completion_set_addresses(VnCompletion *completion)
{
  VnTopology *topology = completion->topology;
  for (guint family = 4; family <= 6; family += 2) {
    for (guint32 vm = 0; vm < topology->n_vms; vm++)
      if (topology->vms[vm].kind == VN_VM_ROUTER)
        settle_router(completion, &topology->vms[vm], family);
    g_autoptr(GArray) given = collect_given(completion, family);
    g_autofree Pool *pools = g_new0(Pool, topology->n_segments + 1);
    assign(completion, pools, given, family, VN_VM_ROUTER);
    assign(completion, pools, given, family, VN_VM_HOST);
  }
}
