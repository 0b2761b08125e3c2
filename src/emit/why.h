/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `vnecc --why`: the way between two machines, there and back, or why there is none. */
#pragma once

#include "topology/path.h"
#include "model/model.h"

typedef struct {
  guint32 from;
  const char *to;    /* as it was asked for */
  guint32 vm;        /* VN_NO_ID: an address was named */
  VnAddress address; /* where vm is VN_NO_ID */
} VnWhy;

/* Finds both names; VMs of the model, the second perhaps an address. FALSE: `*out_unknown` is none
 * of them, and *out_nearest what may have been meant, or NULL. */
gboolean vn_why_parse(const VnTopology *topology, const char *from, const char *to, VnWhy *out_why,
                      const char **out_unknown, const char **out_nearest);
/* Appends the text or the JSON document. TRUE: packets arrive and are answered, in each family of
 * addresses that both have. */
gboolean vn_emit_why(const VnModel *model, const VnWhy *why, gboolean json, GString *out);
