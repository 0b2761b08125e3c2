/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a pull takes: for each step of the machine that writes the file, that it is not thrown away
 * between. */
#include "emit/certificate.h"
#include "model/bound.h"

#include <string.h>

static char *
path_of(const VnCertificate *c, guint32 node, const VnExpr *expr)
{
  VnValue value;
  const VnTask *task = vn_certificate_task(c, node);
  if (!vn_task_value(c->model, task, expr, c->arena, &value) || value.kind != VN_VALUE_STRING)
    return NULL;
  return g_canonicalize_filename(value.text->text, "/");
}

static gboolean
is_path(const VnCertificate *c, guint32 node, const VnExpr *expr, const char *path)
{
  g_autofree char *other = path_of(c, node, expr);
  return g_strcmp0(other, path) == 0;
}

static gboolean
writes(const VnCertificate *c, guint32 node, const char *path)
{
  const VnTask *task = vn_certificate_task(c, node);
  if (task->control == VN_CONTROL_PUSH)
    return task->n_args > 1 && is_path(c, node, task->args[1], path);
  if (task->control != VN_CONTROL_NONE)
    return FALSE;
  const VnAction *action = &c->model->actions[task->action];
  for (guint32 k = 0; k < action->n_writes; k++)
    if (is_path(c, node, action->writes[k], path))
      return TRUE;
  return FALSE;
}

static gboolean
throws_away(const VnTask *task)
{
  const VnExpr *keep = task->n_args > 0 ? task->args[0] : NULL;
  if (task->control == VN_CONTROL_POWER_OFF)
    return keep == NULL || keep->kind != VN_EXPR_CONST || keep->value.kind != VN_VALUE_BOOL ||
           !keep->value.b;
  return task->control == VN_CONTROL_REVERT;
}

static void
put_chain(VnCertificate *c, const char *name, guint32 from, guint32 to)
{
  g_string_append_printf(c->against, ", \"%s\": ", name);
  vn_chain_append(c->lines, c->graph->nodes[from].task, c->graph->nodes[to].task, FALSE,
                  c->against);
}

/* A snapshot that surely was taken between the writer and the revert. */
static gboolean
put_saved(VnCertificate *c, guint32 writer, guint32 revert)
{
  guint32 vm = c->graph->nodes[revert].vm;
  const VnTask *task = vn_certificate_task(c, revert);
  const VnExpr *name = task->n_args > 0 ? task->args[0] : NULL;
  for (guint32 s = c->vm_row[vm]; s < c->vm_row[vm + 1] && name != NULL; s++) {
    guint32 step = c->vm_steps[s];
    const VnTask *other = vn_certificate_task(c, step);
    if (other->control != VN_CONTROL_SNAPSHOT || other->n_args == 0 || other->args[0] == NULL ||
        !vn_value_equal(&other->args[0]->value, &name->value) ||
        !vn_certificate_before(c, writer, step) || !vn_certificate_before(c, step, revert))
      continue;
    int place = vn_certificate_provider(c, step, FALSE);
    if (place < 0)
      continue;
    g_string_append_printf(c->against, ", \"saved\": %d", place);
    put_chain(c, "from", writer, step);
    put_chain(c, "chain", step, revert);
    return TRUE;
  }
  return FALSE;
}

static gboolean
put_thrower(VnCertificate *c, guint32 writer, guint32 thrower)
{
  g_string_append(c->against, c->against->len > 0 ? ", {\"task\": " : "{\"task\": ");
  vn_chain_append_name(vn_certificate_task(c, thrower)->name, c->against);
  if (vn_certificate_before(c, c->step, thrower))
    put_chain(c, "after", c->step, thrower);
  else if (vn_certificate_before(c, thrower, writer))
    put_chain(c, "earlier", thrower, writer);
  else if (vn_certificate_task(c, thrower)->control != VN_CONTROL_REVERT ||
           !put_saved(c, writer, thrower))
    return FALSE;
  g_string_append_c(c->against, '}');
  return TRUE;
}

/* object: gets what the entry says of the writer. */
static gboolean
is_kept(VnCertificate *c, guint32 writer, GString *object)
{
  guint32 vm = c->graph->nodes[c->step].vm;
  gboolean after = vn_certificate_before(c, c->step, writer);
  if (!after && !vn_certificate_before(c, writer, c->step))
    return FALSE;
  g_string_append_printf(object, ", \"%s\": ", after ? "later" : "chain");
  vn_chain_append(c->lines, c->graph->nodes[after ? c->step : writer].task,
                  c->graph->nodes[after ? writer : c->step].task, FALSE, object);
  for (guint32 s = c->vm_row[vm]; s < c->vm_row[vm + 1] && !after; s++) {
    guint32 step = c->vm_steps[s];
    if (throws_away(vn_certificate_task(c, step)) &&
        !vn_runs_is_dead(c->runs, c->graph->nodes[step].task) && !put_thrower(c, writer, step))
      return FALSE;
  }
  return TRUE;
}

void
vn_certificate_file(VnCertificate *c, const VnExpr *expr)
{
  guint32 vm = c->graph->nodes[c->step].vm;
  g_autofree char *path = path_of(c, c->step, expr);
  for (guint32 s = c->vm_row[vm]; s < c->vm_row[vm + 1] && path != NULL; s++) {
    guint32 step = c->vm_steps[s];
    if (step == c->step || !writes(c, step, path) ||
        vn_runs_is_dead(c->runs, c->graph->nodes[step].task))
      continue;
    g_autoptr(GString) object = g_string_new(", \"of\": ");
    vn_chain_append_name(vn_certificate_task(c, step)->name, object);
    gsize size = object->len;
    vn_certificate_begin(c);
    gboolean met = is_kept(c, step, object);
    if (!met)
      g_string_truncate(object, size);
    vn_certificate_end(c, met, "file", object->str);
  }
}
