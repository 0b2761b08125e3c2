/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The netns driver through its table, with real namespaces, real agents and real packets.
 * Confinement and what is left behind are in test-netns-end.c.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/hub.h"
#include "tests/netns-lab.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

static void
test_hello(void)
{
  g_autoptr(Lab) lab = lab_flat(2);
  lab_on(lab, 0, 2);
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "3"), ==, 3);
  g_assert_cmpint(lab_ping(lab, 1, "10.1.0.2", "3"), ==, 3);
  g_assert_cmpint(lab_ping(lab, 1, "fd01::1", "3"), ==, 3);
  g_assert_cmpint(lab_ping(lab, 0, "127.0.0.1", "1"), ==, 1);
  g_autofree char *text = NULL;
  g_assert_cmpint(lab_sh(lab, 1, "hostname; id -u; cat /etc/hostname", &text), ==, 0);
  g_assert_cmpstr(text, ==, "h-1\n0\nh-1\n");
}

/* Two subnets and a router between, with both versions of IP. */
static void
test_routed(void)
{
  g_autoptr(Lab) lab = lab_empty();
  static const guint32 both[] = {1, 2};
  lab_segment(lab, 1);
  lab_segment(lab, 2);
  lab_route(lab_vm(lab, "a", 1, both, (const char *[]){"10.1.0.2/24"}), "0.0.0.0/0", 0, "10.1.0.1");
  lab_route(lab_vm(lab, "b", 1, both + 1, (const char *[]){"10.2.0.2/24"}), "0.0.0.0/0", 0,
            "10.2.0.1");
  lab_route(lab_vm(lab, "c", 1, both, (const char *[]){"fd01::2/64"}), "::/0", 0, "fd01::1");
  lab_route(lab_vm(lab, "d", 1, both + 1, (const char *[]){"fd02::2/64"}), "::/0", 0, "fd02::1");
  VnDriverVm *router = lab_vm(lab, "r", 2, both, (const char *[]){"10.1.0.1/24", "10.2.0.1/24"});
  g_assert_true(vn_prefix_parse("fd01::1/64", &((VnDriverIface *)router->ifaces)[0].address6));
  g_assert_true(vn_prefix_parse("fd02::1/64", &((VnDriverIface *)router->ifaces)[1].address6));
  router->router = TRUE;
  lab_define(lab, 0);
  lab_on(lab, 0, lab->n);
  g_assert_cmpint(lab_ping(lab, 0, "10.2.0.2", "3"), ==, 3);
  g_assert_cmpint(lab_ping(lab, 2, "fd02::2", "3"), ==, 3);
  g_assert_true(vn_driver_netns.suspend(lab->state, router->id, NULL));
  lab_no_ping(lab, 0, "10.2.0.2");
  lab_no_ping(lab, 2, "fd01::1");
  g_assert_true(vn_driver_netns.resume(lab->state, router->id, NULL));
  g_assert_cmpint(lab_ping(lab, 0, "10.2.0.2", "3"), ==, 3);
  g_assert_cmpint(lab_ping(lab, 2, "fd02::2", "3"), ==, 3);
}

/* One subnet over two segments: the router answers for the hosts of the other side. */
static void
test_proxied(void)
{
  g_autoptr(Lab) lab = lab_empty();
  static const guint32 both[] = {1, 2};
  lab_segment(lab, 1);
  lab_segment(lab, 2);
  lab_vm(lab, "a", 1, both, (const char *[]){"10.1.0.2/24"});
  lab_vm(lab, "b", 1, both + 1, (const char *[]){"10.1.0.3/24"});
  lab_vm(lab, "c", 1, both, (const char *[]){"fd01::2/64"});
  lab_vm(lab, "d", 1, both + 1, (const char *[]){"fd01::3/64"});
  VnDriverVm *router = lab_vm(lab, "r", 2, both, (const char *[]){"10.1.0.1/32", "10.1.0.4/32"});
  router->router = TRUE;
  lab_route(router, "10.1.0.2/32", 0, NULL);
  lab_route(router, "10.1.0.3/32", 1, NULL);
  lab_route(router, "fd01::2/128", 0, NULL);
  lab_route(router, "fd01::3/128", 1, NULL);
  lab_proxy(router, 0, "10.1.0.3");
  lab_proxy(router, 1, "10.1.0.2");
  lab_proxy(router, 0, "fd01::3");
  lab_proxy(router, 1, "fd01::2");
  lab_define(lab, 0);
  lab_on(lab, 0, lab->n);
  gint64 start = g_get_monotonic_time();
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "1"), ==, 1);
  g_assert_cmpint(lab_ping(lab, 2, "fd01::3", "1"), ==, 1);
  g_test_message("first proxied answers after %" G_GINT64_FORMAT " us",
                 g_get_monotonic_time() - start);
}

