/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways, batches and the forwarding thread, with sockets in the place of external interfaces: a
 * datagram pair reads and writes whole packets as a TUN descriptor does. */
#include <errno.h>
#include <glib/gstdio.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slave/forward.h"
#include "slave/link.h"
#include "slave/listen.h"

static VnPrefix
prefix(const char *text)
{
  VnPrefix value;
  g_assert_true(vn_prefix_parse(text, &value));
  return value;
}

static guint32
find(const VnWays *ways, guint32 from, const char *text)
{
  VnAddress address;
  g_assert_true(vn_address_parse(text, &address));
  const VnWay *way = vn_ways_find(ways, from, address.family, address.bytes);
  return way != NULL ? way->router : 0;
}

static void
test_ways(void)
{
  VnWays *ways = vn_ways_new();
  static const char *const prefixes[] = {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32",
                                         "0.0.0.0/0",  "fd00::/8",    "fd00::1/128"};
  for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++) {
    VnPrefix p = prefix(prefixes[i]);
    g_assert_true(vn_ways_add(ways, 7, &p, (VnWay){i + 1, 0}));
  }
  g_assert_cmpuint(find(ways, 7, "10.1.2.3"), ==, 3);
  g_assert_cmpuint(find(ways, 7, "10.1.2.4"), ==, 2);
  g_assert_cmpuint(find(ways, 7, "10.2.2.4"), ==, 1);
  g_assert_cmpuint(find(ways, 7, "11.2.2.4"), ==, 4);
  g_assert_cmpuint(find(ways, 7, "fd00::1"), ==, 6);
  g_assert_cmpuint(find(ways, 7, "fd00::2"), ==, 5);
  g_assert_cmpuint(find(ways, 7, "fe80::1"), ==, 0);
  g_assert_cmpuint(find(ways, 6, "10.1.2.3"), ==, 0);
  g_assert_cmpuint(find(ways, 8, "10.1.2.3"), ==, 0);
  VnPrefix again = prefix("10.1.99.99/16"); /* host bits do not count */
  g_assert_true(vn_ways_add(ways, 7, &again, (VnWay){9, 0}));
  g_assert_cmpuint(find(ways, 7, "10.1.2.4"), ==, 9);
  vn_ways_free(ways);
}

/* ---- packets ---- */

static gsize
make_packet(guint8 *packet, const char *destination, gsize size)
{
  VnAddress address;
  g_assert_true(vn_address_parse(destination, &address));
  for (gsize i = 0; i < size; i++)
    packet[i] = (guint8)(i * 7);
  packet[0] = address.family == 4 ? 0x45 : 0x60;
  memcpy(packet + (address.family == 4 ? 16 : 24), address.bytes, address.family == 4 ? 4 : 16);
  return size;
}

static int
add_interface(VnForward *forward, guint32 router, guint32 header, gboolean offload)
{
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                  0);
  VnDriverExternal external = {.fd = fds[1], .header = header, .offload = offload};
  memset(external.header4, 4, sizeof external.header4);
  memset(external.header6, 6, sizeof external.header6);
  g_autoptr(GError) error = NULL;
  g_assert_true(vn_forward_add_external(forward, router, &external, &error));
  g_assert_no_error(error);
  return fds[0];
}

/* Our end of a router's external interface. */
static int
add_external(VnForward *forward, guint32 router, guint32 header)
{
  return add_interface(forward, router, header, FALSE);
}

static gssize
receive(int fd, guint8 *buffer, gsize size)
{
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  g_assert_cmpint(poll(&wait, 1, 10000), ==, 1);
  return recv(fd, buffer, size, 0);
}

static guint64
counter(VnForward *forward, const char *name)
{
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(st)"));
  vn_forward_counters(forward, &builder);
  g_autoptr(GVariant) all = g_variant_ref_sink(g_variant_builder_end(&builder));
  GVariantIter iter;
  const char *this;
  guint64 value;
  g_variant_iter_init(&iter, all);
  while (g_variant_iter_next(&iter, "(&st)", &this, &value)) {
    if (strcmp(this, name) == 0)
      return value;
  }
  return 0;
}

