/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sites, images, segments and machines into the model. Their properties' values stand in
 * eval-property.c. */
#include "sema/eval.h"
#include "sema/limits.h"

#include <string.h>

static const VnDimRange not_array = {.array = FALSE};

/* ---- sites ---- */

static const char *
text_of(VnEval *e, VnTerm *term)
{
  VnValue value;
  if (term == NULL || !vn_eval_value(e, term, &value) || value.kind != VN_VALUE_STRING)
    return NULL;
  return value.text->text;
}

void
vn_eval_site(VnEval *e, VnItem *item)
{
  const VnAstDecl *decl = (const VnAstDecl *)item->ast;
  if (!vn_eval_declare(e, item, &not_array, 0, e->sites->len))
    return;
  VnSite site = {.name = decl->name.symbol->text,
                 .at = text_of(e, item->site.at),
                 .key = text_of(e, item->site.key),
                 .span = decl->name.span};
  g_array_append_val(e->sites, site);
}

/* ---- images ---- */

static void
image_key(VnEval *e, const VnCheckedProperty *key, VnImage *image, const char **names,
          VnValue *values)
{
  const char *name = key->word.symbol->text;
  VnValue value;
  if (!vn_eval_value(e, key->a, &value))
    return;
  if (strcmp(name, "os") == 0) {
    image->os = value.text->text;
  } else if (strcmp(name, "memory") == 0 || strcmp(name, "cpus") == 0) {
    VnCheckedProperty property = *key;
    VnVm probe = {.name = NULL};
    property.id = *name == 'm' ? VN_PROPERTY_MEMORY : VN_PROPERTY_CPUS;
    vn_eval_vm_property(e, &property, &probe);
    image->memory = MAX(image->memory, probe.memory);
    image->cpus = MAX(image->cpus, probe.cpus);
  } else {
    names[image->n_keys] = name;
    values[image->n_keys++] = value;
  }
}

void
vn_eval_image(VnEval *e, VnItem *item)
{
  const VnAstDecl *decl = (const VnAstDecl *)item->ast;
  if (!vn_eval_declare(e, item, &not_array, 0, e->images->len))
    return;
  const char **names = vn_arena_array0(e->arena, const char *, item->image.n_keys);
  VnValue *values = vn_arena_array0(e->arena, VnValue, item->image.n_keys);
  VnImage image = {.name = decl->name.symbol->text,
                   .doc = decl->doc,
                   .span = decl->name.span,
                   .tech = item->image.tech,
                   .keys = names,
                   .values = values};
  for (guint32 i = 0; i < item->image.n_keys; i++)
    image_key(e, &item->image.keys[i], &image, names, values);
  g_array_append_val(e->images, image);
}

/* ---- segments ---- */

static gboolean
split_prefix(const VnPrefix *whole, guint64 part, guint64 n_parts, VnPrefix *out)
{
  guint bits = vn_address_bits(&whole->address), extra = 0;
  while (extra < 63 && (G_GUINT64_CONSTANT(1) << extra) < n_parts)
    extra++;
  if (whole->length + extra > bits - 2)
    return FALSE; /* no room for a host and a router */
  *out = vn_prefix_network(whole);
  out->length = (guint8)(whole->length + extra);
  for (guint i = 0; i < extra; i++) {
    guint bit = whole->length + extra - 1 - i;
    if (part >> i & 1)
      out->address.bytes[bit / 8] |= (guint8)(0x80 >> bit % 8);
  }
  return TRUE;
}

static void
give_prefix(VnEval *e, VnItem *item, const VnDimRange *range, gint64 index, const VnPrefix *prefix,
            VnSegment *segment)
{
  gboolean split = range->range && !vn_term_reads_slot(item->segment.prefix, item->dim.slot);
  VnPrefix part = *prefix;
  guint64 n = (guint64)(range->to - range->from) + 1;
  if (split && n > 1 && !split_prefix(prefix, (guint64)(index - range->from), n, &part)) {
    char text[VN_PREFIX_TEXT_MAX];
    vn_diag_hint(vn_eval_report(e, VN_DIAG_VN214, item->segment.prefix->span,
                                "%s can't be divided into %" G_GUINT64_FORMAT " segments",
                                vn_prefix_format(prefix, text), n),
                 "the parts would have no room for two addresses: take a shorter prefix");
    return;
  }
  VnPrefix *place = part.address.family == 4 ? &segment->prefix4 : &segment->prefix6;
  if (place->address.family != 0)
    vn_eval_report(e, VN_DIAG_VN210, item->segment.prefix->span,
                   "a segment has one prefix of each family");
  *place = part;
}

