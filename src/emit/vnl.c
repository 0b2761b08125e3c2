/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The completed experiment as a script that says everything outright.
 *
 * Loops, parameters, functions and imported names are gone; elements of arrays are declared one by
 * one under their own names. Routers that were added are declared; those that were split are
 * written whole, for it is the compiler that splits. Compiling the result gives the same network,
 * and writing that one again gives the same text. */
#include "emit/emit.h"

#include <string.h>

#include "emit/vnl.h"
#include "tech/tech.h"
#include "topology/query.h"

/* A name of the compiler's making ("lan[2].router") as one that can be declared. */
static char *
declarable(const char *name)
{
  GString *text = g_string_new(NULL);
  for (; *name != '\0'; name++)
    if (g_ascii_isalnum(*name) || *name == '_')
      g_string_append_c(text, *name);
    else if (*name != ']')
      g_string_append_c(text, '_');
  return g_string_free(text, FALSE);
}

static gboolean
is_taken(const VnTopology *topology, const char *name)
{
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    if (strcmp(topology->vms[vm].name, name) == 0)
      return TRUE;
  for (guint32 s = 0; s < topology->n_segments; s++)
    if (strcmp(topology->segments[s].name, name) == 0)
      return TRUE;
  return FALSE;
}

static void
append_vm_name(const VnTopology *topology, const VnVm *vm, GString *out)
{
  if (!vm->added) {
    g_string_append(out, vm->name);
    return;
  }
  g_autofree char *name = declarable(vm->name);
  while (is_taken(topology, name)) {
    g_autofree char *longer = g_strconcat(name, "_", NULL);
    g_free(name);
    name = g_steal_pointer(&longer);
  }
  g_string_append(out, name);
}