static VnDriverVm *
add_side(Lab *lab, guint32 segment, const char *host, const char *router, const char *gateway,
         const char *other)
{
  lab_segment(lab, segment);
  lab_route(lab_vm(lab, "h", 1, &segment, (const char *[]){host}), "0.0.0.0/0", 0, gateway);
  VnDriverVm *vm = lab_vm(lab, "r", 1, &segment, (const char *[]){router});
  vm->router = vm->external = TRUE;
  lab_route(vm, other, VN_DRIVER_EXTERNAL, NULL);
  return vm;
}

/* What the slave does for two routers: packets out of one external interface into the other. */
static void
carry(const VnDriverExternal *from, const VnDriverExternal *to)
{
  guint8 packet[70000];
  gssize n = read(from->fd, packet, sizeof packet);
  g_assert_true(from->offload && to->offload);
  if (n <= (gssize)(sizeof(struct virtio_net_hdr) + from->header))
    return;
  guint8 *frame = packet + sizeof(struct virtio_net_hdr);
  guint8 version = frame[from->header] >> 4;
  memcpy(frame, version == 4 ? to->header4 : to->header6, to->header);
  gssize written = write(to->fd, packet, (gsize)n);
  g_assert_true(written == n || errno == ENETDOWN); /* as the slave, that drops it then */
}

static void
carry_until(Peer *peer, PeerTask *task, const VnDriverExternal sides[2])
{
  gint64 end = g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND;
  while (!task->ended && g_get_monotonic_time() < end) {
    struct pollfd ends[3] = {
        {sides[0].fd, POLLIN, 0}, {sides[1].fd, POLLIN, 0}, {peer->fd, POLLIN, 0}};
    g_assert_cmpint(poll(ends, 3, 1000), >=, 0);
    if ((ends[0].revents & POLLIN) != 0)
      carry(&sides[0], &sides[1]);
    if ((ends[1].revents & POLLIN) != 0)
      carry(&sides[1], &sides[0]);
    if ((ends[2].revents & POLLIN) != 0)
      g_assert_true(peer_turn(peer, 0));
  }
  g_assert_true(task->ended);
}

#define LONG "20000000000" /* ns to wait for an answer: more than carry_until does */

static gint64
ping_across(Lab *lab, const char *target, const char *wait_ns, const VnDriverExternal sides[2])
{
  PeerTask *ping =
      peer_native(lab->peers[0], FALSE, "ping", target, "3", "20000000", wait_ns, NULL);
  carry_until(lab->peers[0], ping, sides);
  return peer_field_int(ping, "received");
}

static void
test_external(void)
{
  static const char serve[] =
      "perl -MIO::Socket::INET -e '$l = IO::Socket::INET->new(LocalPort => 7, Listen => 1) or die;"
      "$c = $l->accept; print $c \"x\" x 1000000; close $c'";
  static const char fetch[] =
      "perl -MIO::Socket::INET -e 'for (1..50) { $c = IO::Socket::INET->new(\"10.2.0.2:7\") and "
      "last; select undef, undef, undef, 0.02 } local $/; print length <$c>'";
  g_autoptr(Lab) lab = lab_empty();
  g_autoptr(GError) error = NULL;
  add_side(lab, 1, "10.1.0.2/24", "10.1.0.1/24", "10.1.0.1", "10.2.0.0/24");
  add_side(lab, 2, "10.2.0.2/24", "10.2.0.1/24", "10.2.0.1", "10.1.0.0/24");
  lab_define(lab, 0);
  lab_on(lab, 0, 4);
  VnDriverExternal sides[2];
  for (guint i = 0; i < 2; i++)
    g_assert_true(
        vn_driver_netns.open_external(lab->state, lab->vms[2 * i + 1].id, &sides[i], &error));
  g_assert_cmpint(ping_across(lab, "10.2.0.2", LONG, sides), ==, 3);
  /* Large packets and sums that are left to the hardware. */
  PeerTask *server = peer_script(lab->peers[2], 10 * SECOND, serve);
  PeerTask *client = peer_script(lab->peers[0], 10 * SECOND, fetch);
  carry_until(lab->peers[0], client, sides);
  g_assert_cmpstr(client->out->str, ==, "1000000");
  peer_wait(lab->peers[2], server);
  /* A suspended router neither forwards nor answers, on its external side neither. */
  g_assert_true(vn_driver_netns.suspend(lab->state, lab->vms[3].id, &error));
  guint8 byte;
  g_assert_cmpint(read(sides[1].fd, &byte, 1), ==, -1);
  g_assert_cmpint(errno, ==, ENETDOWN);
  g_assert_cmpint(ping_across(lab, "10.2.0.1", "500000000", sides), ==, 0);
  g_assert_true(vn_driver_netns.resume(lab->state, lab->vms[3].id, &error));
  g_assert_cmpint(ping_across(lab, "10.2.0.1", LONG, sides), ==, 3);
  g_assert_cmpint(ping_across(lab, "10.2.0.2", LONG, sides), ==, 3);
  for (guint i = 0; i < 2; i++)
    close(sides[i].fd);
}

