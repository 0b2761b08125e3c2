/* SPDX-License-Identifier: GPL-3.0-or-later */
/* QEMU gets two sockets and no files to write to: one is the agent's port, one the console, of
 * which the end is kept for the error. What a disk writes goes to a file that QEMU removes as it
 * makes it. Everything that comes from the guest is taken for hostile: bounded, and parsed by the
 * readers that the slave uses. */
#include "image/boot.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame/frame.h"
#include "frame/line.h"

#define PORT_FD     3 /* in QEMU */
#define CONSOLE_FD  4
#define CHUNK       4096u
#define TAIL_MAX    1200u /* bytes of the console that an error repeats */
#define HELLO_MAX   (VN_FRAME_HEADER + 65536u) /* bytes before and with HELLO */
#define NAME_MAX_IN_HELLO 256u
#define MEMORY_MIN_MIB 64

typedef struct {
  GSubprocess *qemu;
  int port, console, complaints;
  GString *tail;        /* of the console */
  VnLineReader line;
  GByteArray *received; /* on the port, frames */
} Boot;

void
vn_image_hello_clear(VnImageHello *hello)
{
  g_clear_pointer(&hello->os, g_free);
  g_clear_pointer(&hello->arch, g_free);
  g_clear_pointer(&hello->name, g_free);
}

static void
boot_clear(Boot *boot)
{
  if (boot->qemu != NULL) {
    g_subprocess_force_exit(boot->qemu);
    (void)g_subprocess_wait(boot->qemu, NULL, NULL);
    g_object_unref(boot->qemu);
  }
  int fds[] = {boot->port, boot->console, boot->complaints};
  for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
    if (fds[i] >= 0)
      close(fds[i]);
  g_string_free(boot->tail, TRUE);
  g_byte_array_unref(boot->received);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Boot, boot_clear)

static void
add(GPtrArray *argv, const char *text)
{
  g_ptr_array_add(argv, g_strdup(text));
}

static void
add_two(GPtrArray *argv, const char *option, char *value)
{
  add(argv, option);
  g_ptr_array_add(argv, value);
}

/* Within QEMU's options a comma is written twice. */
static char *
quote_path(const char *path)
{
  g_auto(GStrv) parts = g_strsplit(path, ",", -1);
  return g_strjoinv(",,", parts);
}

static void
add_media(GPtrArray *argv, const VnGuestImage *image)
{
  if (image->disk != NULL) {
    g_autofree char *path = quote_path(image->disk);
    add_two(argv, "-drive",
            g_strdup_printf("file=%s,format=qcow2,if=%s,snapshot=on", path,
                            image->bus != NULL ? image->bus : "virtio"));
  }
  if (image->kernel == NULL)
    return;
  add_two(argv, "-kernel", g_strdup(image->kernel));
  if (image->initrd != NULL)
    add_two(argv, "-initrd", g_strdup(image->initrd));
  add_two(argv, "-append",
          g_strdup_printf("%s vnec.dhcp=off", image->append != NULL ? image->append : ""));
}

static GPtrArray *
command_line(const VnGuestImage *image)
{
  static const char *const fixed[] = {
      "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
      "-accel", "tcg", "-machine", "pc", "-cpu", "max", "-rtc", "base=utc",
      "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
      "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=port,name=vnec.0",
      "-serial", "chardev:console"};
  GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(argv, g_strdup_printf("qemu-system-%s", image->arch));
  add_two(argv, "-chardev", g_strdup_printf("socket,id=port,fd=%d", PORT_FD));
  add_two(argv, "-chardev", g_strdup_printf("socket,id=console,fd=%d", CONSOLE_FD));
  for (guint i = 0; i < G_N_ELEMENTS(fixed); i++)
    add(argv, fixed[i]);
  add_two(argv, "-m",
          g_strdup_printf("%" G_GINT64_FORMAT, MAX(image->memory >> 20, MEMORY_MIN_MIB)));
  add_media(argv, image);
  g_ptr_array_add(argv, NULL);
  return argv;
}

