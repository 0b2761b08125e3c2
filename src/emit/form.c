/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "emit/emit.h"

#include <string.h>

static const char *const names[] = {
#define VN_EMIT(id, name, help) name,
#include "emit/form.def"
#undef VN_EMIT
};

VnEmitForm
vn_emit_form_from_text(const char *name)
{
  guint form = 0;
  while (form < VN_EMIT_COUNT && strcmp(names[form], name) != 0)
    form++;
  return (VnEmitForm)form;
}

const char *
vn_emit_form_text(VnEmitForm form)
{
  g_assert(form < VN_EMIT_COUNT);
  return names[form];
}