static void
test_link(void)
{
  g_autoptr(Lab) lab = lab_flat(3);
  g_autoptr(GError) error = NULL;
  lab_on(lab, 0, 3);
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "1"), ==, 1);
  g_assert_true(vn_driver_netns.set_link(lab->state, 2, 0, FALSE, &error));
  lab_no_ping(lab, 0, "10.1.0.3");
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.4", "1"), ==, 1);
  /* Control does not hang on it. */
  g_assert_cmpint(lab_sh(lab, 1, "exit 5", NULL), ==, 5);
  g_assert_true(vn_driver_netns.set_link(lab->state, 2, 0, TRUE, &error));
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "1"), ==, 1);
  g_assert_false(vn_driver_netns.set_link(lab->state, 2, 1, TRUE, &error));
  g_assert_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED);
}

static void
test_files(void)
{
  g_autoptr(Lab) lab = lab_flat(2);
  lab_on(lab, 0, 2);
  g_assert_cmpint(lab_sh(lab, 0, "echo one > /root/x && mkdir /var/lib/d && rm /etc/fstab", NULL),
                  ==, 0);
  g_assert_cmpint(lab_sh(lab, 1, "test -e /root/x || test ! -e /etc/fstab", NULL), ==, 1);
  lab_off(lab, 0, 1, TRUE);
  lab_on(lab, 0, 1);
  g_autofree char *text = NULL;
  g_assert_cmpint(lab_sh(lab, 0, "cat /root/x; test -d /var/lib/d -a ! -e /etc/fstab", &text), ==,
                  0);
  g_assert_cmpstr(text, ==, "one\n");
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "1"), ==, 1);
  lab_off(lab, 0, 1, FALSE);
  lab_on(lab, 0, 1);
  g_assert_cmpint(lab_sh(lab, 0, "test ! -e /root/x -a ! -e /var/lib/d -a -e /etc/fstab", NULL), ==,
                  0);
}

static void
revert(Lab *lab, guint vm, const char *name)
{
  g_autoptr(GError) error = NULL;
  VnDriverChannel channel;
  gboolean done = vn_driver_netns.revert(lab->state, lab->vms[vm].id, name, &channel, &error);
  g_assert_no_error(error);
  g_assert_true(done);
  peer_free(lab->peers[vm]);
  lab->peers[vm] = peer_adopt(channel.fd);
}

