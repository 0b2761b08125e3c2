/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See process.h. A program that finds out half-way that it can't open a file any more says
 * something of a broken socket or a lost slave; at the start it can say what is wrong. */
#include "cmd/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static gboolean
open_standard(void)
{
  int fd;
  do
    fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  return fd >= 0 && close(fd) == 0;
}

/* Thousands of agents are thousands of descriptors. */
static rlim_t
raise_limit(void)
{
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0)
    return RLIM_INFINITY;
  rlim_t wanted = files.rlim_max, had = files.rlim_cur;
  files.rlim_cur = wanted;
  return setrlimit(RLIMIT_NOFILE, &files) == 0 ? wanted : had;
}

/* Text with letters that the terminal's locale lacks must not be mangled into question marks. */
static void
print_plain(const char *text)
{
  (void)fputs(text, stdout);
}

static void
print_error(const char *text)
{
  (void)fputs(text, stderr);
}

gboolean
vn_process_begin(GError **error)
{
  g_set_print_handler(print_plain);
  g_set_printerr_handler(print_error);
  rlim_t limit = raise_limit();
  if (limit < VN_PROCESS_FILES_MIN) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_MFILE,
                "at most %lu descriptors may be open here, and %d are needed: raise the limit "
                "(ulimit -n)",
                (unsigned long)limit, VN_PROCESS_FILES_MIN);
    return FALSE;
  }
  if (open_standard())
    return TRUE;
  int number = errno;
  g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(number), "/dev/null: %s",
              g_strerror(number));
  return FALSE;
}