static void
await_counter(VnForward *forward, const char *name, guint64 value)
{
  for (guint i = 0; i < 1000 && counter(forward, name) < value; i++)
    g_usleep(10000);
  g_assert_cmpuint(counter(forward, name), ==, value);
}

static VnForward *
forward_new(void)
{
  g_autoptr(GError) error = NULL;
  VnForward *forward = vn_forward_new("test", &error);
  g_assert_no_error(error);
  return forward;
}

static void
add_way(VnForward *forward, guint32 from, const char *text, guint32 router, guint32 site)
{
  VnPrefix p = prefix(text);
  g_assert_true(vn_forward_add_way(forward, from, &p, (VnWay){router, site}));
}

/* Headers are taken off and put on by the packet's version. */
static void
test_local(void)
{
  VnForward *forward = forward_new();
  int one = add_external(forward, 1, 14), two = add_external(forward, 2, 4);
  g_assert_true(vn_forward_add_peer(forward, 5, "", 5));
  add_way(forward, 1, "10.0.0.0/8", 2, 5);
  add_way(forward, 1, "fd00::/8", 2, 5);
  guint8 sent[2048], got[2048];
  for (gsize size = 20; size <= 1500; size += 370) {
    make_packet(sent + 14, "10.1.1.1", size);
    g_assert_cmpint(send(one, sent, size + 14, 0), ==, (gssize)size + 14);
    g_assert_cmpint(receive(two, got, sizeof got), ==, (gssize)size + 4);
    g_assert_cmpmem(got, 4, "\4\4\4\4", 4);
    g_assert_cmpmem(got + 4, size, sent + 14, size);
  }
  make_packet(sent + 14, "fd00::9", 60);
  g_assert_cmpint(send(one, sent, 74, 0), ==, 74);
  g_assert_cmpint(receive(two, got, sizeof got), ==, 64);
  g_assert_cmpmem(got, 4, "\6\6\6\6", 4);
  await_counter(forward, "router 2, packets received", 6);

  make_packet(sent + 14, "11.1.1.1", 60);
  g_assert_cmpint(send(one, sent, 74, 0), ==, 74);
  await_counter(forward, "dropped, no way to the destination", 1);
  sent[14] = 0x50;
  g_assert_cmpint(send(one, sent, 74, 0), ==, 74);
  g_assert_cmpint(send(one, sent, 20, 0), ==, 20); /* six bytes */
  await_counter(forward, "dropped, not an IP packet", 2);
  vn_forward_remove_external(forward, 2);
  g_assert_cmpint(receive(two, got, sizeof got), ==, 0); /* closed at once */
  make_packet(sent + 14, "10.1.1.1", 60);
  g_assert_cmpint(send(one, sent, 74, 0), ==, 74);
  await_counter(forward, "dropped, router off or not here", 1);
  vn_forward_free(forward);
  close(one);
  close(two);
}

/* Sums and segments that are left to be made are counted from each interface's own header. */
static void
test_offload(void)
{
  VnForward *forward = forward_new();
  int one = add_interface(forward, 1, 14, TRUE), two = add_interface(forward, 2, 2, TRUE);
  int three = add_external(forward, 3, 0);
  g_assert_true(vn_forward_add_peer(forward, 0, "", 0));
  add_way(forward, 1, "10.0.0.0/8", 2, 0);
  add_way(forward, 1, "11.0.0.0/8", 3, 0);
  guint8 sent[70000] = {0}, got[70000];
  const gsize front = sizeof(struct virtio_net_hdr);
  struct virtio_net_hdr head = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                .hdr_len = 14 + 40,
                                .gso_size = 1448,
                                .csum_start = 14 + 20,
                                .csum_offset = 16};
  memcpy(sent, &head, front);
  make_packet(sent + front + 14, "10.1.1.1", 60000);
  g_assert_cmpint(send(one, sent, front + 14 + 60000, 0), ==, (gssize)front + 14 + 60000);
  g_assert_cmpint(receive(two, got, sizeof got), ==, (gssize)front + 2 + 60000);
  head.hdr_len -= 12;
  head.csum_start -= 12;
  g_assert_cmpmem(got, front, &head, front);
  g_assert_cmpmem(got + front + 2, 60000, sent + front + 14, 60000);

  make_packet(sent + front + 14, "11.1.1.1", 60000);
  g_assert_cmpint(send(one, sent, front + 14 + 60000, 0), >, 0);
  await_counter(forward, "dropped, interface takes no large packets", 1);
  memset(sent, 0, front);
  g_assert_cmpint(send(one, sent, front + 14 + 1000, 0), >, 0);
  g_assert_cmpint(receive(three, got, sizeof got), ==, 1000);
  vn_forward_free(forward);
  close(one);
  close(two);
  close(three);
}