static void
test_snapshot(void)
{
  g_autoptr(Lab) lab = lab_flat(2);
  g_autoptr(GError) error = NULL;
  lab_on(lab, 0, 2);
  static const char fill[] =
      "mkdir -p /srv/a/b && echo kept > /srv/a/b/f && ln /srv/a/b/f /srv/g && chmod 4701 /srv/g && "
      "ln -s nowhere /srv/l && mkfifo /srv/p && rm -r /var/spool && mkdir /var/spool && "
      "touch -d @1000000000 /srv/a";
  static const char look[] =
      "stat -c '%n %F %a %h %Y' /srv/g /srv/p /srv/a | sed 's/\\(fifo.*\\) [0-9]*$/\\1/; "
      "s/\\(regular.*\\) [0-9]*$/\\1/'; cat /srv/a/b/f; readlink /srv/l; stat -c %s /srv/hole; ls "
      "/var/spool /tmp";
  g_autofree char *before = NULL, *after = NULL;
  g_assert_cmpint(lab_sh(lab, 0, fill, NULL), ==, 0);
  g_assert_cmpint(lab_sh(lab, 0, "truncate -s 900G /srv/hole", NULL), ==, 0);
  g_assert_cmpint(lab_sh(lab, 0, look, &before), ==, 0);
  PeerTask *writer = peer_script(lab->peers[0], 0, "while :; do echo y >> /tmp/grow; done");
  g_usleep(20000);
  g_assert_true(vn_driver_netns.snapshot(lab->state, 1, "other", &error));
  peer_cancel(lab->peers[0], writer, 0);
  peer_wait(lab->peers[0], writer);
  g_assert_cmpint(lab_sh(lab, 0, "rm /tmp/grow", NULL), ==, 0);
  g_assert_true(vn_driver_netns.snapshot(lab->state, 1, "clean", &error));
  g_assert_cmpint(
      lab_sh(lab, 0, "rm -r /srv/* && echo new > /srv/a; touch /tmp/t; sleep 99 &", NULL), ==, 0);
  for (guint i = 0; i < 3; i++) {
    revert(lab, 0, "clean");
    g_clear_pointer(&after, g_free);
    g_assert_cmpint(lab_sh(lab, 0, look, &after), ==, 0);
    g_assert_cmpstr(before, ==, after);
    g_assert_cmpint(lab_sh(lab, 0, "ps -e 2>/dev/null | grep sleep", NULL), !=, 0);
    g_assert_cmpint(lab_ping(lab, 1, "10.1.0.2", "1"), ==, 1);
  }
  revert(lab, 0, "other");
  g_assert_cmpint(lab_sh(lab, 0, "test -s /tmp/grow", NULL), ==, 0);
  VnDriverChannel channel;
  g_assert_false(vn_driver_netns.revert(lab->state, 1, "none", &channel, &error));
  g_assert_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_MISSING);
  g_assert_cmpint(lab_sh(lab, 0, "exit 0", NULL), ==, 0);
}

static gint64
count(Lab *lab)
{
  g_autofree char *text = NULL;
  /* The agent itself goes on, so files can be looked at; a process could not be started. */
  Request request = peer_begin(lab->peers[0], VN_FRAME_GET, peer_id(lab->peers[0]));
  vn_frame_put_text(&request.writer, VN_TAG_PATH, "/tmp/count");
  vn_frame_put_int(&request.writer, VN_TAG_LIMIT, 1 << 24);
  PeerTask *task = peer_send(&request);
  peer_wait(lab->peers[0], task);
  return (gint64)task->data->len;
}

static void
test_suspend(void)
{
  g_autoptr(Lab) lab = lab_flat(1);
  g_autoptr(GError) error = NULL;
  lab_on(lab, 0, 1);
  /* Forks all the time: none may slip through. */
  peer_script(lab->peers[0], 0, "while :; do (echo x >> /tmp/count) & wait; done");
  while (count(lab) == 0)
    g_usleep(10000);
  g_assert_true(vn_driver_netns.suspend(lab->state, 1, &error));
  g_assert_true(vn_driver_netns.suspend(lab->state, 1, &error));
  g_usleep(30000);
  gint64 before = count(lab);
  g_usleep(100000);
  g_assert_cmpint(count(lab), ==, before);
  g_assert_true(vn_driver_netns.resume(lab->state, 1, &error));
  for (guint i = 0; i < 300 && count(lab) <= before; i++)
    g_usleep(100000);
  g_assert_cmpint(count(lab), >, before);
}

static gboolean
set_first_link(Lab *lab, gboolean up)
{
  return vn_driver_netns.set_link(lab->state, 1, 0, up, NULL);
}

