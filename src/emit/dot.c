/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network and workflow as two clusters of one graph. In the workflow a circle is a task of one
 * machine and a rectangle one of a group, as in the paper's figures. */
#include "emit/emit.h"

static void
append_quoted(GString *out, const char *text)
{
  g_string_append_c(out, '"');
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\' || *text == '\n')
      g_string_append_c(out, '\\');
    g_string_append_c(out, *text == '\n' ? 'n' : *text);
  }
  g_string_append_c(out, '"');
}

static void
append_segment(const VnSegment *segment, guint32 number, GString *out)
{
  char text[VN_PREFIX_TEXT_MAX];
  const VnPrefix *prefix =
      segment->prefix4.address.family != 0 ? &segment->prefix4 : &segment->prefix6;
  g_autofree char *label = g_strdup_printf("%s\n%s", segment->name, vn_prefix_format(prefix, text));
  g_string_append_printf(out,
                         "    s%u [shape=box, style=filled, fillcolor=lightgrey, label=", number);
  append_quoted(out, label);
  g_string_append(out, "];\n");
}

static void
append_vm(const VnVm *vm, guint32 number, GString *out)
{
  g_string_append_printf(out, "    v%u [shape=%s%s, label=", number,
                         vm->kind == VN_VM_HOST ? "ellipse" : "diamond",
                         vm->added ? ", style=dashed" : "");
  append_quoted(out, vm->name);
  g_string_append(out, "];\n");
}

static void
append_network(const VnTopology *topology, GString *out)
{
  char text[VN_ADDRESS_TEXT_MAX];
  g_string_append(out,
                  "  subgraph cluster_network {\n    label=\"network\";\n"
                       "    edge [dir=none];\n");
  for (guint32 s = 0; s < topology->n_segments; s++)
    append_segment(&topology->segments[s], s, out);
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    append_vm(&topology->vms[vm], vm, out);
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    const VnIface *iface = &topology->ifaces[i];
    const VnAddress *address = iface->address4.family != 0 ? &iface->address4 : &iface->address6;
    g_string_append_printf(out, "    v%u -> s%u [label=\"%s\"];\n", iface->vm, iface->segment,
                           vn_address_format(address, text));
  }
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    if (topology->vms[vm].split_of != VN_NO_ID)
      g_string_append_printf(out, "    v%u -> v%u [style=dotted, label=\"Ext\"];\n",
                             topology->vms[vm].split_of, vm);
  g_string_append(out, "  }\n");
}

static void
append_workflow(const VnModel *model, GString *out)
{
  g_string_append(out, "  subgraph cluster_workflow {\n    label=\"workflow\";\n");
  for (guint32 t = 0; t < model->n_tasks; t++) {
    g_string_append_printf(out, "    t%u [shape=%s, label=", t,
                           model->tasks[t].group ? "box" : "circle");
    append_quoted(out, model->tasks[t].name);
    g_string_append(out, "];\n");
  }
  for (guint32 t = 0; t < model->n_tasks; t++)
    for (guint32 k = 0; k < model->tasks[t].n_after; k++)
      g_string_append_printf(out, "    t%u -> t%u;\n", model->tasks[t].after[k], t);
  g_string_append(out, "  }\n");
}

void
vn_emit_dot(const VnModel *model, GString *out)
{
  g_string_append(out, "digraph ");
  append_quoted(out, model->name != NULL ? model->name : "experiment");
  g_string_append(out, " {\n");
  append_network(&model->topology, out);
  if (model->n_tasks > 0)
    append_workflow(model, out);
  g_string_append(out, "}\n");
}
