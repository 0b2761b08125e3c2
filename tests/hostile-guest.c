/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a guest may be if somebody else made it: for qemu-hostile.test, in place of the agent. It
 * greets as an agent does, because else nobody talks with it, and then does one wicked thing, which
 * the kernel's command line names: vnec.hostile=WHAT.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "frame/frame.h"
#include "frame/line.h"
#include "frame/status.h"

#define ROOM (2u << 20)

typedef struct {
  int port;
  char what[32];
  uint8_t in[64u << 10], content[64u << 10], pending[ROOM], frame[ROOM], line[2 * ROOM];
  size_t used; /* of pending */
  VnLineReader reader;
} Guest;

static Guest guest;

/* ---- saying things ---- */

static void
put(const uint8_t *bytes, size_t n)
{
  while (n > 0) {
    ssize_t done = write(guest.port, bytes, n);
    if (done < 0)
      usleep(10000); /* nobody is there */
    else
      bytes += done, n -= (size_t)done;
  }
}

/* As bytes of the line, so that they arrive as they are. */
static void
put_content(const uint8_t *bytes, size_t n)
{
  put(guest.line, vn_line_write(bytes, n, guest.line));
}

static void
begin(VnFrameWriter *out, uint16_t kind, uint32_t vm, uint64_t id)
{
  vn_frame_writer_init(out, guest.frame, sizeof guest.frame);
  vn_frame_begin(out, kind, 0, vm, id);
}

static void
end(VnFrameWriter *out)
{
  put_content(guest.frame, vn_frame_end(out));
}

static void
hello(void)
{
  VnFrameWriter out;
  begin(&out, VN_FRAME_HELLO, 0, 0);
  vn_frame_put_int(&out, VN_TAG_PROTOCOL, VN_FRAME_PROTOCOL);
  vn_frame_put_text(&out, VN_TAG_OS, "linux");
  vn_frame_put_text(&out, VN_TAG_ARCH, "x86_64");
  end(&out);
}

static void
outcome(uint32_t vm, uint64_t id, const char *error)
{
  VnFrameWriter out;
  begin(&out, VN_FRAME_OUTCOME, vm, id);
  vn_frame_put_int(&out, VN_TAG_STATUS, VN_OUTCOME_EXITED);
  vn_frame_put_int(&out, VN_TAG_EXIT_CODE, 0);
  if (error != NULL)
    vn_frame_put_text(&out, VN_TAG_ERROR, error);
  end(&out);
}

/* A frame's head and nothing more, with any length. */
static void
head(uint32_t length, uint16_t kind)
{
  uint8_t bytes[VN_FRAME_HEADER] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16),
                                    (uint8_t)(length >> 8),  (uint8_t)length,
                                    (uint8_t)(kind >> 8),    (uint8_t)kind};
  put_content(bytes, sizeof bytes);
}

/* ---- wickedness ---- */

static int
is(const char *what)
{
  return strcmp(guest.what, what) == 0;
}

static void
say_output_without_end(void)
{
  static uint8_t chunk[VN_FRAME_CHUNK];
  memset(chunk, 0xfd, sizeof chunk);
  for (uint64_t id = 1;; id++) {
    VnFrameWriter out;
    begin(&out, VN_FRAME_OUTPUT, (uint32_t)id, id);
    vn_frame_put_int(&out, VN_TAG_STREAM, 1 + (int64_t)(id & 1));
    vn_frame_put(&out, VN_TAG_BYTES, chunk, sizeof chunk);
    end(&out);
  }
}

static void
begin_without_end(void)
{
  uint8_t bytes[VN_LINE_SYNC];
  vn_line_begin("0123456789abcdef", bytes);
  for (;;)
    put(bytes, sizeof bytes);
}

/* For tasks that others run, with their machines' numbers, again and again. */
static void
forge_without_end(void)
{
  for (;;) {
    for (uint32_t vm = 0; vm < 16; vm++)
      for (uint64_t id = 0; id < 64; id++) {
        VnFrameWriter out;
        begin(&out, VN_FRAME_OUTPUT, vm, id);
        vn_frame_put_int(&out, VN_TAG_STREAM, 1);
        vn_frame_put_text(&out, VN_TAG_BYTES, "out=forged\n");
        end(&out);
        outcome(vm, id, NULL);
      }
    usleep(10000);
  }
}