static void
append_doc(const char *doc, GString *out)
{
  if (doc == NULL || *doc == '\0')
    return;
  g_auto(GStrv) lines = g_strsplit(doc, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0' || lines[i + 1] != NULL)
      g_string_append_printf(out, "## %s\n", lines[i]);
}

void
vn_vnl_text(const char *text, GString *out)
{
  VnText value = {text, strlen(text)};
  vn_emit_value(NULL, &(VnValue){.kind = VN_VALUE_STRING, .text = &value}, out);
}

static void
append_text_property(const char *word, const char *text, GString *out)
{
  if (text == NULL)
    return;
  g_string_append_printf(out, " %s ", word);
  vn_vnl_text(text, out);
}

static void
append_quantity(const char *word, gint64 value, VnValueKind kind, GString *out)
{
  if (value == 0)
    return;
  g_string_append_printf(out, " %s ", word);
  vn_emit_value(NULL, &(VnValue){.kind = kind, .i = value}, out);
}

static void
append_share(const char *word, double percent, GString *out)
{
  if (percent == 0)
    return;
  g_string_append_printf(out, " %s ", word);
  vn_emit_value(NULL, &(VnValue){.kind = VN_VALUE_PERCENT, .f = percent}, out);
}

static void
append_sites(const VnModel *model, GString *out)
{
  for (guint32 s = 1; s < model->n_sites; s++) {
    g_string_append_printf(out, "site %s", model->sites[s].name);
    append_text_property("at", model->sites[s].at, out);
    append_text_property("key", model->sites[s].key, out);
    g_string_append(out, ";\n");
  }
}

/* A word of a technology's schema is written without quotes. */
static void
append_key(const VnModel *model, const VnImage *image, guint32 k, GString *out)
{
  const VnTech *tech = vn_tech((VnTechId)image->tech);
  g_string_append_printf(out, " %s", image->keys[k]);
  const VnValue *value = &image->values[k];
  gboolean word = FALSE;
  for (gsize i = 0; i < tech->n_keys; i++)
    word = word || (tech->keys[i].type == VN_TECH_KEY_WORD &&
                    strcmp(tech->keys[i].key, image->keys[k]) == 0);
  g_string_append_c(out, ' ');
  if (word && value->kind == VN_VALUE_STRING)
    g_string_append(out, value->text->text);
  else
    vn_emit_value(model, value, out);
  g_string_append_c(out, ';');
}

static void
append_images(const VnModel *model, GString *out)
{
  for (guint32 i = 0; i < model->n_images; i++) {
    const VnImage *image = &model->images[i];
    append_doc(image->doc, out);
    g_string_append_printf(out, "image %s { technology %s;", image->name,
                           vn_tech((VnTechId)image->tech)->name);
    if (image->os != NULL)
      g_string_append_printf(out, " os %s;", image->os);
    for (guint32 k = 0; k < image->n_keys; k++)
      append_key(model, image, k, out);
    append_quantity("memory", image->memory, VN_VALUE_SIZE, out);
    g_string_append(out, image->memory != 0 ? ";" : "");
    append_quantity("cpus", image->cpus, VN_VALUE_INT, out);
    g_string_append(out, image->cpus != 0 ? "; }\n" : " }\n");
  }
}

/* A segment's own prefixes, not the network's. */
static void
append_prefixes(const VnTopology *topology, guint32 number, GString *out)
{
  const VnSegment *segment = &topology->segments[number];
  gboolean own4 = segment->prefix4.address.family != 0 && !vn_topology_is_flat(topology, number, 4);
  gboolean own6 = segment->prefix6.address.family != 0 && !vn_topology_is_flat(topology, number, 6);
  char text4[VN_PREFIX_TEXT_MAX], text6[VN_PREFIX_TEXT_MAX];
  vn_prefix_format(&segment->prefix4, text4);
  vn_prefix_format(&segment->prefix6, text6);
  if (own4 && own6)
    g_string_append_printf(out, " ([%s, %s])", text4, text6);
  else if (own4 || own6)
    g_string_append_printf(out, " %s", own4 ? text4 : text6);
}

static void
append_segment(const VnModel *model, guint32 number, GString *out)
{
  const VnSegment *segment = &model->topology.segments[number];
  const VnImpairment *it = &segment->impairment;
  append_doc(segment->doc, out);
  g_string_append_printf(out, "segment %s", segment->name);
  append_prefixes(&model->topology, number, out);
  if (segment->site != 0)
    g_string_append_printf(out, " at %s", model->sites[segment->site].name);
  g_string_append_printf(out, " using %s", vn_tech((VnTechId)segment->tech)->name);
  append_quantity("delay", it->delay_ns, VN_VALUE_DURATION, out);
  append_quantity("jitter", it->jitter_ns, VN_VALUE_DURATION, out);
  append_share("loss", it->loss, out);
  append_share("duplicate", it->duplicate, out);
  append_share("reorder", it->reorder, out);
  append_quantity("rate", it->rate, VN_VALUE_RATE, out);
  append_quantity("queue", it->queue, VN_VALUE_SIZE, out);
  append_quantity("mtu", segment->mtu, VN_VALUE_INT, out);
  if (segment->capture) {
    g_string_append(out, " capture");
    if (segment->capture_file != NULL) {
      g_string_append_c(out, ' ');
      vn_vnl_text(segment->capture_file, out);
    }
    append_text_property("filter", segment->capture_filter, out);
  }
  g_string_append(out, ";\n");
}

static void
append_vm_properties(const VnModel *model, const VnVm *vm, GString *out)
{
  if (vm->image != VN_NO_ID)
    g_string_append_printf(out, " image %s", model->images[vm->image].name);
  append_text_property("vm", vm->vm, out);
  append_quantity("memory", vm->memory, VN_VALUE_SIZE, out);
  append_quantity("cpus", vm->cpus, VN_VALUE_INT, out);
  append_quantity("processes", vm->processes, VN_VALUE_INT, out);
  for (guint32 k = 0; k < vm->n_env; k++) {
    g_string_append_printf(out, " env %s = ", vm->env[k].name);
    vn_vnl_text(vm->env[k].value, out);
  }
  for (guint32 k = 0; k < vm->n_files; k++) {
    append_text_property("file", vm->files[k].source, out);
    append_text_property("to", vm->files[k].target, out);
  }
  if (vm->initially != VN_INITIALLY_DEFAULT)
    g_string_append_printf(out, " initially %s", vm->initially == VN_INITIALLY_ON ? "on" : "off");
}

static void
collect_addresses(const VnTopology *topology, const VnVm *vm, GPtrArray *texts)
{
  char text[VN_ADDRESS_TEXT_MAX];
  for (guint32 i = vm->first_iface; i < vm->first_iface + vm->n_ifaces; i++)
    for (guint family = 4; family <= 6; family += 2) {
      const VnIface *iface = &topology->ifaces[i];
      const VnAddress *address = family == 4 ? &iface->address4 : &iface->address6;
      if (address->family != 0)
        g_ptr_array_add(texts, g_strdup(vn_address_format(address, text)));
    }
}

static void
append_addresses(const GPtrArray *texts, GString *out)
{
  if (texts->len == 0)
    return;
  g_string_append_printf(out, " address %s", texts->len > 1 ? "[" : "");
  for (guint i = 0; i < texts->len; i++)
    g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", (const char *)texts->pdata[i]);
  g_string_append(out, texts->len > 1 ? "]" : "");
}

static void
append_host(const VnModel *model, const VnVm *host, GString *out)
{
  const VnTopology *topology = &model->topology;
  const VnIface *iface = &topology->ifaces[host->first_iface];
  char mac[VN_MAC_TEXT_MAX];
  append_doc(host->doc, out);
  g_string_append_printf(out, "host %s on %s", host->name, topology->segments[iface->segment].name);
  g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
  collect_addresses(topology, host, addresses);
  append_addresses(addresses, out);
  g_string_append(out, iface->preset ? " preset" : "");
  g_string_append_printf(out, " mac %s", vn_mac_format(iface->mac, mac));
  append_vm_properties(model, host, out);
  g_string_append(out, ";\n");
}

static void
append_joins(const VnTopology *topology, const VnVm *part, gboolean *first, GString *out)
{
  for (guint32 i = part->first_iface; i < part->first_iface + part->n_ifaces; i++) {
    g_string_append_printf(out, "%s%s", *first ? " joins " : ", ",
                           topology->segments[topology->ifaces[i].segment].name);
    *first = FALSE;
  }
}

/* A router with the segments of all its parts, and the addresses in their order. */
static void
append_router(const VnModel *model, guint32 number, GString *out)
{
  const VnTopology *topology = &model->topology;
  const VnVm *router = &topology->vms[number];
  gboolean first = TRUE;
  append_doc(router->doc, out);
  g_string_append(out, "router ");
  append_vm_name(topology, router, out);
  g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
  append_joins(topology, router, &first, out);
  collect_addresses(topology, router, addresses);
  for (guint32 vm = number + 1; router->external && vm < topology->n_vms; vm++)
    if (topology->vms[vm].split_of == number) {
      append_joins(topology, &topology->vms[vm], &first, out);
      collect_addresses(topology, &topology->vms[vm], addresses);
    }
  append_addresses(addresses, out);
  append_vm_properties(model, router, out);
  g_string_append(out, ";\n");
}

static void
append_network(const VnModel *model, GString *out)
{
  const VnTopology *topology = &model->topology;
  char text[VN_PREFIX_TEXT_MAX];
  if (topology->network4.address.family != 0)
    g_string_append_printf(out, "network %s;\n", vn_prefix_format(&topology->network4, text));
  if (topology->network6.address.family != 0)
    g_string_append_printf(out, "network %s;\n", vn_prefix_format(&topology->network6, text));
  for (guint32 s = 0; s < topology->n_segments; s++)
    append_segment(model, s, out);
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    if (topology->vms[vm].kind == VN_VM_HOST)
      append_host(model, &topology->vms[vm], out);
    else if (topology->vms[vm].split_of == VN_NO_ID)
      append_router(model, vm, out);
}

void
vn_vnl_set(const VnModel *model, const guint32 *vms, guint32 n, GString *out)
{
  g_string_append_c(out, '{');
  for (guint32 k = 0; k < n; k++) {
    g_string_append(out, k > 0 ? ", " : "");
    append_vm_name(&model->topology, &model->topology.vms[vms[k]], out);
  }
  g_string_append_c(out, '}');
}

static void
append_outcome(const VnModel *model, GString *out)
{
  for (guint32 k = 0; k < model->n_measures; k++) {
    append_doc(model->measures[k].doc, out);
    g_string_append_printf(out, "measure %s = ", model->measures[k].name);
    vn_emit_expr(model, NULL, model->measures[k].value, out);
    g_string_append(out, ";\n");
  }
  for (guint32 k = 0; k < model->n_expectations; k++) {
    g_string_append(out, "expect ");
    vn_emit_expr(model, NULL, model->expectations[k].condition, out);
    if (model->expectations[k].message != NULL) {
      g_string_append_c(out, ' ');
      vn_emit_expr(model, NULL, model->expectations[k].message, out);
    }
    g_string_append(out, ";\n");
  }
}

void
vn_emit_vnl(const VnModel *model, GString *out)
{
  append_doc(model->doc, out);
  if (model->name != NULL) {
    g_string_append(out, "experiment ");
    vn_vnl_text(model->name, out);
    g_string_append(out, ";\n");
  }
  vn_vnl_uses(model, out);
  if (model->paper_rules)
    g_string_append(out, "rules paper;\n");
  if (model->has_seed)
    g_string_append_printf(out, "seed %" G_GUINT64_FORMAT ";\n", model->seed);
  if (model->trials > 1)
    g_string_append_printf(out, "trials %u;\n", model->trials);
  append_sites(model, out);
  append_images(model, out);
  append_network(model, out);
  for (guint32 g = 0; g < model->n_groups; g++) {
    append_doc(model->groups[g].doc, out);
    g_string_append_printf(out, "group %s = ", model->groups[g].name);
    vn_vnl_set(model, model->groups[g].vms, model->groups[g].n_vms, out);
    g_string_append(out, ";\n");
  }
  vn_vnl_actions(model, out);
  for (guint32 t = 0; t < model->n_tasks; t++) {
    append_doc(model->tasks[t].doc, out);
    vn_vnl_task(model, &model->tasks[t], out);
  }
  append_outcome(model, out);
}