/* A router that takes nothing costs its own packets, and nobody waits. */
static void
test_full(void)
{
  VnForward *forward = forward_new();
  int one = add_external(forward, 1, 0), two = add_external(forward, 2, 0);
  g_assert_true(vn_forward_add_peer(forward, 0, "", 0));
  add_way(forward, 1, "0.0.0.0/0", 2, 0);
  guint8 packet[1500];
  make_packet(packet, "1.2.3.4", sizeof packet);
  guint64 sent = 0;
  while (counter(forward, "dropped, interface full or down") < 100) {
    if (send(one, packet, sizeof packet, 0) > 0)
      sent++;
  }
  await_counter(forward, "router 1, packets sent", sent);
  g_assert_cmpuint(counter(forward, "router 2, packets received") +
                       counter(forward, "dropped, interface full or down"),
                   ==, sent);
  vn_forward_free(forward);
  close(one);
  close(two);
}

/* ---- links ---- */

static int
accept_link(int listener, guint32 *out_from, guint32 *out_to)
{
  struct pollfd wait = {.fd = listener, .events = POLLIN};
  g_assert_cmpint(poll(&wait, 1, 10000), ==, 1);
  g_autoptr(GError) error = NULL;
  int fd = vn_listen_accept(listener, &error);
  g_assert_no_error(error);
  guint8 bytes[512];
  gssize n = receive(fd, bytes, sizeof bytes);
  g_autofree char *name = NULL;
  g_assert_true(vn_link_parse_join(bytes, (gsize)n, &name, out_from, out_to));
  g_assert_cmpstr(name, ==, "test");
  return fd;
}

static void
test_link(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp("vnec-traffic-XXXXXX", &error);
  g_autofree char *path = g_build_filename(dir, "packets", NULL);
  int listener = vn_listen_at(path, SOCK_SEQPACKET, &error);
  g_assert_no_error(error);
  VnForward *a = forward_new(), *b = forward_new();
  int one = add_external(a, 1, 0), two = add_external(b, 2, 0);
  g_assert_true(vn_forward_add_peer(a, 20, path, 10));
  add_way(a, 1, "10.0.0.0/8", 2, 20);
  add_way(a, 1, "11.0.0.0/8", 3, 20);

  guint8 sent[VN_PACKET_MAX], got[VN_PACKET_MAX];
  guint32 from, to;
  make_packet(sent, "10.1.1.1", 1400);
  g_assert_cmpint(send(one, sent, 1400, 0), ==, 1400);
  int fd = accept_link(listener, &from, &to);
  g_assert_cmpuint(from, ==, 10);
  g_assert_cmpuint(to, ==, 20);
  int copy = dup(fd);
  g_assert_false(vn_forward_join(b, from, to, copy)); /* site 10 is no peer yet */
  g_assert_true(vn_forward_add_peer(b, 10, "/nonexistent", 20));
  g_assert_true(vn_forward_join(b, from, to, fd));
  g_assert_cmpint(receive(two, got, sizeof got), ==, 1400);
  g_assert_cmpmem(got, 1400, sent, 1400);

  for (guint i = 0; i < 500; i++) {
    gsize size = make_packet(sent, "10.1.1.1", 20 + i * 17 % 1480);
    while (send(one, sent, size, 0) < 0)
      g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_cmpint(receive(two, got, sizeof got), ==, (gssize)size);
    g_assert_cmpmem(got, size, sent, size);
  }
  make_packet(sent, "11.1.1.1", 40);
  g_assert_cmpint(send(one, sent, 40, 0), ==, 40);
  await_counter(b, "dropped, router off or not here", 1);
  await_counter(a, "site 20, packets sent", 502);
  vn_forward_free(a);
  vn_forward_free(b);
  close(one);
  close(two);
  close(listener);
  g_assert_cmpint(g_remove(path) | g_rmdir(dir), ==, 0);
}

