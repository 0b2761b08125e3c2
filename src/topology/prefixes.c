/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A prefix for each segment.
 *
 * What the script gives is kept. With `network PREFIX` segments without one of that family share
 * it (they are flat). A segment with neither gets an IPv4 prefix: a /24, or a larger one if it has
 * more interfaces than that holds, from 10.64.0.0/10 upward in the order of the script, around
 * whatever the script uses itself. Where that space is too small for /24s, each gets as little as
 * it needs. */
#include "topology/internal.h"

#include <stdlib.h>

#include "topology/number.h"

#define POOL_FIRST   0x0a400000u /* 10.64.0.0 */
#define POOL_LAST    0x0a7fffffu /* 10.127.255.255 */
#define USUAL_LENGTH 24
#define LEAST_LENGTH 29 /* the smallest that is given unasked */

typedef struct {
  VnNumberRange range;
  const VnPrefix *prefix;
  const char *name; /* of the segment; NULL: the network */
  VnSpan span;
} Given;

/* Where no interface may be: this network, loopback, multicast and reserved; and the like. */
static const struct {
  const char *prefix, *what;
} special[] = {
    {"0.0.0.0/8", "means no host"},      {"127.0.0.0/8", "is for loopback"},
    {"224.0.0.0/4", "is for multicast"}, {"240.0.0.0/4", "is reserved"},
    {"::/127", "means no host"},         {"fe80::/10", "is link-local"},
    {"ff00::/8", "is for multicast"},
};

static gboolean
overlap(VnNumberRange a, VnNumberRange b)
{
  return a.first <= b.last && b.first <= a.last;
}

const char *
vn_prefix_special(const VnPrefix *prefix)
{
  for (gsize i = 0; i < G_N_ELEMENTS(special); i++) {
    VnPrefix other;
    g_assert(vn_prefix_parse(special[i].prefix, &other));
    if (other.address.family == prefix->address.family &&
        overlap(vn_number_range(&other), vn_number_range(prefix)))
      return special[i].what;
  }
  return NULL;
}

static int
compare_given(const void *a, const void *b)
{
  const Given *x = a, *y = b;
  if (x->range.first != y->range.first)
    return x->range.first < y->range.first ? -1 : 1;
  return (x->span.start > y->span.start) - (x->span.start < y->span.start);
}

static void
refuse_overlap(const VnCompletion *completion, const Given *a, const Given *b)
{
  const Given *later = a->span.start > b->span.start ? a : b, *earlier = later == a ? b : a;
  char text1[VN_PREFIX_TEXT_MAX], text2[VN_PREFIX_TEXT_MAX];
  VnDiag *diag =
      vn_diag_add(completion->sink, VN_DIAG_VN208, later->span, "%s overlaps %s of %s%s%s",
                  vn_prefix_format(later->prefix, text1), vn_prefix_format(earlier->prefix, text2),
                  earlier->name != NULL ? "segment `" : "the network",
                  earlier->name != NULL ? earlier->name : "", earlier->name != NULL ? "`" : "");
  vn_diag_place(diag, earlier->span, "declared here");
  if (later->name != NULL && earlier->name != NULL)
    vn_diag_hint(diag, "give each segment its own prefix; for one subnet across segments write "
                       "`network PREFIX;` and leave theirs out");
  else
    vn_diag_hint(diag, "a segment without a prefix is part of the network");
}

static void
add_given(const VnCompletion *completion, GArray *given, VnPrefix *prefix, const char *name,
          VnSpan span)
{
  if (prefix->address.family == 0)
    return;
  *prefix = vn_prefix_network(prefix);
  const char *why = vn_prefix_special(prefix);
  if (why != NULL) {
    char text[VN_PREFIX_TEXT_MAX];
    VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN210, span,
                               "%s can't be a segment's prefix: it holds what %s",
                               vn_prefix_format(prefix, text), why);
    vn_diag_hint(diag, "use a private one, such as 10.0.0.0/24 or fd00::/64");
  }
  Given item = {vn_number_range(prefix), prefix, name, span};
  g_array_append_val(given, item);
}

