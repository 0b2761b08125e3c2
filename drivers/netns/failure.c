/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How failures of this driver are put; driver.h has what an errno means. */
#include "drivers/netns/failure.h"

gboolean
vn_netns_fail(GError **error, int errnum, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_set_error(error, VN_DRIVER_ERROR, (gint)vn_driver_error_of(errnum), "%s: %s", what,
              g_strerror(errnum));
  return FALSE;
}

gboolean
vn_netns_ended(GError **error)
{
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
              "the process that holds the namespaces ended: somebody killed it, or the machine "
              "ran out of memory (see its log)");
  return FALSE;
}