static void
send_packets(void)
{
  for (unsigned i = 0; i < 10000; i++) {
    uint8_t packet[64];
    VnFrameWriter out;
    memset(packet, (int)i, sizeof packet);
    begin(&out, VN_FRAME_PACKET, 0, 0);
    vn_frame_put(&out, VN_TAG_BYTES, packet, sizeof packet);
    end(&out);
  }
}

static void
read_nothing(void)
{
  for (;;)
    pause();
}

/* What is said instead of the answer about the network, when the machine would be ready. */
static void
say_wrong(void)
{
  static const uint8_t field[VN_FRAME_HEADER + 6] = {
      0, 0, 0, 22, 0, VN_FRAME_PONG, [VN_FRAME_HEADER + 5] = 200};
  if (is("short"))
    head(15, VN_FRAME_PONG);
  if (is("long"))
    head(0xffffffffu, VN_FRAME_PONG);
  if (is("larger"))
    head(VN_FRAME_MAX + 1, VN_FRAME_PONG);
  if (is("down"))
    head(16, VN_FRAME_RUN);
  if (is("slave"))
    head(16, 0x11a);
  if (is("field"))
    put_content(field, sizeof field);
}

static void
be_wicked(void)
{
  sleep(1); /* the answer before shall have arrived: a beginning makes void what it meets */
  if (is("flood"))
    say_output_without_end();
  if (is("begins"))
    begin_without_end();
  if (is("forge"))
    forge_without_end();
  if (is("packets"))
    send_packets();
  if (is("deaf"))
    read_nothing();
}

/* ---- listening ---- */

static void
take_frame(const VnFrame *frame)
{
  if (frame->kind != VN_FRAME_NETWORK) {
    if (frame->kind != VN_FRAME_CLOCK && frame->kind != VN_FRAME_ACK)
      outcome(0, frame->id, NULL);
    return;
  }
  say_wrong();
  outcome(0, frame->id, NULL);
  be_wicked();
}

static void
take_content(const uint8_t *bytes, size_t n)
{
  int64_t size;
  if (n > ROOM - guest.used)
    guest.used = 0;
  memcpy(guest.pending + guest.used, bytes, n);
  guest.used += n;
  while ((size = vn_frame_peek(guest.pending, guest.used)) > 0) {
    VnFrame frame;
    if (vn_frame_decode(guest.pending, (size_t)size, &frame) == 0)
      take_frame(&frame);
    guest.used -= (size_t)size;
    memmove(guest.pending, guest.pending + size, guest.used);
  }
}

static void
take_line(const uint8_t *bytes, size_t n)
{
  while (n > 0) {
    size_t size;
    int begun;
    size_t taken = vn_line_read(&guest.reader, bytes, n, guest.content, &size, &begun);
    bytes += taken;
    n -= taken;
    if (begun) {
      uint8_t answer[VN_LINE_SYNC];
      guest.used = 0;
      vn_line_begin(guest.reader.token, answer);
      put(answer, sizeof answer);
      hello();
    } else {
      take_content(guest.content, size);
    }
  }
}

static int
open_port(void)
{
  char path[] = "/dev/vport0p1";
  for (;;) {
    for (path[10] = '0'; path[10] < '4'; path[10]++)
      for (path[12] = '0'; path[12] < '4'; path[12]++) {
        int fd = open(path, O_RDWR);
        if (fd >= 0)
          return fd;
      }
    usleep(10000);
  }
}

static void
read_name(void)
{
  char line[4096];
  int fd = open("/proc/cmdline", O_RDONLY);
  ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
  line[n > 0 ? n : 0] = '\0';
  const char *at = strstr(line, "vnec.hostile=");
  for (size_t i = 0; at != NULL && i + 1 < sizeof guest.what; i++) {
    char c = at[strlen("vnec.hostile=") + i];
    if (c < 'a' || c > 'z')
      break;
    guest.what[i] = c;
  }
}

int
main(void)
{
  read_name();
  guest.port = open_port();
  for (;;) {
    ssize_t n = read(guest.port, guest.in, sizeof guest.in);
    if (n <= 0)
      usleep(10000);
    else if (is("noise"))
      put(guest.frame, sizeof guest.frame / 64);
    else
      take_line(guest.in, (size_t)n);
  }
}
