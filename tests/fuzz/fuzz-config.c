/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer target: a slave's configuration is read or refused with a reason. */
#include <stdlib.h>

#include "slave/config.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnConfig) config = vn_config_parse((const char *)data, size, "slave.conf", &error);
  if ((config == NULL) == (error == NULL))
    abort();
  if (config != NULL && config->name == NULL)
    abort();
  return 0;
}
