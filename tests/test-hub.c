/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub with machines at the other ends of real sockets: who gets which frame, what impairments
 * do to numbered frames, and what a machine that speaks nonsense or does not listen can do. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub/hub-private.h"

#define PATIENCE_MS 60000
#define QUIET_MS    200 /* when nothing may come: enough to see what would */
#define MS          G_GINT64_CONSTANT(1000000)

/* A machine's end of its port. */
typedef struct {
  int fd;
  VnHubKind kind;
  GByteArray *in; /* of a stream: what was read */
} Nic;

static void
nic_open(Nic *nic, VnHub *hub, guint64 id, guint32 segment, VnHubKind kind)
{
  int ends[2];
  g_autoptr(GError) error = NULL;
  int type = kind == VN_HUB_STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
  g_assert_cmpint(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), ==, 0);
  const VnHubPort port = {.id = id, .segment = segment, .kind = kind, .fd = ends[0]};
  vn_hub_add_port(hub, &port, &error);
  g_assert_no_error(error);
  *nic = (Nic){ends[1], kind, g_byte_array_new()};
}

static void
nic_close(Nic *nic)
{
  if (nic->fd >= 0)
    close(nic->fd);
  g_byte_array_unref(nic->in);
}

static void
write_all(int fd, const guint8 *bytes, gsize n)
{
  while (n > 0) {
    gssize done = send(fd, bytes, n, MSG_NOSIGNAL);
    g_assert_cmpint(done, >, 0);
    bytes += done;
    n -= (gsize)done;
  }
}

/* A frame of `size` bytes that bears a number. */
static void
nic_send(Nic *nic, guint32 number, guint size)
{
  g_autofree guint8 *bytes = g_malloc0(4 + size);
  guint32 length = GUINT32_TO_BE(size);
  memcpy(bytes, &length, 4);
  bytes[4 + 12] = 0x88;
  bytes[4 + 13] = 0xb5;
  memcpy(bytes + 4 + ETHERNET_HEAD, &number, 4);
  if (nic->kind == VN_HUB_STREAM)
    write_all(nic->fd, bytes, 4 + size);
  else
    write_all(nic->fd, bytes + 4, size);
}

static gboolean
wait_in(int fd, int ms)
{
  struct pollfd in = {fd, POLLIN, 0};
  return poll(&in, 1, ms) > 0;
}

static gboolean
stream_frame(Nic *nic, GByteArray *out)
{
  guint32 length;
  if (nic->in->len < 4)
    return FALSE;
  memcpy(&length, nic->in->data, 4);
  length = GUINT32_FROM_BE(length);
  g_assert_cmpuint(length, <=, VN_HUB_FRAME_MAX);
  if (nic->in->len < 4 + length)
    return FALSE;
  g_byte_array_set_size(out, 0);
  g_byte_array_append(out, nic->in->data + 4, length);
  g_byte_array_remove_range(nic->in, 0, 4 + length);
  return TRUE;
}

/* FALSE: nothing came within the time, or the end. */
static gboolean
nic_receive(Nic *nic, int ms, GByteArray *out)
{
  guint8 bytes[VN_HUB_FRAME_MAX];
  while (nic->kind != VN_HUB_STREAM || !stream_frame(nic, out)) {
    if (!wait_in(nic->fd, ms))
      return FALSE;
    gssize n = recv(nic->fd, bytes, sizeof bytes, 0);
    if (n <= 0)
      return FALSE;
    g_byte_array_set_size(nic->kind == VN_HUB_STREAM ? nic->in : out,
                          nic->kind == VN_HUB_STREAM ? nic->in->len : 0);
    g_byte_array_append(nic->kind == VN_HUB_STREAM ? nic->in : out, bytes, (guint)n);
    if (nic->kind != VN_HUB_STREAM)
      return TRUE;
  }
  return TRUE;
}

/* Its number, G_MAXUINT32: none came. */
static guint32
nic_number(Nic *nic, int ms)
{
  g_autoptr(GByteArray) frame = g_byte_array_new();
  guint32 number;
  if (!nic_receive(nic, ms, frame))
    return G_MAXUINT32;
  g_assert_cmpuint(frame->len, >=, ETHERNET_HEAD + 4);
  memcpy(&number, frame->data + ETHERNET_HEAD, 4);
  return number;
}

static void
expect_number(Nic *nic, guint32 number)
{
  g_assert_cmpuint(nic_number(nic, PATIENCE_MS), ==, number);
}

static void
expect_nothing(Nic *nic)
{
  g_assert_cmpuint(nic_number(nic, QUIET_MS), ==, G_MAXUINT32);
}

