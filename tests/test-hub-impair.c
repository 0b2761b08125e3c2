/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What impairments do to numbered frames: which are lost, doubled or overtaken, and that none comes
 * before its time. The same seed gives the same fates. */
#include <string.h>

#include "hub-nic.h"

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
  nic_expect_nothing(&b);
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
    nic_expect(&b, i);
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
  nic_expect(&b, 0);
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
  nic_expect(&c, 2);
  AWAIT(hub, 1, lost, 2);
  g_assert_true(vn_hub_set_impairment(hub, 1, VN_HUB_SENT | VN_HUB_RECEIVED, &slow, NULL));
  gint64 begin = g_get_monotonic_time();
  nic_send(&b, 3, 60);
  nic_expect(&c, 3);
  nic_expect(&a, 3);
  g_assert_cmpint(g_get_monotonic_time() - begin, >=, 100000);
  begin = g_get_monotonic_time();
  nic_send(&a, 4, 60);
  nic_expect(&b, 4);
  nic_expect(&c, 4);
  g_assert_cmpint(g_get_monotonic_time() - begin, >=, 100000);
  g_assert_true(vn_hub_set_impairment(hub, 1, VN_HUB_SENT, &dead, NULL)); /* one way only */
  nic_send(&b, 5, 60);
  nic_expect(&a, 5);
  g_assert_true(vn_hub_set_impairment(hub, 1, VN_HUB_SENT | VN_HUB_RECEIVED, NULL, NULL));
  nic_send(&a, 6, 60);
  nic_expect(&b, 6);
  nic_expect(&c, 5);
  nic_expect(&c, 6);
  g_autoptr(GError) error = NULL;
  const VnHubImpairment bad = {.loss = 101};
  g_assert_false(vn_hub_set_impairment(hub, 1, VN_HUB_SENT, &bad, &error));
  g_assert_nonnull(strstr(error->message, "loss"));
  g_assert_false(vn_hub_set_impairment(hub, 99, VN_HUB_SENT, &dead, NULL));
  nic_close(&a);
  nic_close(&b);
  nic_close(&c);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/hub/loss", test_loss);
  g_test_add_func("/hub/duplicate", test_duplicate);
  g_test_add_func("/hub/reorder", test_reorder);
  g_test_add_func("/hub/delay", test_delay);
  g_test_add_func("/hub/rate", test_rate);
  g_test_add_func("/hub/queue", test_queue);
  g_test_add_func("/hub/own", test_own);
  return g_test_run();
}