/* Nobody listens at first; the link comes up when somebody does. */
static void
test_late(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp("vnec-traffic-XXXXXX", &error);
  g_autofree char *path = g_build_filename(dir, "packets", NULL);
  VnForward *a = forward_new();
  int one = add_external(a, 1, 0);
  g_assert_true(vn_forward_add_peer(a, 2, path, 1));
  add_way(a, 1, "0.0.0.0/0", 2, 2);
  guint8 packet[100];
  make_packet(packet, "1.2.3.4", sizeof packet);
  g_assert_cmpint(send(one, packet, sizeof packet, 0), ==, sizeof packet);
  await_counter(a, "dropped, link to site 2 full or down", 1);
  int listener = vn_listen_at(path, SOCK_SEQPACKET, &error);
  g_assert_no_error(error);
  guint32 from, to;
  struct pollfd wait = {.fd = listener, .events = POLLIN};
  while (poll(&wait, 1, 20) == 0)
    g_assert_cmpint(send(one, packet, sizeof packet, 0), ==, sizeof packet);
  close(accept_link(listener, &from, &to));
  vn_forward_free(a);
  close(one);
  close(listener);
  g_assert_cmpint(g_remove(path) | g_rmdir(dir), ==, 0);
}

static void
test_malformed(void)
{
  static const struct {
    guint8 bytes[40];
    gsize size, packets;
  } batches[] = {{{0}, 3, 0},
                 {{0}, 40, 0},                      /* a packet of no bytes */
                 {{0, 0, 0, 1, 0, 0, 0, 9}, 40, 0}, /* one byte too long */
                 {{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}, 40, 0},
                 {{0, 0, 0, 1, 0, 0, 0, 7}, 40, 1}}; /* and one byte over */
  for (guint i = 0; i < G_N_ELEMENTS(batches); i++) {
    guint8 batch[40];
    memcpy(batch, batches[i].bytes, sizeof batch);
    gsize offset = 0, n = 0;
    VnPacket packet;
    while (vn_link_next(batch, batches[i].size, &offset, &packet))
      n++;
    g_assert_cmpuint(n, ==, batches[i].packets);
    g_assert_cmpuint(offset, >, batches[i].size);
  }
}

static void
test_listen(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp("vnec-traffic-XXXXXX", &error);
  g_autofree char *path = g_build_filename(dir, "s", NULL);
  int first = vn_listen_at(path, SOCK_STREAM, &error);
  g_assert_no_error(error);
  g_assert_cmpint(vn_listen_at(path, SOCK_STREAM, &error), ==, -1);
  g_assert_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_clear_error(&error);
  close(first); /* as after kill -9: the file stays */
  int second = vn_listen_at(path, SOCK_STREAM, &error);
  g_assert_no_error(error);
  close(second);
  g_assert_cmpint(g_remove(path), ==, 0);
  g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
  g_assert_cmpint(vn_listen_at(path, SOCK_STREAM, &error), ==, -1);
  g_assert_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error(&error);
  g_assert_cmpint(g_remove(path) | g_rmdir(dir), ==, 0);
  g_autofree char *longer = g_strnfill(200, 'x');
  g_assert_cmpint(vn_listen_at(longer, SOCK_STREAM, &error), ==, -1);
  g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/traffic/ways", test_ways);
  g_test_add_func("/traffic/local", test_local);
  g_test_add_func("/traffic/offload", test_offload);
  g_test_add_func("/traffic/full", test_full);
  g_test_add_func("/traffic/link", test_link);
  g_test_add_func("/traffic/late", test_late);
  g_test_add_func("/traffic/malformed", test_malformed);
  g_test_add_func("/traffic/listen", test_listen);
  return g_test_run();
}