static VnHub *
hub_new(const VnHubImpairment *impairment, guint64 seed)
{
  g_autoptr(GError) error = NULL;
  VnHub *hub = vn_hub_new(&error);
  g_assert_no_error(error);
  VnHubSegment segment = {.id = 7, .name = "lan", .seed = seed};
  if (impairment != NULL)
    segment.impairment = *impairment;
  vn_hub_add_segment(hub, &segment, &error);
  g_assert_no_error(error);
  return hub;
}

static guint64
count(VnHub *hub, guint64 port, gsize offset)
{
  VnHubCounters counters;
  g_assert_true(vn_hub_count(hub, port, &counters));
  return *(guint64 *)(void *)((guint8 *)&counters + offset);
}
#define COUNT(hub, port, field) count((hub), (port), G_STRUCT_OFFSET(VnHubCounters, field))

/* The hub's thread works on its own: wait for what it counts. */
static void
await_count(VnHub *hub, guint64 port, gsize offset, guint64 least)
{
  for (guint i = 0; i < PATIENCE_MS && count(hub, port, offset) < least; i++)
    g_usleep(1000);
  g_assert_cmpuint(count(hub, port, offset), >=, least);
}
#define AWAIT(hub, port, field, least) \
  await_count((hub), (port), G_STRUCT_OFFSET(VnHubCounters, field), (least))

/* ---- who gets what ---- */

static void
test_every_port(void)
{
  g_autoptr(VnHub) hub = hub_new(NULL, 1);
  Nic nics[5];
  for (guint i = 0; i < 5; i++)
    nic_open(&nics[i], hub, i, 7, i < 3 ? VN_HUB_STREAM : VN_HUB_PACKETS);
  for (guint from = 0; from < 5; from++) {
    const guint sizes[] = {18, 60, 1514, 65000, VN_HUB_FRAME_MAX};
    for (guint k = 0; k < G_N_ELEMENTS(sizes); k++) {
      nic_send(&nics[from], from * 10 + k, sizes[k]);
      g_autoptr(GByteArray) frame = g_byte_array_new();
      for (guint to = 0; to < 5; to++) {
        if (to == from)
          continue;
        g_assert_true(nic_receive(&nics[to], PATIENCE_MS, frame));
        g_assert_cmpuint(frame->len, ==, sizes[k]);
      }
    }
  }
  for (guint i = 0; i < 5; i++) {
    g_assert_cmpuint(COUNT(hub, i, lagged), ==, 0);
    expect_nothing(&nics[i]);
    nic_close(&nics[i]);
  }
}

static void
test_segments_apart(void)
{
  g_autoptr(VnHub) hub = hub_new(NULL, 1);
  const VnHubSegment other = {.id = 8, .name = "other"};
  g_assert_true(vn_hub_add_segment(hub, &other, NULL));
  Nic a, b, c;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
  nic_open(&c, hub, 3, 8, VN_HUB_STREAM);
  nic_send(&a, 5, 60);
  expect_number(&b, 5);
  expect_nothing(&c);
  vn_hub_remove_segment(hub, 7);
  g_assert_false(vn_hub_has_segment(hub, 7));
  g_assert_true(vn_hub_has_segment(hub, 8));
  g_assert_cmpint(wait_in(a.fd, PATIENCE_MS), ==, TRUE); /* its end */
  g_assert_cmpuint(nic_number(&a, 0), ==, G_MAXUINT32);
  nic_close(&a);
  nic_close(&b);
  nic_close(&c);
}

/* A frame that comes byte by byte, and many that come at once. */
static void
test_dribble(void)
{
  g_autoptr(VnHub) hub = hub_new(NULL, 1);
  Nic a, b;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
  guint8 frame[4 + 60] = {0, 0, 0, 60};
  for (guint i = 0; i < sizeof frame; i++) {
    write_all(a.fd, &frame[i], 1);
    if (i % 7 == 0)
      g_usleep(500);
  }
  expect_number(&b, 0);
  for (guint i = 0; i < 3000; i++)
    nic_send(&a, i, 18 + i % 50);
  for (guint i = 0; i < 3000; i++)
    expect_number(&b, i);
  nic_close(&a);
  nic_close(&b);
}

/* ---- bad machines ---- */