static void
die_with_parent(gpointer data)
{
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static gboolean
failed(GError **error, const char *what)
{
  int number = errno;
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s: %s", what, g_strerror(number));
  return FALSE;
}

static gboolean
start(Boot *boot, const VnGuestImage *image, GError **error)
{
  g_autoptr(GPtrArray) argv = command_line(image);
  g_autofree char *program = g_find_program_in_path(argv->pdata[0]);
  if (program == NULL) {
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_PROGRAM,
                "the program %s is not there: `apt-get install qemu-system-x86`",
                (char *)argv->pdata[0]);
    return FALSE;
  }
  int port[2], console[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, port) != 0)
    return failed(error, "a socket for QEMU");
  boot->port = port[0];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, console) != 0) {
    failed(error, "a socket for QEMU");
    close(port[1]);
    return FALSE;
  }
  boot->console = console[0];
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
  g_subprocess_launcher_take_fd(launcher, port[1], PORT_FD);
  g_subprocess_launcher_take_fd(launcher, console[1], CONSOLE_FD);
  g_subprocess_launcher_set_stdin_file_path(launcher, "/dev/null");
  g_subprocess_launcher_set_stdout_file_path(launcher, "/dev/null");
  boot->complaints = memfd_create("qemu", MFD_CLOEXEC);
  if (boot->complaints < 0)
    return failed(error, "memory for QEMU's messages");
  g_subprocess_launcher_take_stderr_fd(launcher, dup(boot->complaints));
  g_subprocess_launcher_set_child_setup(launcher, die_with_parent, NULL, NULL);
  boot->qemu = g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, error);
  return boot->qemu != NULL;
}

/* What the console says: printable, no more than the end. */
static void
take_console(Boot *boot)
{
  char chunk[CHUNK];
  gssize n = read(boot->console, chunk, sizeof chunk);
  for (gssize i = 0; i < n; i++)
    if (chunk[i] == '\n' || (chunk[i] >= ' ' && chunk[i] < 0x7f))
      g_string_append_c(boot->tail, chunk[i]);
  if (boot->tail->len > TAIL_MAX)
    g_string_erase(boot->tail, 0, (gssize)(boot->tail->len - TAIL_MAX));
}

static char *
text_field(const VnFrame *frame, guint16 tag)
{
  guint32 size = 0;
  const guint8 *bytes = vn_frame_find(frame, tag, &size);
  return bytes == NULL ? g_strdup("")
                       : g_utf8_make_valid((const char *)bytes, MIN(size, NAME_MAX_IN_HELLO));
}

typedef enum { PORT_WAITS, PORT_ANSWERED, PORT_NONSENSE } PortState;

static PortState
look_for_hello(Boot *boot, VnImageHello *out_hello)
{
  for (;;) {
    VnFrame frame;
    gint64 n = vn_frame_peek(boot->received->data, boot->received->len);
    if (n == 0)
      return boot->received->len < HELLO_MAX ? PORT_WAITS : PORT_NONSENSE;
    if (n < 0 || vn_frame_decode(boot->received->data, (gsize)n, &frame) < 0)
      return PORT_NONSENSE;
    if (frame.kind == VN_FRAME_HELLO) {
      out_hello->os = text_field(&frame, VN_TAG_OS);
      out_hello->arch = text_field(&frame, VN_TAG_ARCH);
      out_hello->name = text_field(&frame, VN_TAG_NAME);
      out_hello->protocol = vn_frame_int(&frame, VN_TAG_PROTOCOL, 0);
      return PORT_ANSWERED;
    }
    g_byte_array_remove_range(boot->received, 0, (guint)n);
  }
}

/* The agent's first words are the beginning that we sent, then frames. */
static PortState
take_port(Boot *boot, const char *token, VnImageHello *out_hello)
{
  guint8 chunk[CHUNK], frames[CHUNK];
  gssize got = read(boot->port, chunk, sizeof chunk);
  for (gsize at = 0; got > 0 && at < (gsize)got;) {
    gsize size = 0;
    int begun = 0;
    at += vn_line_read(&boot->line, chunk + at, (gsize)got - at, frames, &size, &begun);
    if (begun)
      g_byte_array_set_size(boot->received, 0);
    else if (boot->line.valid && memcmp(boot->line.token, token, VN_LINE_TOKEN) == 0)
      g_byte_array_append(boot->received, frames, (guint)size);
    if (boot->received->len > HELLO_MAX)
      return PORT_NONSENSE;
  }
  return look_for_hello(boot, out_hello);
}

