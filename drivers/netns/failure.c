/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which code an errno gets: what an administrator can grant, what is not there, what ran out. */
#include "drivers/netns/failure.h"

#include <errno.h>

static VnDriverError
code_of(int errnum)
{
  switch (errnum) {
  case EPERM:
  case EACCES:
    return VN_DRIVER_ERROR_PRIVILEGE;
  case ENOSPC:
  case EMFILE:
  case ENFILE:
  case ENOMEM:
  case EAGAIN:
  case EUSERS:
  case EXFULL:
    return VN_DRIVER_ERROR_LIMIT;
  case ENOENT:
  case ENOSYS:
  case ENODEV:
  case EOPNOTSUPP:
    return VN_DRIVER_ERROR_MISSING;
  default:
    return VN_DRIVER_ERROR_FAILED;
  }
}

gboolean
vn_netns_fail(GError **error, int errnum, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_set_error(error, VN_DRIVER_ERROR, (gint)code_of(errnum), "%s: %s", what, g_strerror(errnum));
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