static void
test_hostile(void)
{
  g_autoptr(VnHub) hub = hub_new(NULL, 1);
  Nic bad, a, b;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
  const guint32 lengths[] = {VN_HUB_FRAME_MAX + 1, 0x7fffffff, 0x80000000, 0xffffffff};
  for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
    nic_open(&bad, hub, 3, 7, VN_HUB_STREAM);
    nic_send(&bad, 1, 60); /* what came before counts */
    guint32 length = GUINT32_TO_BE(lengths[i]);
    write_all(bad.fd, (const guint8 *)&length, 4);
    expect_number(&a, 1);
    expect_number(&b, 1);
    while (nic_number(&bad, PATIENCE_MS) != G_MAXUINT32)
      continue;
    g_assert_cmpint(recv(bad.fd, &length, 1, 0), <=, 0); /* closed, not silent */
    g_assert_cmpuint(COUNT(hub, 3, malformed), ==, i + 1);
    nic_close(&bad);
    nic_send(&a, 2, 60);
    expect_number(&b, 2);
  }
  /* Too short for a frame: dropped, and the stream goes on. */
  nic_open(&bad, hub, 3, 7, VN_HUB_STREAM);
  const guint8 runts[] = {0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3};
  write_all(bad.fd, runts, sizeof runts);
  nic_send(&bad, 9, 60);
  expect_number(&b, 9);
  g_assert_cmpuint(COUNT(hub, 3, malformed), ==, 6);
  nic_close(&bad);
  nic_close(&a);
  nic_close(&b);
}

/* One does not read: it loses frames, whole ones; the other gets every one. */
static void
test_lag(void)
{
  g_autoptr(VnHub) hub = hub_new(NULL, 1);
  Nic a, deaf, deaf2, b;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&deaf, hub, 2, 7, VN_HUB_STREAM);
  nic_open(&deaf2, hub, 4, 7, VN_HUB_PACKETS);
  nic_open(&b, hub, 3, 7, VN_HUB_STREAM);
  const guint n = 4000;
  for (guint i = 0; i < n; i++) {
    nic_send(&a, i, 1514);
    expect_number(&b, i);
  }
  for (guint64 port = 2; port <= 4; port += 2) {
    g_assert_cmpuint(COUNT(hub, port, lagged), >, 0);
    g_assert_cmpuint(COUNT(hub, port, lagged) + COUNT(hub, port, out_frames), ==, n);
  }
  g_assert_cmpuint(COUNT(hub, 3, lagged), ==, 0);
  guint64 kept = COUNT(hub, 2, out_frames);
  for (guint64 i = 0; i < kept; i++)
    expect_number(&deaf, (guint32)i);
  kept = COUNT(hub, 4, out_frames);
  for (guint64 i = 0; i < kept; i++)
    expect_number(&deaf2, (guint32)i);
  nic_send(&a, n, 60);
  expect_number(&deaf, n);
  expect_number(&deaf2, n);
  nic_close(&a);
  nic_close(&deaf);
  nic_close(&deaf2);
  nic_close(&b);
}

/* ---- paths ---- */

