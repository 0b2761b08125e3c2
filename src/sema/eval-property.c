/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of properties, and their bounds (VN126). */
#include "sema/eval.h"

#include <string.h>

#define MIN_MTU       68 /* RFC 791 */
#define MAX_MTU       65521
#define MAX_CPUS      4096
#define MAX_PROCESSES 4194304
#define MIN_MEMORY    (G_GINT64_CONSTANT(1) << 20)
#define MAX_DELAY     (G_GINT64_CONSTANT(86400) * 1000000000)

static void
out_of_bounds(VnEval *e, const VnCheckedProperty *property, const char *from, const char *to)
{
  vn_eval_report(e, VN_DIAG_VN126, property->a->span, "`%s` must lie between %s and %s",
                 vn_property_word(property->id), from, to);
}

/* A whole number or quantity of the property's own kind within bounds; fallback otherwise. */
static gint64
whole(VnEval *e, const VnCheckedProperty *property, gint64 from, gint64 to, gint64 fallback)
{
  VnType type = vn_type_of_kind(vn_property_kind(property->id));
  VnValue value;
  if (!vn_eval_value(e, property->a, &value) ||
      !vn_eval_coerce(e, type, vn_property_word(property->id), property->a->span, &value))
    return fallback;
  if (value.i >= from && value.i <= to)
    return value.i;
  VnValue low = value, high = value;
  low.i = from;
  high.i = to;
  g_autoptr(GString) low_text = g_string_new(NULL), high_text = g_string_new(NULL);
  vn_value_format(&low, NULL, NULL, low_text);
  vn_value_format(&high, NULL, NULL, high_text);
  out_of_bounds(e, property, low_text->str, high_text->str);
  return fallback;
}

static double
share(VnEval *e, const VnCheckedProperty *property)
{
  VnValue value;
  if (!vn_eval_value(e, property->a, &value) ||
      !vn_eval_coerce(e, vn_type_of_kind(VN_VALUE_PERCENT), vn_property_word(property->id),
                      property->a->span, &value))
    return 0;
  if (value.f >= 0 && value.f <= 100)
    return value.f;
  out_of_bounds(e, property, "0%", "100%");
  return 0;
}

static const char *
text(VnEval *e, VnTerm *term)
{
  VnValue value;
  if (term == NULL || !vn_eval_value(e, term, &value) ||
      !vn_eval_coerce(e, vn_type_of_kind(VN_VALUE_STRING), "this", term->span, &value))
    return NULL;
  if (strlen(value.text->text) != value.text->length) {
    vn_eval_report(e, VN_DIAG_VN126, term->span, "the text holds a zero byte");
    return NULL;
  }
  return value.text->text;
}

void
vn_eval_segment_property(VnEval *e, const VnCheckedProperty *property, VnSegment *segment)
{
  VnImpairment *impairment = &segment->impairment;
  switch (property->id) {
  case VN_PROPERTY_DELAY:
    impairment->delay_ns = whole(e, property, 0, MAX_DELAY, 0);
    return;
  case VN_PROPERTY_JITTER:
    impairment->jitter_ns = whole(e, property, 0, MAX_DELAY, 0);
    return;
  case VN_PROPERTY_LOSS:
    impairment->loss = share(e, property);
    return;
  case VN_PROPERTY_DUPLICATE:
    impairment->duplicate = share(e, property);
    return;
  case VN_PROPERTY_REORDER:
    impairment->reorder = share(e, property);
    return;
  case VN_PROPERTY_RATE:
    impairment->rate = whole(e, property, 1000, G_GINT64_CONSTANT(1000000000000), 0);
    return;
  case VN_PROPERTY_QUEUE:
    impairment->queue = whole(e, property, 1, G_GINT64_CONSTANT(1) << 32, 0);
    return;
  case VN_PROPERTY_MTU:
    segment->mtu = (guint32)whole(e, property, MIN_MTU, MAX_MTU, 0);
    return;
  case VN_PROPERTY_CAPTURE:
    segment->capture = TRUE;
    segment->capture_file = text(e, property->a);
    segment->capture_filter = text(e, property->b);
    return;
  case VN_PROPERTY_IMAGE:
  case VN_PROPERTY_VM:
  case VN_PROPERTY_MEMORY:
  case VN_PROPERTY_CPUS:
  case VN_PROPERTY_PROCESSES:
  case VN_PROPERTY_INITIALLY:
  case VN_PROPERTY_ADDRESS:
  case VN_PROPERTY_MAC:
  case VN_PROPERTY_ENV:
  case VN_PROPERTY_FILE:
  case VN_PROPERTY_AFTER:
  case VN_PROPERTY_TIMEOUT:
  case VN_PROPERTY_RETRY:
  case VN_PROPERTY_WHEN:
  case VN_PROPERTY_ALWAYS:
  case VN_PROPERTY_ON_FAILURE:
  case VN_PROPERTY_PROVIDES:
  case VN_PROPERTY_READS:
  case VN_PROPERTY_WRITES:
  case VN_PROPERTY_FOR:
  case VN_PROPERTY_SUCCEEDS:
  case VN_PROPERTY_COUNT:
    break;
  }
  g_assert_not_reached();
}

