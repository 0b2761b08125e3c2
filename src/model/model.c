/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions that many ask of a model. */
#include "model/model.h"

#include <string.h>

#include "model/expr.h"
#include "tech/tech.h"

static const char *const common_fields[VN_FIELD_OWN] = {
    [VN_FIELD_OK] = "ok",
    [VN_FIELD_EXIT_CODE] = "exit_code",
    [VN_FIELD_STDOUT] = "stdout",
    [VN_FIELD_STDERR] = "stderr",
    [VN_FIELD_DURATION] = "duration",
    [VN_FIELD_STARTED] = "started",
    [VN_FIELD_ENDED] = "ended",
};

const char *
vn_model_field_name(const VnModel *model, const VnTask *task, guint32 field)
{
  if (field < VN_FIELD_OWN)
    return common_fields[field];
  g_assert(task->control == VN_CONTROL_NONE);
  const VnAction *action = &model->actions[task->action];
  g_assert(field - VN_FIELD_OWN < action->n_fields);
  return action->fields[field - VN_FIELD_OWN].name;
}

const char *
vn_control_name(VnControl control)
{
  static const char *const names[VN_CONTROL_COUNT] = {
#define VN_CONTROL(id, name, targets, params, help) name,
#include "model/control.def"
#undef VN_CONTROL
  };
  return control < VN_CONTROL_COUNT ? names[control] : NULL;
}

const char *
vn_model_name_of(VnValueKind kind, guint32 id, gpointer data)
{
  const VnModel *model = data;
  switch (kind) {
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
    return id < model->topology.n_vms ? model->topology.vms[id].name : NULL;
  case VN_VALUE_SEGMENT:
    return id < model->topology.n_segments ? model->topology.segments[id].name : NULL;
  case VN_VALUE_TASK:
    return id < model->n_tasks ? model->tasks[id].name : NULL;
  case VN_VALUE_GROUP:
    return id < model->n_groups ? model->groups[id].name : NULL;
  case VN_VALUE_SITE:
    return id < model->n_sites ? model->sites[id].name : NULL;
  case VN_VALUE_IMAGE:
    return id < model->n_images ? model->images[id].name : NULL;
  case VN_VALUE_NONE:
  case VN_VALUE_BOOL:
  case VN_VALUE_INT:
  case VN_VALUE_FLOAT:
  case VN_VALUE_STRING:
  case VN_VALUE_DURATION:
  case VN_VALUE_SIZE:
  case VN_VALUE_RATE:
  case VN_VALUE_PERCENT:
  case VN_VALUE_ADDRESS:
  case VN_VALUE_PREFIX:
  case VN_VALUE_MAC:
  case VN_VALUE_PORT:
  case VN_VALUE_REGEX:
  case VN_VALUE_LIST:
  case VN_VALUE_RANGE:
  case VN_VALUE_SET:
  case VN_VALUE_KIND_COUNT:
    break;
  }
  return NULL;
}

/* The first segment of a VM; VN_NO_ID if it has none. */
static guint32
first_segment(const VnModel *model, guint32 vm)
{
  const VnVm *record = &model->topology.vms[vm];
  return record->n_ifaces > 0 ? model->topology.ifaces[record->first_iface].segment : VN_NO_ID;
}

const char *
vn_model_image_word(const VnImage *image, const char *key)
{
  for (guint32 i = 0; i < image->n_keys; i++)
    if (strcmp(image->keys[i], key) == 0 && image->values[i].kind == VN_VALUE_STRING)
      return image->values[i].text->text;
  return NULL;
}

guint
vn_model_can(const VnModel *model, guint32 number, guint32 tech)
{
  guint can = vn_tech((VnTechId)tech)->can;
  if (number == VN_NO_ID)
    return can;
  const VnImage *image = &model->images[number];
  for (guint32 i = 0; i < image->n_keys; i++)
    if (image->values[i].kind == VN_VALUE_STRING)
      can &= ~vn_tech_forgone((VnTechId)tech, image->keys[i], image->values[i].text->text);
  return can;
}

guint32
vn_model_tech(const VnModel *model, guint32 vm)
{
  guint32 image = model->topology.vms[vm].image;
  guint32 segment = first_segment(model, vm);
  guint32 tech = segment != VN_NO_ID ? model->topology.segments[segment].tech : VN_NO_ID;
  if (tech == VN_NO_ID && image != VN_NO_ID)
    tech = model->images[image].tech;
  return tech != VN_NO_ID ? tech : VN_TECH_NETNS;
}

guint32
vn_model_site(const VnModel *model, guint32 vm)
{
  guint32 segment = first_segment(model, vm);
  return segment != VN_NO_ID ? model->topology.segments[segment].site : 0;
}

const char *
vn_model_os(const VnModel *model, guint32 vm)
{
  guint32 image = model->topology.vms[vm].image;
  if (image != VN_NO_ID && model->images[image].os != NULL)
    return model->images[image].os;
  return vn_tech((VnTechId)vn_model_tech(model, vm))->os;
}
