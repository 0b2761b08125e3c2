/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outputs go to files (of memory, if nowhere else), so that no pipe can fill and a bound on the
 * size of files bounds them all. */
#include "image/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "image/image.h"

#define COMPLAINT_MAX 600u /* bytes at the end of standard error that an error repeats */

static void
set_limit(__rlimit_resource_t what, rlim_t most)
{
  struct rlimit limit = {most, most};
  if (most != 0)
    (void)setrlimit(what, &limit);
}

/* In the child, between fork and exec. */
static void
set_up_child(gpointer data)
{
  const VnRun *run = data;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  set_limit(RLIMIT_FSIZE, run->output != NULL || run->output_max != 0 ? (rlim_t)run->output_max
                                                                      : VN_RUN_TEXT_MAX);
  set_limit(RLIMIT_CPU, run->seconds);
  set_limit(RLIMIT_AS, (rlim_t)run->memory);
}

static char *
read_end(int fd, gsize most)
{
  off_t size = lseek(fd, 0, SEEK_END);
  gsize n = size > 0 ? MIN((gsize)size, most) : 0;
  char *text = g_malloc(n + 1);
  gssize got = n > 0 ? pread(fd, text, n, size - (off_t)n) : 0;
  text[MAX(got, 0)] = '\0';
  return text;
}

/* The lines of a complaint that matter, as one. */
static char *
complaint(int fd)
{
  g_autofree char *text = read_end(fd, COMPLAINT_MAX);
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_auto(GStrv) lines = g_strsplit(g_strstrip(valid), "\n", -1);
  GString *all = g_string_new(NULL);
  for (guint i = 0; lines[i] != NULL; i++) {
    if (*lines[i] == '\0' || g_str_has_prefix(lines[i], "W:"))
      continue;
    g_string_append_printf(all, "%s%s", all->len > 0 ? "; " : "", lines[i]);
  }
  return g_string_free(all, FALSE);
}

static GSubprocess *
start(const VnRun *run, int out, int err, GError **error)
{
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
  g_subprocess_launcher_setenv(launcher, "LC_ALL", "C.UTF-8", TRUE);
  if (run->variable != NULL)
    g_subprocess_launcher_setenv(launcher, run->variable, run->value, TRUE);
  if (run->folder != NULL)
    g_subprocess_launcher_set_cwd(launcher, run->folder);
  g_subprocess_launcher_set_stdin_file_path(launcher, run->input != NULL ? run->input
                                                                         : "/dev/null");
  if (run->output != NULL)
    g_subprocess_launcher_set_stdout_file_path(launcher, run->output);
  else
    g_subprocess_launcher_take_stdout_fd(launcher, fcntl(out, F_DUPFD_CLOEXEC, 3));
  g_subprocess_launcher_take_stderr_fd(launcher, fcntl(err, F_DUPFD_CLOEXEC, 3));
  g_subprocess_launcher_set_child_setup(launcher, set_up_child, (gpointer)run, NULL);
  return g_subprocess_launcher_spawnv(launcher, run->argv, error);
}

static gboolean
check_end(const VnRun *run, GSubprocess *process, int err, int *out_status, GError **error)
{
  if (g_subprocess_get_if_exited(process) &&
      (g_subprocess_get_exit_status(process) == 0 || out_status != NULL)) {
    if (out_status != NULL)
      *out_status = g_subprocess_get_exit_status(process);
    return TRUE;
  }
  g_autofree char *why = complaint(err);
  if (g_subprocess_get_if_exited(process))
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s: %s", run->argv[0],
                *why != '\0' ? why : "failed without a word");
  else
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s: ended by signal %d (%s)%s%s",
                run->argv[0], g_subprocess_get_term_sig(process),
                g_strsignal(g_subprocess_get_term_sig(process)), *why != '\0' ? ": " : "", why);
  return FALSE;
}

static gboolean
run_to_end(const VnRun *run, int out, int err, char **out_text, int *out_status,
           GCancellable *cancellable, GError **error)
{
  g_autoptr(GSubprocess) process = start(run, out, err, error);
  if (process == NULL)
    return FALSE;
  if (!g_subprocess_wait(process, cancellable, error)) {
    g_subprocess_force_exit(process);
    (void)g_subprocess_wait(process, NULL, NULL);
    return FALSE;
  }
  if (!check_end(run, process, err, out_status, error))
    return FALSE;
  if (out_text != NULL)
    *out_text = read_end(out, VN_RUN_TEXT_MAX);
  return TRUE;
}

gboolean
vn_run(const VnRun *run, char **out_text, int *out_status, GCancellable *cancellable,
       GError **error)
{
  g_autofree char *program = g_find_program_in_path(run->argv[0]);
  if (program == NULL) {
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_PROGRAM,
                "the program %s is not there: `apt-get install %s`", run->argv[0], run->package);
    return FALSE;
  }
  if (g_cancellable_set_error_if_cancelled(cancellable, error))
    return FALSE;
  int out = memfd_create("stdout", MFD_CLOEXEC), err = memfd_create("stderr", MFD_CLOEXEC);
  gboolean good = out >= 0 && err >= 0;
  if (!good)
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "memory for %s: %s", run->argv[0],
                g_strerror(errno));
  good = good && run_to_end(run, out, err, out_text, out_status, cancellable, error);
  if (out >= 0)
    close(out);
  if (err >= 0)
    close(err);
  return good;
}