static int
listen_at(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_strlcpy(address.sun_path, path, sizeof address.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint(listen(fd, 1), ==, 0);
  return fd;
}

static void
accept_nic(int listener, Nic *nic)
{
  g_assert_true(wait_in(listener, PATIENCE_MS));
  *nic = (Nic){accept(listener, NULL, NULL), VN_HUB_STREAM, g_byte_array_new()};
  g_assert_cmpint(nic->fd, >=, 0);
}

static void
test_redial(void)
{
  g_autofree char *folder = g_dir_make_tmp("vnec-hub-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "nic", NULL);
  const VnHubPort port = {.id = 1, .segment = 7, .fd = -1, .path = path};
  Nic a, b;
  int listener = -1;
  for (guint life = 0; life < 2; life++) { /* the second hub finds the machine already there */
    g_autoptr(VnHub) hub = hub_new(NULL, 1);
    nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
    g_assert_true(vn_hub_add_port(hub, &port, NULL));
    if (life == 0) {
      nic_send(&b, 1, 60);
      AWAIT(hub, 1, unplugged, 1);
      listener = listen_at(path);
      vn_hub_dial(hub, 1);
    }
    for (guint i = 0; i < 3; i++) { /* the machine starts again and again */
      accept_nic(listener, &a);
      nic_send(&a, i, 60);
      expect_number(&b, i);
      nic_send(&b, i, 60);
      expect_number(&a, i);
      g_assert_true(vn_hub_is_connected(hub, 1));
      nic_close(&a);
    }
    nic_close(&b);
  }
  close(listener);
  g_unlink(path);
  g_rmdir(folder);
  g_autofree char *far = g_strnfill(200, 'x');
  const VnHubPort bad = {.id = 1, .segment = 7, .fd = -1, .path = far};
  g_autoptr(VnHub) hub = hub_new(NULL, 1);
  g_autoptr(GError) error = NULL;
  g_assert_false(vn_hub_add_port(hub, &bad, &error));
  g_assert_nonnull(strstr(error->message, "107 bytes"));
}

/* ---- impairments ---- */

/* Sends 0 to n-1 and gives the numbers that arrive, in their order. */
static GArray *
through(const VnHubImpairment *impairment, guint64 seed, guint n, VnHubCounters *out_counters)
{
  g_autoptr(VnHub) hub = hub_new(impairment, seed);
  GArray *got = g_array_new(FALSE, FALSE, sizeof(guint32));
  Nic a, b;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
  for (guint i = 0; i < n; i++)
    nic_send(&a, i, 100);
  AWAIT(hub, 1, in_frames, n);
  g_assert_true(vn_hub_count(hub, 1, out_counters));
  guint64 expected = n - out_counters->lost + out_counters->duplicated;
  for (guint64 i = 0; i < expected; i++) {
    guint32 number = nic_number(&b, PATIENCE_MS);
    g_assert_cmpuint(number, <, n);
    g_array_append_val(got, number);
  }
  expect_nothing(&b);
  nic_close(&a);
  nic_close(&b);
  return got;
}

static gboolean
equal(const GArray *a, const GArray *b)
{
  return a->len == b->len && memcmp(a->data, b->data, a->len * sizeof(guint32)) == 0;
}

#define FRAMES 2000u

/* The same seed gives the same losses, whatever else is set; another gives others. */
static void
test_loss(void)
{
  const VnHubImpairment loss = {.loss = 30};
  const VnHubImpairment more = {.loss = 30, .delay_ns = MS, .jitter_ns = MS / 2};
  VnHubCounters first, again, other;
  g_autoptr(GArray) a = through(&loss, 42, FRAMES, &first);
  g_autoptr(GArray) b = through(&loss, 42, FRAMES, &again);
  g_autoptr(GArray) c = through(&loss, 43, FRAMES, &other);
  g_autoptr(GArray) d = through(&more, 42, FRAMES, &again);
  g_assert_true(equal(a, b));
  g_assert_true(equal(a, d));
  g_assert_false(equal(a, c));
  /* Four standard deviations about 600; for these seeds it is one number each. */
  g_assert_cmpuint(first.lost, >, 518);
  g_assert_cmpuint(first.lost, <, 682);
  g_assert_cmpuint(other.lost, >, 518);
  g_assert_cmpuint(other.lost, <, 682);
  for (guint i = 1; i < a->len; i++)
    g_assert_cmpuint(g_array_index(a, guint32, i - 1), <, g_array_index(a, guint32, i));
  const VnHubImpairment all = {.loss = 100};
  g_autoptr(GArray) none = through(&all, 42, FRAMES, &first);
  g_assert_cmpuint(none->len, ==, 0);
}

static void
test_duplicate(void)
{
  const VnHubImpairment twice = {.duplicate = 20};
  const VnHubImpairment slow = {.duplicate = 20, .delay_ns = MS};
  VnHubCounters counters;
  g_autoptr(GArray) a = through(&twice, 5, FRAMES, &counters);
  g_assert_cmpuint(counters.duplicated, >, 328);
  g_assert_cmpuint(counters.duplicated, <, 472);
  g_assert_cmpuint(a->len, ==, FRAMES + counters.duplicated);
  g_autoptr(GArray) b = through(&slow, 5, FRAMES, &counters);
  g_assert_true(equal(a, b));
  for (guint i = 1; i < a->len; i++)
    g_assert_cmpuint(g_array_index(a, guint32, i) - g_array_index(a, guint32, i - 1), <=, 1);
}

static void
test_reorder(void)
{
  VnHubCounters counters;
  const VnHubImpairment hows[] = {{.reorder = 10, .delay_ns = 20 * MS}, {.reorder = 10}};
  for (guint k = 0; k < G_N_ELEMENTS(hows); k++) {
    g_autoptr(GArray) got = through(&hows[k], 3, FRAMES, &counters);
    g_assert_cmpuint(counters.reordered, >, 146);
    g_assert_cmpuint(counters.reordered, <, 254);
    guint back = 0;
    g_autofree guint8 *seen = g_malloc0(FRAMES);
    for (guint i = 0; i < got->len; i++) {
      guint32 number = g_array_index(got, guint32, i);
      g_assert_cmpuint(seen[number]++, ==, 0);
      back += i > 0 && number < g_array_index(got, guint32, i - 1);
    }
    g_assert_cmpuint(got->len, ==, FRAMES);
    g_assert_cmpuint(back, >, 0);
  }
}

/* Never before its time; in order in spite of the jitter. */
static void
test_delay(void)
{
  const VnHubImpairment slow = {.delay_ns = 30 * MS, .jitter_ns = 10 * MS};
  g_autoptr(VnHub) hub = hub_new(&slow, 9);
  Nic a, b;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_PACKETS);
  gint64 sent[50], least = G_MAXINT64;
  for (guint i = 0; i < G_N_ELEMENTS(sent); i++) {
    sent[i] = g_get_monotonic_time();
    nic_send(&a, i, 60);
    g_usleep(1000);
  }
  for (guint i = 0; i < G_N_ELEMENTS(sent); i++) {
    expect_number(&b, i);
    gint64 took = g_get_monotonic_time() - sent[i];
    g_assert_cmpint(took, >=, 20000);
    least = MIN(least, took);
  }
  g_test_message("least delay %" G_GINT64_FORMAT " us", least);
  VnHubTiming timing;
  vn_hub_timing(hub, &timing);
  g_assert_cmpuint(timing.timed, ==, G_N_ELEMENTS(sent));
  g_assert_cmpuint(timing.late, <=, timing.timed);
  g_assert_cmpint(timing.worst_ns, >=, 0);
  nic_close(&a);
  nic_close(&b);
}

/* The rate is the segment's: what two send together passes no faster. */
static void
test_rate(void)
{
  const VnHubImpairment slow = {.rate = 1000000, .queue = 1 << 20};
  g_autoptr(VnHub) hub = hub_new(&slow, 9);
  Nic a, b, c;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
  nic_open(&c, hub, 3, 7, VN_HUB_STREAM);
  gint64 begin = g_get_monotonic_time();
  for (guint i = 0; i < 30; i++) {
    nic_send(&a, i, 1000);
    nic_send(&b, i, 1000);
  }
  for (guint i = 0; i < 60; i++)
    g_assert_cmpuint(nic_number(&c, PATIENCE_MS), <, 30);
  gint64 took = g_get_monotonic_time() - begin;
  g_assert_cmpint(took, >=, 60 * 8000 - 1000); /* us */
  nic_close(&a);
  nic_close(&b);
  nic_close(&c);
}

static void
test_queue(void)
{
  const VnHubImpairment slow = {.rate = 8000, .queue = 10000}; /* a frame a second */
  g_autoptr(VnHub) hub = hub_new(&slow, 9);
  Nic a, b;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
  gint64 begin = g_get_monotonic_time();
  for (guint i = 0; i < 500; i++)
    nic_send(&a, i, 1000);
  AWAIT(hub, 1, in_frames, 500);
  gint64 seconds = (g_get_monotonic_time() - begin) / G_USEC_PER_SEC + 1;
  guint64 dropped = COUNT(hub, 1, queue_full);
  g_assert_cmpuint(dropped, <=, 490);
  g_assert_cmpuint(dropped, >=, 490 - (guint64)seconds);
  expect_number(&b, 0);
  nic_close(&a);
  nic_close(&b);
}

/* One port's own, both ways, while it runs; what others say to each other is as before. */
static void
test_own(void)
{
  const VnHubImpairment clear = {0}, dead = {.loss = 100}, slow = {.delay_ns = 100 * MS};
  g_autoptr(VnHub) hub = hub_new(&clear, 9);
  Nic a, b, c;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
  nic_open(&c, hub, 3, 7, VN_HUB_STREAM);
  g_assert_true(vn_hub_set_impairment(hub, 1, VN_HUB_SENT | VN_HUB_RECEIVED, &dead, NULL));
  nic_send(&a, 1, 60);
  AWAIT(hub, 1, lost, 1);
  nic_send(&b, 2, 60);
  expect_number(&c, 2);
  AWAIT(hub, 1, lost, 2);
  g_assert_true(vn_hub_set_impairment(hub, 1, VN_HUB_SENT | VN_HUB_RECEIVED, &slow, NULL));
  gint64 begin = g_get_monotonic_time();
  nic_send(&b, 3, 60);
  expect_number(&c, 3);
  expect_number(&a, 3);
  g_assert_cmpint(g_get_monotonic_time() - begin, >=, 100000);
  begin = g_get_monotonic_time();
  nic_send(&a, 4, 60);
  expect_number(&b, 4);
  expect_number(&c, 4);
  g_assert_cmpint(g_get_monotonic_time() - begin, >=, 100000);
  g_assert_true(vn_hub_set_impairment(hub, 1, VN_HUB_SENT, &dead, NULL)); /* one way only */
  nic_send(&b, 5, 60);
  expect_number(&a, 5);
  g_assert_true(vn_hub_set_impairment(hub, 1, VN_HUB_SENT | VN_HUB_RECEIVED, NULL, NULL));
  nic_send(&a, 6, 60);
  expect_number(&b, 6);
  expect_number(&c, 5);
  expect_number(&c, 6);
  g_autoptr(GError) error = NULL;
  const VnHubImpairment bad = {.loss = 101};
  g_assert_false(vn_hub_set_impairment(hub, 1, VN_HUB_SENT, &bad, &error));
  g_assert_nonnull(strstr(error->message, "loss"));
  g_assert_false(vn_hub_set_impairment(hub, 99, VN_HUB_SENT, &dead, NULL));
  nic_close(&a);
  nic_close(&b);
  nic_close(&c);
}

/* Of a port that replaces its descriptor: link and impairments stay. */
static void
test_link(void)
{
  g_autoptr(VnHub) hub = hub_new(NULL, 9);
  Nic a, b, again;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
  g_assert_true(vn_hub_set_link(hub, 1, FALSE, NULL));
  nic_send(&a, 1, 60);
  nic_send(&b, 2, 60);
  AWAIT(hub, 1, unplugged, 2);
  nic_open(&again, hub, 1, 7, VN_HUB_STREAM);
  g_assert_cmpint(recv(a.fd, &(char){0}, 1, 0), <=, 0);
  nic_send(&again, 3, 60);
  AWAIT(hub, 1, unplugged, 3);
  g_assert_true(vn_hub_set_link(hub, 1, TRUE, NULL));
  nic_send(&again, 4, 60);
  expect_number(&b, 4);
  nic_send(&b, 5, 60);
  expect_number(&again, 5);
  nic_close(&a);
  nic_close(&b);
  nic_close(&again);
}

/* ---- captures ---- */

typedef struct {
  GMutex lock;
  guint n;
  gint64 last;
} Seen;

static void
note_seen(gint64 time_ns, const guint8 *bytes, guint32 n, gpointer data)
{
  Seen *seen = data;
  g_mutex_lock(&seen->lock);
  g_assert_cmpint(time_ns, >=, seen->last);
  seen->last = time_ns;
  seen->n++;
  g_mutex_unlock(&seen->lock);
}

static void
test_capture(void)
{
  const VnHubImpairment half = {.loss = 50};
  g_autoptr(VnHub) hub = hub_new(&half, 9);
  g_autoptr(GError) error = NULL;
  Seen seen = {0};
  Nic a, b;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  nic_open(&b, hub, 2, 7, VN_HUB_STREAM);
  VnFilter *filter = vn_filter_compile("greater 100", &error);
  g_assert_no_error(error);
  g_assert_true(vn_hub_open_capture(hub, 7, filter, note_seen, &seen, &error));
  g_assert_false(vn_hub_open_capture(hub, 7, NULL, note_seen, &seen, NULL));
  g_assert_false(vn_hub_open_capture(hub, 8, NULL, note_seen, &seen, NULL));
  for (guint i = 0; i < 100; i++)
    nic_send(&a, i, i % 2 == 0 ? 60 : 200);
  AWAIT(hub, 1, in_frames, 100);
  vn_hub_close_capture(hub, 7);
  nic_send(&a, 100, 200);
  AWAIT(hub, 1, in_frames, 101);
  g_assert_cmpuint(seen.n, ==, 50); /* as sent, whatever was lost later */
  nic_close(&a);
  nic_close(&b);
}

/* ---- what a card would do ---- */

static guint16
plain_sum(guint32 sum, const guint8 *bytes, gsize n)
{
  for (gsize i = 0; i < n; i++)
    sum += i % 2 == 0 ? (guint32)bytes[i] << 8 : bytes[i];
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return (guint16)sum;
}

typedef struct {
  guint n, payload;
  guint32 sequence;
  gboolean six, udp;
} Cuts;

static Cuts cuts;

static void
check_cut(VnHub *hub, Port *port, Frame *frames, guint n)
{
  for (guint i = 0; i < n; i++) {
    guint8 *b = frames[i].bytes;
    gsize transport = cuts.six ? 54 : 34, head = cuts.udp ? 8 : 20;
    gsize length = frames[i].n - transport;
    guint32 prefix;
    memcpy(&prefix, b - 4, 4);
    g_assert_cmpuint(GUINT32_FROM_BE(prefix), ==, frames[i].n);
    g_assert_true(vn_hub_sum(&frames[i]));
    guint32 pseudo = (cuts.udp ? 17u : 6u) + (guint32)length;
    pseudo += plain_sum(0, b + (cuts.six ? 22 : 26), cuts.six ? 32 : 8);
    g_assert_cmphex(plain_sum(pseudo, b + transport, length), ==, 0xffff);
    if (!cuts.six) {
      g_assert_cmphex(plain_sum(0, b + 14, 20), ==, 0xffff);
      g_assert_cmpuint((guint)(b[16] << 8 | b[17]), ==, frames[i].n - 14);
    }
    if (!cuts.udp) {
      guint32 sequence;
      memcpy(&sequence, b + transport + 4, 4);
      g_assert_cmpuint(GUINT32_FROM_BE(sequence), ==, cuts.sequence + cuts.payload);
      g_assert_cmpint(b[transport + 13] & 8, ==, cuts.payload + length - head == 5000 ? 8 : 0);
    }
    for (gsize k = 0; k < length - head; k++)
      g_assert_cmpuint(b[transport + head + k], ==, (guint8)(cuts.payload + k));
    cuts.payload += (guint)(length - head);
    cuts.n++;
  }
}

/* 5,000 bytes in frames of 1,400. */
static void
test_split(void)
{
  g_autoptr(VnHub) hub = hub_new(NULL, 1);
  Nic nic;
  nic_open(&nic, hub, 1, 7, VN_HUB_STREAM);
  Port *port = g_hash_table_lookup(hub->ports, &(guint64){1});
  for (guint kind = 0; kind < 4; kind++) {
    guint8 room[4 + 54 + 20 + 5000] = {0}, *b = room + 4;
    cuts = (Cuts){.six = kind & 1, .udp = kind >> 1, .sequence = 0xfffffff0};
    gsize transport = cuts.six ? 54 : 34, payload = transport + (cuts.udp ? 8 : 20);
    b[12] = cuts.six ? 0x86 : 8;
    b[13] = cuts.six ? 0xdd : 0;
    b[14] = cuts.six ? 0x60 : 0x45;
    for (guint i = cuts.six ? 22 : 26; i < transport; i++)
      b[i] = (guint8)(i * 7);
    b[transport + 4] = b[transport + 5] = b[transport + 6] = 0xff;
    b[transport + 7] = 0xf0;
    if (!cuts.udp) {
      b[transport + 12] = 5 << 4;
      b[transport + 13] = 0x18;
    }
    for (guint i = 0; i < 5000; i++)
      b[payload + i] = (guint8)i;
    Frame frame = {.bytes = b,
                   .n = (guint32)payload + 5000,
                   .header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                              .gso_type = cuts.udp   ? 5
                                          : cuts.six ? VIRTIO_NET_HDR_GSO_TCPV6
                                                     : VIRTIO_NET_HDR_GSO_TCPV4,
                              .gso_size = 1400,
                              .csum_start = (guint16)transport,
                              .csum_offset = cuts.udp ? 6 : 16}};
    vn_hub_split(hub, port, &frame, 1, check_cut);
    g_assert_cmpuint(cuts.n, ==, 4);
    g_assert_cmpuint(cuts.payload, ==, 5000);
    /* Headers that lie are found out. */
    guint64 bad = port->counters.malformed;
    guint8 copy[sizeof room];
    for (guint32 n = 14; n <= payload; n++) {
      memcpy(copy, room, sizeof room);
      Frame cut_short = frame;
      cut_short.bytes = copy + 4;
      cut_short.n = n;
      vn_hub_split(hub, port, &cut_short, 1, check_cut);
    }
    g_assert_cmpuint(port->counters.malformed, ==, bad + payload - 13);
    frame.header.csum_start = 65535;
    g_assert_false(vn_hub_sum(&frame));
  }
  nic_close(&nic);
}

