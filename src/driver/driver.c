/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What all drivers share: the error domain, and hostnames. */
#include "driver/driver.h"

#include <errno.h>

G_DEFINE_QUARK(vn-driver-error-quark, vn_driver_error)

VnDriverError
vn_driver_error_of(int errnum)
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
vn_driver_fail(GError **error, int errnum, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_set_error(error, VN_DRIVER_ERROR, (gint)vn_driver_error_of(errnum), "%s: %s", what,
              g_strerror(errnum));
  return FALSE;
}

void
vn_driver_hostname(const char *name, char out[VN_DRIVER_HOSTNAME_MAX])
{
  gsize n = 0;
  for (const char *c = name; *c != '\0' && n + 1 < VN_DRIVER_HOSTNAME_MAX; c++) {
    if (g_ascii_isalnum(*c))
      out[n++] = *c;
    else if (n > 0 && out[n - 1] != '-')
      out[n++] = '-';
  }
  while (n > 0 && out[n - 1] == '-')
    n--;
  out[n] = '\0';
  if (n == 0)
    g_strlcpy(out, "host", VN_DRIVER_HOSTNAME_MAX);
}