static gboolean
ended(Boot *boot, GError **error)
{
  char text[TAIL_MAX + 1];
  gssize n = pread(boot->complaints, text, TAIL_MAX, 0);
  text[MAX(n, 0)] = '\0';
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_strstrip(valid);
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_SILENT,
              "the guest ended before its agent answered%s%s%s%s", *valid != '\0' ? ": " : "",
              valid,
              boot->tail->len > 0 ? "; the end of its console:\n" : "", boot->tail->str);
  return FALSE;
}

static gboolean
silent(const Boot *boot, guint seconds, GError **error)
{
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_SILENT,
              "no agent answered on the port vnec.0 within %u seconds (is it installed, and "
              "started with the system? doc/manual/guests.md)%s%s",
              seconds, boot->tail->len > 0 ? "; the end of the guest's console:\n" : "",
              boot->tail->str);
  return FALSE;
}

static gboolean
wait_for_hello(Boot *boot, const char *token, guint seconds, VnImageHello *out_hello,
               GCancellable *cancellable, GError **error)
{
  gint64 deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
  GPollFD fds[] = {{boot->port, POLLIN, 0}, {boot->console, POLLIN, 0}, {-1, 0, 0}};
  gboolean cancels = cancellable != NULL && g_cancellable_make_pollfd(cancellable, &fds[2]);
  PortState state = PORT_WAITS;
  gboolean alive = TRUE, good = FALSE;
  while (state == PORT_WAITS && alive && !g_cancellable_is_cancelled(cancellable)) {
    gint64 left = (deadline - g_get_monotonic_time()) / 1000;
    if (left <= 0 || (g_poll(fds, cancels ? 3 : 2, (int)left) < 0 && errno != EINTR))
      break;
    if (fds[1].revents & POLLIN)
      take_console(boot);
    if (fds[0].revents & POLLIN)
      state = take_port(boot, token, out_hello);
    alive = !((fds[0].revents | fds[1].revents) & POLLHUP);
  }
  if (g_cancellable_set_error_if_cancelled(cancellable, error))
    ;
  else if (state == PORT_ANSWERED)
    good = TRUE;
  else if (state == PORT_NONSENSE)
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_SILENT,
                "what answers on the port vnec.0 is no agent of VNEC");
  else
    good = alive ? silent(boot, seconds, error) : ended(boot, error);
  if (cancels)
    g_cancellable_release_fd(cancellable);
  return good;
}

static void
make_token(char token[VN_LINE_TOKEN])
{
  for (guint i = 0; i < VN_LINE_TOKEN; i++)
    token[i] = "0123456789abcdef"[g_random_int_range(0, 16)];
}

gboolean
vn_image_boot(const VnImageBoot *order, VnImageHello *out_hello, GCancellable *cancellable,
              GError **error)
{
  g_auto(Boot) boot = {.port = -1, .console = -1, .complaints = -1};
  boot.tail = g_string_new(NULL);
  boot.received = g_byte_array_new();
  guint seconds = order->seconds > 0 ? order->seconds : VN_BOOT_SECONDS;
  char token[VN_LINE_TOKEN];
  guint8 beginning[VN_LINE_SYNC];
  make_token(token);
  vn_line_begin(token, beginning);
  if (order->progress != NULL)
    order->progress("starting it to see whether its agent answers", order->data);
  gint64 began = g_get_monotonic_time();
  if (!start(&boot, order->image, error))
    return FALSE;
  /* QEMU holds it until the guest opens the port. */
  if (write(boot.port, beginning, sizeof beginning) != (gssize)sizeof beginning)
    return failed(error, "the agent's port");
  VnImageHello hello = {0};
  if (!wait_for_hello(&boot, token, seconds, &hello, cancellable, error))
    return FALSE;
  hello.seconds = (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
  *out_hello = hello;
  return TRUE;
}