/* ---- links and TAPs ---- */

/* A network namespace with a TAP, and a pair of links; and the machine's own view of them. */
typedef struct {
  int tap, tap_inside, link, link_inside;
  char *why;
} Space;

static int
packet_socket(const char *name, gboolean header)
{
  int on = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                .sll_protocol = GUINT16_TO_BE(ETH_P_ALL),
                                .sll_ifindex = (int)if_nametoindex(name)};
  if (fd >= 0 && setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) == 0 &&
      (!header || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) == 0) &&
      bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  return -1;
}

/* In a thread, because it changes the namespace of the thread; children are in it, too. */
static gpointer
make_space(gpointer data)
{
  Space *space = data;
  struct ifreq request = {.ifr_name = "t0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  const char *argv[] = {
      "sh", "-c",
      "sysctl -qw net.ipv6.conf.default.disable_ipv6=1 "
      "net.ipv6.conf.all.disable_ipv6=1; ip link set t0 up && ip link add a0 type "
      "veth peer name b0 && ip link set a0 up && ip link set b0 up",
      NULL};
  int status = 1;
  if (unshare(CLONE_NEWNET) != 0 || /* first: the TAP belongs where its file is opened */
      (space->tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC)) < 0 ||
      ioctl(space->tap, TUNSETIFF, &request) != 0 ||
      ioctl(space->tap, TUNSETOFFLOAD, (unsigned long)(TUN_F_CSUM | TUN_F_TSO4)) != 0 ||
      !g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
                    NULL) ||
      status != 0)
    space->why = g_strdup_printf("a TAP or a network namespace: %s", g_strerror(errno));
  space->tap_inside = packet_socket("t0", TRUE);
  space->link = packet_socket("a0", TRUE);
  space->link_inside = packet_socket("b0", FALSE);
  return NULL;
}

