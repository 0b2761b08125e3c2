/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slave/token.h"

#include <errno.h>
#include <sys/random.h>

gboolean
vn_token_make(char token[VN_LINE_TOKEN + 1])
{
  guint8 bytes[VN_LINE_TOKEN / 2];
  ssize_t n;
  do
    n = getrandom(bytes, sizeof bytes, 0);
  while (n < 0 && errno == EINTR);
  if (n != (ssize_t)sizeof bytes)
    return FALSE;
  for (gsize i = 0; i < sizeof bytes; i++)
    g_snprintf(token + 2 * i, 3, "%02x", bytes[i]);
  return TRUE;
}
