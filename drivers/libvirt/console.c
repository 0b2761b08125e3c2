/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See console.h. A guest may write without end: the newest bytes are kept. */
#include "drivers/libvirt/console.h"

#include <glib-unix.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_SHOWN 300u
#define READ_SIZE      4096u
#define READS_A_TURN   16u /* a guest that writes without end must not keep the others waiting */

struct VnVirtConsole {
  gatomicrefcount references; /* the owner's, and the source's */
  GMutex lock;
  int fd;
  guint source;
  GString *text;
};

static void
console_unref(gpointer data)
{
  VnVirtConsole *console = data;
  if (!g_atomic_ref_count_dec(&console->references))
    return;
  (void)close(console->fd); /* it was only read */
  g_mutex_clear(&console->lock);
  g_string_free(console->text, TRUE);
  g_free(console);
}

/* FALSE: it ended. */
static gboolean
take(VnVirtConsole *console)
{
  char bytes[READ_SIZE];
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&console->lock);
  for (guint i = 0; i < READS_A_TURN; i++) {
    ssize_t n = read(console->fd, bytes, sizeof bytes);
    if (n <= 0)
      return n < 0;
    for (ssize_t k = 0; k < n; k++)
      g_string_append_c(console->text, bytes[k] == '\0' ? ' ' : bytes[k]);
    if (console->text->len > VN_VIRT_CONSOLE_MAX)
      g_string_erase(console->text, 0, (gssize)(console->text->len - VN_VIRT_CONSOLE_MAX));
  }
  return TRUE;
}

static gboolean
on_bytes(int fd, GIOCondition condition, gpointer data)
{
  return take(data) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

VnVirtConsole *
vn_virt_console_open(int fd)
{
  VnVirtConsole *console = g_new0(VnVirtConsole, 1);
  g_atomic_ref_count_init(&console->references);
  g_atomic_ref_count_inc(&console->references);
  g_mutex_init(&console->lock);
  console->fd = fd;
  console->text = g_string_new(NULL);
  (void)g_unix_set_fd_nonblocking(fd, TRUE, NULL); /* a socket that was just made */
  console->source = g_unix_fd_add_full(G_PRIORITY_LOW, fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_bytes,
                                       console, console_unref);
  return console;
}

void
vn_virt_console_close(VnVirtConsole *console)
{
  if (console == NULL)
    return;
  GSource *source = g_main_context_find_source_by_id(NULL, console->source);
  if (source != NULL)
    g_source_destroy(source);
  console_unref(console);
}

int
vn_virt_console_fd(const VnVirtConsole *console)
{
  return console != NULL ? console->fd : -1;
}

/* Escape sequences and bytes that terminals act on have no place in an error message. */
static char *
clean(const char *line)
{
  g_autoptr(GString) out = g_string_new(NULL);
  g_autofree char *valid = g_utf8_make_valid(line, -1);
  for (const char *c = valid; *c != '\0' && out->len < LINE_MAX_SHOWN; c = g_utf8_next_char(c)) {
    gunichar value = g_utf8_get_char(c);
    if (g_unichar_isprint(value))
      g_string_append_unichar(out, value);
  }
  g_strstrip(out->str);
  return out->str[0] != '\0' ? g_strdup(out->str) : NULL;
}

/* A panic says why on its first line, and much after it. */
char *
vn_virt_console_last(VnVirtConsole *console)
{
  if (console == NULL)
    return NULL;
  g_autofree char *text = NULL;
  (void)take(console); /* what the main context has not come to yet */
  g_mutex_lock(&console->lock);
  text = g_strdup(console->text->str);
  g_mutex_unlock(&console->lock);
  const char *panic = strstr(text, "Kernel panic");
  if (panic != NULL) {
    g_autofree char *line = g_strndup(panic, strcspn(panic, "\r\n"));
    return clean(line);
  }
  g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
  for (guint n = g_strv_length(lines); n > 0; n--) {
    char *line = clean(lines[n - 1]);
    if (line != NULL)
      return line;
  }
  return NULL;
}

/* The console is what tells a panic from a guest that turned itself off: both are the end of the
 * same emulator. */
static const char *
how_it_ended(int detail, const char *console)
{
  if (console != NULL && g_str_has_prefix(console, "Kernel panic"))
    return "its guest panicked";
  if (detail == VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN)
    return "its guest turned itself off";
  if (detail == VIR_DOMAIN_EVENT_STOPPED_FAILED || detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED)
    return "its emulator died (somebody killed it, or memory ran out)";
  return "its machine stopped by itself";
}

char *
vn_virt_console_end(VnVirtConsole *console, int detail)
{
  g_autofree char *line = vn_virt_console_last(console);
  const char *how = how_it_ended(detail, line);
  return line == NULL ? g_strdup(how)
                      : g_strdup_printf("%s; its console ends with: %s", how, line);
}