/* The given prefixes of a family, sorted; overlapping ones are refused. */
static GArray *
collect_given(const VnCompletion *completion, guint family)
{
  VnTopology *topology = completion->topology;
  GArray *given = g_array_new(FALSE, FALSE, sizeof(Given));
  add_given(completion, given, family == 4 ? &topology->network4 : &topology->network6, NULL,
            topology->network_span);
  for (guint32 s = 0; s < topology->n_segments; s++) {
    VnSegment *segment = &topology->segments[s];
    add_given(completion, given, vn_segment_prefix(segment, family), segment->name, segment->span);
  }
  if (given->len > 1)
    qsort(given->data, given->len, sizeof(Given), compare_given);
  const Given *widest = NULL;
  for (guint i = 0; i < given->len; i++) {
    const Given *item = &g_array_index(given, Given, i);
    if (widest != NULL && item->range.first <= widest->range.last)
      refuse_overlap(completion, widest, item);
    if (widest == NULL || item->range.last > widest->range.last)
      widest = item;
  }
  return given;
}

static gboolean
needs_prefix(const VnTopology *topology, const VnSegment *segment)
{
  return segment->prefix4.address.family == 0 && segment->prefix6.address.family == 0 &&
         topology->network4.address.family == 0 && topology->network6.address.family == 0;
}

/* The longest prefix that holds so many interfaces, not longer than `longest`. */
static guint
length_for(guint32 n_ifaces, guint longest)
{
  guint length = longest;
  while (length > 0 && (G_GUINT64_CONSTANT(1) << (32 - length)) - 2 < n_ifaces)
    length--;
  return length;
}

/* Gives prefixes to all that need one; FALSE if the pool was too small. */
static gboolean
allocate(const VnCompletion *completion, const GArray *given, guint longest)
{
  VnTopology *topology = completion->topology;
  guint64 next = POOL_FIRST;
  guint g = 0;
  for (guint32 s = 0; s < topology->n_segments; s++) {
    VnSegment *segment = &topology->segments[s];
    if (!needs_prefix(topology, segment))
      continue;
    guint length = length_for(completion->row[s + 1] - completion->row[s], longest);
    guint64 size = G_GUINT64_CONSTANT(1) << (32 - length);
    next = (next + size - 1) & ~(size - 1);
    for (; g < given->len && g_array_index(given, Given, g).range.first < next + size; g++) {
      VnNumberRange taken = g_array_index(given, Given, g).range;
      if (taken.last >= next)
        next = ((guint64)taken.last + size) & ~(size - 1);
    }
    if (next + size - 1 > POOL_LAST)
      return FALSE;
    segment->prefix4 = (VnPrefix){vn_number_address(next, 4), (guint8)length};
    next += size;
  }
  return TRUE;
}

static void
forget_allocated(VnTopology *topology, const gboolean *wanting)
{
  for (guint32 s = 0; s < topology->n_segments; s++)
    if (wanting[s])
      topology->segments[s].prefix4 = (VnPrefix){.length = 0};
}

static void
allocate_all(const VnCompletion *completion, const GArray *given)
{
  VnTopology *topology = completion->topology;
  g_autofree gboolean *wanting = g_new(gboolean, topology->n_segments + 1);
  guint32 first = VN_NO_ID;
  for (guint32 s = topology->n_segments; s-- > 0;) {
    wanting[s] = needs_prefix(topology, &topology->segments[s]);
    first = wanting[s] ? s : first;
  }
  if (first == VN_NO_ID || allocate(completion, given, USUAL_LENGTH))
    return;
  forget_allocated(topology, wanting);
  if (allocate(completion, given, LEAST_LENGTH))
    return;
  VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN207, topology->segments[first].span,
                             "10.64.0.0/10 is too small for all segments without a prefix");
  vn_diag_hint(diag, "give them prefixes: `segment lan[1..n] 10.0.0.0/8;` divides one");
}

void
vn_completion_set_prefixes(VnCompletion *completion)
{
  VnTopology *topology = completion->topology;
  g_autoptr(GArray) given4 = collect_given(completion, 4);
  g_autoptr(GArray) given6 = collect_given(completion, 6);
  allocate_all(completion, given4);
  for (guint32 s = 0; s < topology->n_segments; s++) {
    VnSegment *segment = &topology->segments[s];
    if (segment->prefix4.address.family == 0)
      segment->prefix4 = topology->network4;
    if (segment->prefix6.address.family == 0)
      segment->prefix6 = topology->network6;
  }
}
