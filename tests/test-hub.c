/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub with machines at the other ends of real sockets: who gets which frame, and what a machine
 * that speaks nonsense, does not listen, or comes and goes can do. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub-nic.h"

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
    nic_expect_nothing(&nics[i]);
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
  nic_expect(&b, 5);
  nic_expect_nothing(&c);
  vn_hub_remove_segment(hub, 7);
  g_assert_false(vn_hub_has_segment(hub, 7));
  g_assert_true(vn_hub_has_segment(hub, 8));
  g_assert_cmpint(nic_wait(a.fd, PATIENCE_MS), ==, TRUE); /* its end */
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
    nic_write(a.fd, &frame[i], 1);
    if (i % 7 == 0)
      g_usleep(500);
  }
  nic_expect(&b, 0);
  for (guint i = 0; i < 3000; i++)
    nic_send(&a, i, 18 + i % 50);
  for (guint i = 0; i < 3000; i++)
    nic_expect(&b, i);
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
    nic_write(bad.fd, (const guint8 *)&length, 4);
    nic_expect(&a, 1);
    nic_expect(&b, 1);
    while (nic_number(&bad, PATIENCE_MS) != G_MAXUINT32)
      continue;
    g_assert_cmpint(recv(bad.fd, &length, 1, 0), <=, 0); /* closed, not silent */
    g_assert_cmpuint(COUNT(hub, 3, malformed), ==, i + 1);
    nic_close(&bad);
    nic_send(&a, 2, 60);
    nic_expect(&b, 2);
  }
  /* Too short for a frame: dropped, and the stream goes on. */
  nic_open(&bad, hub, 3, 7, VN_HUB_STREAM);
  const guint8 runts[] = {0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3};
  nic_write(bad.fd, runts, sizeof runts);
  nic_send(&bad, 9, 60);
  nic_expect(&b, 9);
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
    nic_expect(&b, i);
  }
  for (guint64 port = 2; port <= 4; port += 2) {
    g_assert_cmpuint(COUNT(hub, port, lagged), >, 0);
    g_assert_cmpuint(COUNT(hub, port, lagged) + COUNT(hub, port, out_frames), ==, n);
  }
  g_assert_cmpuint(COUNT(hub, 3, lagged), ==, 0);
  guint64 kept = COUNT(hub, 2, out_frames);
  for (guint64 i = 0; i < kept; i++)
    nic_expect(&deaf, (guint32)i);
  kept = COUNT(hub, 4, out_frames);
  for (guint64 i = 0; i < kept; i++)
    nic_expect(&deaf2, (guint32)i);
  nic_send(&a, n, 60);
  nic_expect(&deaf, n);
  nic_expect(&deaf2, n);
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
  g_assert_true(nic_wait(listener, PATIENCE_MS));
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
      nic_expect(&b, i);
      nic_send(&b, i, 60);
      nic_expect(&a, i);
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
  nic_expect(&b, 4);
  nic_send(&b, 5, 60);
  nic_expect(&again, 5);
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

/* ---- confinement ---- */

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
  g_test_add_func("/hub/link", test_link);
  g_test_add_func("/hub/capture", test_capture);
  g_test_add_func("/hub/prove", test_prove);
  return g_test_run();
}