static void
expect_frame(Nic *nic, const guint8 *bytes, gsize n)
{
  g_autoptr(GByteArray) frame = g_byte_array_new();
  do
    g_assert_true(nic_receive(nic, PATIENCE_MS, frame));
  while (frame->len != n); /* the kernel says a word now and then */
  g_assert_cmpmem(frame->data, frame->len, bytes, n);
}

/* Frames of three kinds of ports on one segment; tags and sums are not lost on the way. */
static void
test_links(void)
{
  Space space = {-1, -1, -1, -1, NULL};
  g_thread_join(g_thread_new("space", make_space, &space));
  if (space.why != NULL) {
    g_test_skip(space.why);
    g_free(space.why);
    return;
  }
  g_autoptr(VnHub) hub = hub_new(NULL, 1);
  g_autoptr(GPtrArray) facts = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GError) error = NULL;
  Nic stream, inside = {space.link_inside, VN_HUB_PACKETS, g_byte_array_new()};
  nic_open(&stream, hub, 1, 7, VN_HUB_STREAM);
  const VnHubPort tap = {.id = 2, .segment = 7, .kind = VN_HUB_TAP, .fd = space.tap};
  const VnHubPort link = {.id = 3, .segment = 7, .kind = VN_HUB_LINK, .fd = space.link};
  g_assert_true(vn_hub_add_port(hub, &tap, &error));
  g_assert_true(vn_hub_add_port(hub, &link, &error));
  g_assert_true(vn_hub_prove(hub, facts, &error));
  g_assert_nonnull(strstr(facts->pdata[0], "1 ports are UNIX sockets, 2 links"));

  guint8 frame[200] = {2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 0x81, 0, 0x20, 5, 0x88, 0xb5};
  g_assert_cmpint(send(space.link_inside, frame, sizeof frame, 0), ==, sizeof frame);
  expect_frame(&stream, frame, sizeof frame); /* with its tag */
  nic_send(&stream, 77, 333);
  g_autoptr(GByteArray) got = g_byte_array_new();
  do
    g_assert_true(nic_receive(&inside, PATIENCE_MS, got));
  while (got->len != 333);

  /* Off the TAP comes a frame whose sum is missing: UDP in IPv4. */
  struct {
    Header header;
    guint8 bytes[100];
  } __attribute__((packed))
  unsummed = {{.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6},
              {2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 0, 0x45}};
  guint8 *ip = unsummed.bytes + 14;
  ip[3] = 86;
  ip[9] = 17;
  memcpy(ip + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
  ip[25] = 66;
  guint16 pseudo = plain_sum(17 + 66, ip + 12, 8);
  ip[26] = (guint8)(pseudo >> 8);
  ip[27] = (guint8)pseudo;
  g_assert_cmpint(send(space.tap_inside, &unsummed, sizeof unsummed, 0), ==, sizeof unsummed);
  do
    g_assert_true(nic_receive(&stream, PATIENCE_MS, got));
  while (got->len != sizeof unsummed.bytes);
  g_assert_cmphex(plain_sum(plain_sum(17 + 66, got->data + 26, 8), got->data + 34, 66), ==, 0xffff);
  nic_close(&stream);
  nic_close(&inside);
  close(space.tap_inside);
}