/* The kernel of a suspended machine is the host's and still there: nothing may reach it. */
static void
test_suspend_silent(void)
{
  g_autoptr(Lab) lab = lab_flat(2);
  lab_on(lab, 0, 2);
  g_assert_cmpint(lab_ping(lab, 1, "10.1.0.2", "1"), ==, 1);
  for (guint i = 0; i < 3; i++) {
    g_assert_true(vn_driver_netns.suspend(lab->state, 1, NULL));
    lab_no_ping(lab, 1, "10.1.0.2");
    /* A link that is switched meanwhile changes nothing of it. */
    g_assert_true(set_first_link(lab, FALSE) && set_first_link(lab, TRUE));
    lab_no_ping(lab, 1, "10.1.0.2");
    g_assert_true(vn_driver_netns.snapshot(lab->state, 1, "s", NULL));
    g_assert_true(vn_driver_netns.resume(lab->state, 1, NULL));
    g_assert_cmpint(lab_ping(lab, 1, "10.1.0.2", "3"), ==, 3);
  }
  g_assert_true(vn_driver_netns.suspend(lab->state, 1, NULL));
  revert(lab, 0, "s");
  g_assert_cmpint(lab_ping(lab, 1, "10.1.0.2", "1"), ==, 1);
}

static void
test_capture(void)
{
  g_autoptr(Lab) lab = lab_flat(3);
  g_autoptr(GError) error = NULL;
  lab_on(lab, 0, 3);
  int fd = vn_driver_netns.open_capture(lab->state, 1, &error);
  g_assert_no_error(error);
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "5"), ==, 5);
  guint8 frame[2048];
  guint requests = 0, answers = 0;
  for (gssize n = read(fd, frame, sizeof frame); n > 0; n = read(fd, frame, sizeof frame)) {
    gboolean is_icmp = n > 34 && frame[12] == 8 && frame[13] == 0 && frame[23] == 1;
    requests += is_icmp && frame[34] == 8;
    answers += is_icmp && frame[34] == 0;
  }
  g_assert_cmpuint(requests, ==, 5);
  g_assert_cmpuint(answers, ==, 5);
  close(fd);
  g_assert_cmpint(vn_driver_netns.open_capture(lab->state, 9, &error), ==, -1);
  g_assert_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_MISSING);
}

/* More interfaces than one bridge has ports. */
static void
test_wide(void)
{
  g_autoptr(Lab) lab = lab_empty();
  static const guint32 both[] = {1, 2};
  guint32 many[251];
  const char *addresses[251];
  lab_segment(lab, 1);
  lab_segment(lab, 2);
  lab_vm(lab, "a", 1, both, (const char *[]){"10.1.0.1/16"});
  for (guint k = 0; k < 3; k++) {
    for (guint i = 0; i < G_N_ELEMENTS(many); i++) {
      many[i] = i < 250 ? 1 : 2;
      addresses[i] = "10.2.0.1/32";
    }
    lab_vm(lab, "w", G_N_ELEMENTS(many), many, addresses);
    for (guint i = 0; i < G_N_ELEMENTS(many); i++)
      ((VnDriverIface *)lab->vms[lab->n - 1].ifaces)[i].preset = TRUE;
  }
  lab_vm(lab, "b", 1, both, (const char *[]){"10.1.0.2/16"});
  lab_define(lab, 0);
  lab_on(lab, 0, lab->n);
  /* The machine's neighbour table is shared with whatever else runs: it may be full at first. */
  for (guint i = 0; i < 60 && lab_ping(lab, 0, "10.1.0.2", "1") != 1; i++)
    continue;
  int fd = vn_driver_netns.open_capture(lab->state, 1, NULL);
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.2", "3"), ==, 3);
  guint8 frame[2048];
  guint icmp = 0;
  for (gssize n = read(fd, frame, sizeof frame); n > 0; n = read(fd, frame, sizeof frame))
    icmp += n > 34 && frame[12] == 8 && frame[13] == 0 && frame[23] == 1;
  g_assert_cmpuint(icmp, ==, 6);
  close(fd);
}

/* How long one ping takes, us; it is answered. */
static gint64
ping_time(Lab *lab, guint vm, const char *target)
{
  gint64 begin = g_get_monotonic_time();
  g_assert_cmpint(lab_ping(lab, vm, target, "1"), ==, 1);
  return g_get_monotonic_time() - begin;
}

/* A segment in the slave's hub: slow from the start, changed while it runs and while machines are
 * off, through power cycles, reverts and unplugged links. */