/* What is no list, file or address. */
void
vn_eval_vm_property(VnEval *e, const VnCheckedProperty *property, VnVm *vm)
{
  VnValue value;
  switch (property->id) {
  case VN_PROPERTY_IMAGE:
    if (vn_eval_value(e, property->a, &value) && value.kind == VN_VALUE_IMAGE)
      vm->image = value.id;
    return;
  case VN_PROPERTY_VM:
    vm->vm = text(e, property->a);
    return;
  case VN_PROPERTY_MEMORY:
    vm->memory = whole(e, property, MIN_MEMORY, G_GINT64_CONSTANT(1) << 46, 0);
    return;
  case VN_PROPERTY_CPUS:
    vm->cpus = (guint32)whole(e, property, 1, MAX_CPUS, 0);
    return;
  case VN_PROPERTY_PROCESSES:
    vm->processes = (guint32)whole(e, property, 1, MAX_PROCESSES, 0);
    return;
  case VN_PROPERTY_INITIALLY:
    vm->initially = property->word.symbol != NULL && strcmp(property->word.symbol->text, "on") == 0
                        ? VN_INITIALLY_ON
                        : VN_INITIALLY_OFF;
    return;
  case VN_PROPERTY_ADDRESS:
  case VN_PROPERTY_MAC:
  case VN_PROPERTY_ENV:
  case VN_PROPERTY_FILE:
    return; /* done together: see below */
  case VN_PROPERTY_DELAY:
  case VN_PROPERTY_JITTER:
  case VN_PROPERTY_LOSS:
  case VN_PROPERTY_DUPLICATE:
  case VN_PROPERTY_REORDER:
  case VN_PROPERTY_RATE:
  case VN_PROPERTY_QUEUE:
  case VN_PROPERTY_MTU:
  case VN_PROPERTY_CAPTURE:
  case VN_PROPERTY_AFTER:
  case VN_PROPERTY_TIMEOUT:
  case VN_PROPERTY_RETRY:
  case VN_PROPERTY_WHEN:
  case VN_PROPERTY_ALWAYS:
  case VN_PROPERTY_ON_FAILURE:
  case VN_PROPERTY_PROVIDES:
  case VN_PROPERTY_READS:
  case VN_PROPERTY_WRITES:
  case VN_PROPERTY_FOR:
  case VN_PROPERTY_SUCCEEDS:
  case VN_PROPERTY_COUNT:
    break;
  }
  g_assert_not_reached();
}

/* ---- environment and files ---- */

static gboolean
same_name(const VnEnv *env, guint32 n, const char *name)
{
  for (guint32 i = 0; i < n; i++)
    if (strcmp(env[i].name, name) == 0)
      return TRUE;
  return FALSE;
}

static void
add_env(VnEval *e, const VnCheckedProperty *property, VnEnv *env, VnVm *vm)
{
  VnEnv pair = {.name = property->word.symbol->text, .value = text(e, property->a)};
  if (same_name(env, vm->n_env, pair.name))
    vn_eval_report(e, VN_DIAG_VN106, property->span, "`env %s` stands twice", pair.name);
  else if (pair.value != NULL)
    env[vm->n_env++] = pair;
}

static void
add_file(VnEval *e, const VnCheckedProperty *property, VnFileCopy *files, VnVm *vm)
{
  VnFileCopy copy = {
      .source = text(e, property->a), .target = text(e, property->b), .span = property->span};
  if (copy.source != NULL && copy.target != NULL)
    files[vm->n_files++] = copy;
}