static void
eval_prefixes(VnEval *e, VnItem *item, const VnDimRange *range, gint64 index, VnSegment *segment)
{
  VnValue value;
  if (item->segment.prefix == NULL || !vn_eval_value(e, item->segment.prefix, &value))
    return;
  const VnValue *prefixes = value.kind == VN_VALUE_LIST ? value.list->items : &value;
  guint32 n = value.kind == VN_VALUE_LIST ? value.list->n : 1;
  for (guint32 i = 0; i < n; i++)
    if (prefixes[i].kind == VN_VALUE_PREFIX)
      give_prefix(e, item, range, index, prefixes[i].prefix, segment);
    else
      vn_eval_report(e, VN_DIAG_VN103, item->segment.prefix->span,
                     "the prefix of a segment must be a prefix, this is %s",
                     vn_value_kind_text(prefixes[i].kind));
}

static gboolean
room_for(VnEval *e, VnSpan span, guint n, guint limit, const char *what)
{
  if (n < limit)
    return TRUE;
  vn_eval_too_many(e, span, limit, what);
  return FALSE;
}

static void
eval_segment(VnEval *e, VnItem *item, const VnDimRange *range, gint64 index)
{
  const VnAstDecl *decl = (const VnAstDecl *)item->ast;
  VnSegment segment = {.name = vn_eval_element_name(e, item, range, index),
                       .doc = decl->doc,
                       .span = decl->name.span,
                       .tech = item->segment.tech};
  VnValue site;
  if (!vn_eval_declare(e, item, range, index, e->segments->len))
    return;
  if (item->segment.at != NULL && vn_eval_value(e, item->segment.at, &site) &&
      site.kind == VN_VALUE_SITE)
    segment.site = site.id;
  eval_prefixes(e, item, range, index, &segment);
  for (guint32 i = 0; i < item->segment.n_properties; i++)
    vn_eval_segment_property(e, &item->segment.properties[i], &segment);
  g_array_append_val(e->segments, segment);
}

void
vn_eval_segments(VnEval *e, VnItem *item)
{
  VnDimRange range;
  if (!vn_eval_dim(e, &item->dim, &range))
    return;
  for (gint64 i = range.from; i <= range.to && !e->exhausted; i++) {
    if (!room_for(e, item->ast->span, e->segments->len, VN_MAX_SEGMENTS, "segments"))
      return;
    vn_eval_bind(e, &item->dim, i);
    eval_segment(e, item, &range, i);
  }
}

/* ---- machines ---- */

static void
add_iface(VnEval *e, guint32 vm, guint32 segment, VnSpan span)
{
  VnIface iface = {.vm = vm, .segment = segment, .span = span};
  if (room_for(e, span, e->ifaces->len, VN_MAX_ORDERINGS, "connections"))
    g_array_append_val(e->ifaces, iface);
}

static void
eval_connections(VnEval *e, VnItem *item, guint32 vm)
{
  for (guint32 i = 0; i < item->vm.n_segments; i++) {
    VnTerm *term = item->vm.segments[i];
    VnValue value;
    if (!vn_eval_value(e, term, &value))
      continue;
    if (value.kind == VN_VALUE_SEGMENT)
      add_iface(e, vm, value.id, term->span);
    else if (value.kind == VN_VALUE_LIST)
      for (guint32 k = 0; k < value.list->n; k++)
        add_iface(e, vm, value.list->items[k].id, term->span);
    else
      vn_eval_report(e, VN_DIAG_VN103, term->span, "this must be a segment, it is %s %s",
                     vn_diag_article(vn_value_kind_text(value.kind)),
                     vn_value_kind_text(value.kind));
  }
}

static void
eval_vm(VnEval *e, VnItem *item, const VnDimRange *range, gint64 index)
{
  const VnAstDecl *decl = (const VnAstDecl *)item->ast;
  guint32 id = e->vms->len;
  if (!vn_eval_declare(e, item, range, index, id))
    return;
  VnVm vm = {.name = vn_eval_element_name(e, item, range, index),
             .doc = decl->doc,
             .span = decl->name.span,
             .kind = item->ast->kind == VN_AST_HOST ? VN_VM_HOST : VN_VM_ROUTER,
             .split_of = VN_NO_ID,
             .image = VN_NO_ID,
             .first_iface = e->ifaces->len};
  eval_connections(e, item, id);
  vm.n_ifaces = e->ifaces->len - vm.first_iface;
  vn_eval_vm_properties(e, item, &vm);
  g_array_append_val(e->vms, vm);
}

void
vn_eval_vms(VnEval *e, VnItem *item)
{
  VnDimRange range;
  if (!vn_eval_dim(e, &item->dim, &range))
    return;
  for (gint64 i = range.from; i <= range.to && !e->exhausted; i++) {
    if (!room_for(e, item->ast->span, e->vms->len, VN_MAX_VMS, "hosts and routers"))
      return;
    vn_eval_bind(e, &item->dim, i);
    eval_vm(e, item, &range, i);
  }
}