static void
test_prove(void)
{
  g_autoptr(VnHub) hub = hub_new(NULL, 1);
  g_autoptr(GPtrArray) facts = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GError) error = NULL;
  Nic a;
  nic_open(&a, hub, 1, 7, VN_HUB_STREAM);
  g_assert_true(vn_hub_prove(hub, facts, &error));
  g_assert_cmpuint(facts->len, ==, 1);
  /* A socket that leads elsewhere is no port of a confined hub. */
  const VnHubPort open = {.id = 2,
                          .segment = 7,
                          .kind = VN_HUB_PACKETS,
                          .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  g_assert_true(vn_hub_add_port(hub, &open, NULL));
  g_assert_false(vn_hub_prove(hub, facts, &error));
  g_assert_nonnull(strstr(error->message, "segment lan"));
  nic_close(&a);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/hub/every-port", test_every_port);
  g_test_add_func("/hub/segments-apart", test_segments_apart);
  g_test_add_func("/hub/dribble", test_dribble);
  g_test_add_func("/hub/hostile", test_hostile);
  g_test_add_func("/hub/lag", test_lag);
  g_test_add_func("/hub/redial", test_redial);
  g_test_add_func("/hub/loss", test_loss);
  g_test_add_func("/hub/duplicate", test_duplicate);
  g_test_add_func("/hub/reorder", test_reorder);
  g_test_add_func("/hub/delay", test_delay);
  g_test_add_func("/hub/rate", test_rate);
  g_test_add_func("/hub/queue", test_queue);
  g_test_add_func("/hub/own", test_own);
  g_test_add_func("/hub/link", test_link);
  g_test_add_func("/hub/capture", test_capture);
  g_test_add_func("/hub/split", test_split);
  g_test_add_func("/hub/links", test_links);
  g_test_add_func("/hub/prove", test_prove);
  return g_test_run();
}