static void
test_impaired(void)
{
  const gint64 ms = 1000000;
  const VnDriverSegment slow = {.id = 3, .name = "slow", .delay_ns = 20 * ms, .seed = 4};
  const VnDriverSegment dead = {.loss = 100}, slower = {.delay_ns = 50 * ms}, fast = {0};
  const char *const addresses[] = {"10.1.0.1/16", "10.1.0.2/16", "10.1.0.3/16"};
  g_autoptr(Lab) lab = lab_empty();
  g_autoptr(GError) error = NULL;
  VnDriverItem item = {.id = 3};
  vn_driver_netns.make_segments(lab->state, &slow, &item, 1);
  g_assert_no_error(item.error);
  for (guint i = 0; i < 3; i++)
    lab_vm(lab, "h", 1, (const guint32[]){3}, &addresses[i]);
  lab_define(lab, 0);
  g_assert_true(vn_driver_netns.impair(lab->state, 3, 0, &dead, &error)); /* it is off */
  lab_on(lab, 0, 3);
  g_assert_cmpint(ping_time(lab, 0, "10.1.0.2"), >=, 40000);
  lab_no_ping(lab, 0, "10.1.0.3");
  g_assert_true(vn_driver_netns.impair(lab->state, 3, 0, &slower, &error));
  g_assert_cmpint(ping_time(lab, 0, "10.1.0.3"), >=, 100000);
  lab_off(lab, 2, 1, FALSE);
  lab_no_ping(lab, 0, "10.1.0.3");
  lab_on(lab, 2, 1);
  g_assert_cmpint(ping_time(lab, 0, "10.1.0.3"), >=, 100000);
  g_assert_true(vn_driver_netns.snapshot(lab->state, 3, "s", &error));
  revert(lab, 2, "s");
  g_assert_cmpint(ping_time(lab, 0, "10.1.0.3"), >=, 100000);
  g_assert_true(vn_driver_netns.impair(lab->state, 3, 0, &fast, &error));
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "2"), ==, 2);
  g_assert_true(vn_driver_netns.set_link(lab->state, 3, 0, FALSE, &error));
  lab_no_ping(lab, 0, "10.1.0.3");
  g_assert_true(vn_driver_netns.set_link(lab->state, 3, 0, TRUE, &error));
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "1"), ==, 1);
  g_assert_true(vn_driver_netns.suspend(lab->state, 3, &error));
  lab_no_ping(lab, 0, "10.1.0.3");
  g_assert_true(vn_driver_netns.resume(lab->state, 3, &error));
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "1"), ==, 1);
  g_assert_true(vn_driver_netns.suspend(lab->state, 3, &error));
  revert(lab, 2, "s");
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "1"), ==, 1);
  g_autoptr(GPtrArray) facts = g_ptr_array_new_with_free_func(g_free);
  g_assert_true(vn_driver_netns.prove(lab->state, facts, &error));
  g_assert_true(vn_hub_prove(lab->hub, facts, &error));
  g_assert_nonnull(strstr(facts->pdata[facts->len - 1], "3 links"));
}

/* Segments that are not impaired are bridges and stay so. */
static void
test_not_impaired(void)
{
  const VnDriverSegment slow = {.delay_ns = 1};
  g_autoptr(Lab) lab = lab_flat(1);
  g_autoptr(GError) error = NULL;
  g_assert_false(vn_hub_has_segment(lab->hub, 1));
  g_assert_false(vn_driver_netns.impair(lab->state, 1, 0, &slow, &error));
  g_assert_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED);
}

static void
test_again(void)
{
  g_autoptr(Lab) lab = lab_flat(4);
  VnDriverItem items[4] = {{.id = 1}, {.id = 2}, {.id = 77}, {.id = 3}};
  VnDriverChannel channels[4];
  lab_on(lab, 0, 2);
  /* On already, twice; unknown; new. */
  vn_driver_netns.power_on(lab->state, items, channels, 4);
  g_assert_no_error(items[0].error);
  g_assert_no_error(items[1].error);
  g_assert_error(items[2].error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_MISSING);
  g_assert_no_error(items[3].error);
  g_assert_cmpint(channels[0].fd, ==, -1);
  g_assert_cmpint(channels[3].fd, >=, 0);
  close(channels[3].fd);
  g_clear_error(&items[2].error);
  VnDriverSegment segment = {.id = 1, .name = "s"}, bad = {.id = 5, .name = "t", .loss = 200};
  VnDriverItem one = {.id = 1};
  vn_driver_netns.make_segments(lab->state, &segment, &one, 1);
  g_assert_no_error(one.error);
  vn_driver_netns.make_segments(lab->state, &bad, &one, 1);
  g_assert_nonnull(strstr(one.error->message, "loss 200"));
  g_clear_error(&one.error);
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "1"), ==, 1);
  vn_driver_netns.remove_vms(lab->state, items, 4);
  vn_driver_netns.remove_vms(lab->state, items, 4);
  one.id = 1;
  vn_driver_netns.remove_segments(lab->state, &one, 1);
  vn_driver_netns.remove_segments(lab->state, &one, 1);
  g_assert_no_error(one.error);
  for (guint i = 0; i < 4; i++)
    g_assert_no_error(items[i].error);
}