static guint32
count(const VnItem *item, VnPropertyId id)
{
  guint32 n = 0;
  for (guint32 i = 0; i < item->vm.n_properties; i++)
    n += item->vm.properties[i].id == id;
  return n;
}

/* ---- addresses ---- */

static VnAddress *
place_in(VnIface *iface, const VnAddress *address)
{
  return address->family == 4 ? &iface->address4 : &iface->address6;
}

/* The interface that an address is for: the first free one whose segment it belongs to, else the
 * first free one. */
static VnIface *
iface_for(VnEval *e, const VnVm *vm, const VnAddress *address)
{
  VnIface *free_one = NULL;
  for (guint32 i = 0; i < vm->n_ifaces; i++) {
    VnIface *iface = &g_array_index(e->ifaces, VnIface, vm->first_iface + i);
    const VnSegment *segment = &g_array_index(e->segments, VnSegment, iface->segment);
    if (place_in(iface, address)->family != 0)
      continue;
    if (vn_prefix_contains(address->family == 4 ? &segment->prefix4 : &segment->prefix6, address))
      return iface;
    free_one = free_one != NULL ? free_one : iface;
  }
  return free_one;
}

static void
give_address(VnEval *e, const VnCheckedProperty *property, const VnAddress *address, const VnVm *vm)
{
  VnIface *iface = iface_for(e, vm, address);
  char text_of_it[VN_ADDRESS_TEXT_MAX];
  if (iface == NULL && vm->n_ifaces > 0)
    vn_diag_hint(vn_eval_report(e, VN_DIAG_VN210, property->a->span,
                                "`%s` has no connection left for the address %s", vm->name,
                                vn_address_format(address, text_of_it)),
                 "there is one address of each family to a connection");
  if (iface == NULL)
    return;
  *place_in(iface, address) = *address;
  iface->span = property->span;
}

static void
give_addresses(VnEval *e, const VnCheckedProperty *property, const VnVm *vm)
{
  VnValue value;
  for (guint32 i = 0; property->word.symbol != NULL && i < vm->n_ifaces; i++)
    g_array_index(e->ifaces, VnIface, vm->first_iface + i).preset = TRUE;
  if (property->a == NULL || !vn_eval_value(e, property->a, &value))
    return;
  const VnValue *items = value.kind == VN_VALUE_LIST ? value.list->items : &value;
  guint32 n = value.kind == VN_VALUE_LIST ? value.list->n : 1;
  for (guint32 i = 0; i < n; i++)
    if (items[i].kind == VN_VALUE_ADDRESS)
      give_address(e, property, items[i].address, vm);
    else
      vn_eval_report(e, VN_DIAG_VN103, property->a->span, "this must be an address, it is %s",
                     vn_value_kind_text(items[i].kind));
}

static void
give_mac(VnEval *e, const VnCheckedProperty *property, const VnVm *vm)
{
  VnValue value;
  if (!vn_eval_value(e, property->a, &value) || value.kind != VN_VALUE_MAC || vm->n_ifaces == 0)
    return;
  if (value.mac == 0 || value.mac >> 40 & 1)
    vn_eval_report(e, VN_DIAG_VN126, property->a->span, "a host's MAC address can't be %s",
                   value.mac == 0 ? "zero" : "a group's");
  else
    g_array_index(e->ifaces, VnIface, vm->first_iface).mac = value.mac;
}

void
vn_eval_vm_properties(VnEval *e, VnItem *item, VnVm *vm)
{
  VnEnv *env = vn_arena_array0(e->arena, VnEnv, count(item, VN_PROPERTY_ENV));
  VnFileCopy *files = vn_arena_array0(e->arena, VnFileCopy, count(item, VN_PROPERTY_FILE));
  vm->env = env;
  vm->files = files;
  for (guint32 i = 0; i < item->vm.n_properties; i++) {
    const VnCheckedProperty *property = &item->vm.properties[i];
    if (property->id == VN_PROPERTY_ENV)
      add_env(e, property, env, vm);
    else if (property->id == VN_PROPERTY_FILE)
      add_file(e, property, files, vm);
    else if (property->id == VN_PROPERTY_ADDRESS)
      give_addresses(e, property, vm);
    else if (property->id == VN_PROPERTY_MAC)
      give_mac(e, property, vm);
    else
      vn_eval_vm_property(e, property, vm);
  }
}
