/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel asks of a hub whose ports are links and TAPs: the work of a network card (cutting
 * large frames, sums that are missing), and frames that keep their tags on the way. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub-nic.h"

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

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/hub/split", test_split);
  g_test_add_func("/hub/links", test_links);
  return g_test_run();
}