static void
test_errors(void)
{
  g_autoptr(Lab) lab = lab_flat(2);
  /* On a segment that isn't there; on a good one. */
  ((VnDriverIface *)lab->vms[0].ifaces)->segment = 9;
  lab_define(lab, 0);
  VnDriverItem items[2] = {{.id = 1}, {.id = 2}};
  VnDriverChannel channels[2];
  vn_driver_netns.power_on(lab->state, items, channels, 2);
  g_assert_error(items[0].error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED);
  g_assert_nonnull(strstr(items[0].error->message, "segment"));
  g_clear_error(&items[0].error);
  g_assert_no_error(items[1].error);
  close(channels[1].fd);
  /* A route through an interface that isn't there fails inside the guest. */
  ((VnDriverIface *)lab->vms[0].ifaces)->segment = 1;
  lab_route(&lab->vms[0], "10.9.0.0/16", 7, NULL);
  lab_define(lab, 0);
  vn_driver_netns.power_on(lab->state, items, channels, 1);
  g_assert_nonnull(items[0].error);
  g_assert_nonnull(strstr(items[0].error->message, "setting a route"));
  g_clear_error(&items[0].error);
}

static void
test_lost(void)
{
  g_autoptr(Lab) lab = lab_flat(2);
  lab_on(lab, 0, 2);
  g_clear_pointer(&lab->peers[1], peer_free); /* the agent ends with its channel */
  for (guint i = 0; i < 500 && lab->lost->len == 0; i++)
    g_usleep(10000);
  g_assert_true(g_str_has_prefix(lab->lost->str, "2: its agent ended"));
  lab_on(lab, 1, 1);
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "1"), ==, 1);
}

static void
test_prove(void)
{
  g_autoptr(Lab) lab = lab_empty(), other = lab_flat(2);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) facts = g_ptr_array_new_with_free_func(g_free);
  add_side(lab, 1, "10.1.0.2/24", "10.1.0.1/24", "10.1.0.1", "10.2.0.0/24");
  lab_define(lab, 0);
  lab_on(lab, 0, 2);
  lab_on(other, 0, 2);
  gboolean proven = vn_driver_netns.prove(lab->state, facts, &error);
  g_assert_no_error(error);
  g_assert_true(proven);
  g_assert_cmpuint(facts->len, >=, 5);
  for (guint i = 0; i < facts->len; i++)
    g_test_message("%s", (const char *)facts->pdata[i]);
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_test_init(&argc, &argv, NULL);
  if (!vn_driver_netns.prepare(&error)) {
    g_print("1..0 # SKIP %s\n", error->message);
    return 77;
  }
  g_test_add_func("/netns/hello", test_hello);
  g_test_add_func("/netns/routed", test_routed);
  g_test_add_func("/netns/proxied", test_proxied);
  g_test_add_func("/netns/external", test_external);
  g_test_add_func("/netns/link", test_link);
  g_test_add_func("/netns/files", test_files);
  g_test_add_func("/netns/snapshot", test_snapshot);
  g_test_add_func("/netns/suspend", test_suspend);
  g_test_add_func("/netns/suspend-silent", test_suspend_silent);
  g_test_add_func("/netns/capture", test_capture);
  g_test_add_func("/netns/wide", test_wide);
  g_test_add_func("/netns/impaired", test_impaired);
  g_test_add_func("/netns/not-impaired", test_not_impaired);
  g_test_add_func("/netns/again", test_again);
  g_test_add_func("/netns/errors", test_errors);
  g_test_add_func("/netns/lost", test_lost);
  g_test_add_func("/netns/prove", test_prove);
  return g_test_run();
}
