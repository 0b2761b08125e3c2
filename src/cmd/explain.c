/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table is made from doc/explain/ by explain-table.sh. */
#include "cmd/explain.h"

#include <string.h>

static const struct {
  const char *code, *text;
} texts[] = {
#include "src/cmd/explain-table.inc"
};

const char *
vn_explain(VnDiagCode code)
{
  const char *name = vn_diag_info(code)->code;
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    if (strcmp(texts[i].code, name) == 0)
      return texts[i].text;
  return NULL;
}
