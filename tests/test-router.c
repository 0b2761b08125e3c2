/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The router's own frames, in a network namespace of this test's own: NETWORK sets what it says,
 * PACKET carries what crosses the external interface. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "tests/agent-peer.h"

#define PROGRAM "vnec-router"
#define HEAD    10 /* before each packet: flags, kind, and four numbers */

/* An ICMP echo request from 10.7.0.9 to 10.7.0.1, checksums right. */
static const guint8 echo_request[] = {0x45, 0, 0,  28, 0, 1, 0, 0, 64,   1,    0x66, 0xbe, 10, 7,
                                      0,    9, 10, 7,  0, 1, 8, 0, 0xf7, 0xfd, 0,    1,    0,  1};

static guint16
checksum(const guint8 *bytes, gsize n)
{
  guint32 sum = 0;
  for (gsize i = 0; i < n; i += 2)
    sum += (guint32)bytes[i] << 8 | bytes[i + 1];
  sum = (sum >> 16) + (sum & 0xffff);
  return (guint16) ~(sum + (sum >> 16));
}

static void
make_request(guint8 packet[sizeof echo_request])
{
  memcpy(packet, echo_request, sizeof echo_request);
  packet[10] = packet[11] = packet[22] = packet[23] = 0;
  guint16 sum = checksum(packet, 20);
  packet[10] = (guint8)(sum >> 8), packet[11] = (guint8)sum;
  sum = checksum(packet + 20, 8);
  packet[22] = (guint8)(sum >> 8), packet[23] = (guint8)sum;
}

static gboolean
is_echo_reply(const guint8 *packet, gsize n)
{
  return n == sizeof echo_request && packet[9] == IPPROTO_ICMP && packet[20] == 0 &&
         memcmp(packet + 12, echo_request + 16, 4) == 0;
}

static PeerTask *
set_network(Peer *peer, const char *address, const char *route, const char *proxy)
{
  Request request = peer_begin(peer, VN_FRAME_NETWORK, peer_id(peer));
  if (address != NULL)
    vn_frame_put_text(&request.writer, VN_TAG_ADDRESS, address);
  if (route != NULL)
    vn_frame_put_text(&request.writer, VN_TAG_ROUTE, route);
  if (proxy != NULL)
    vn_frame_put_text(&request.writer, VN_TAG_PROXY, proxy);
  PeerTask *task = peer_send(&request);
  peer_wait(peer, task);
  if (task->error != NULL)
    g_test_message("%s", task->error);
  return task;
}

static char *
output_of(Peer *peer, const char *command)
{
  PeerTask *task = peer_script(peer, 0, command);
  peer_wait(peer, task);
  return g_strdup(task->out->str);
}

/* v0, with a MAC address of its own, and v1 at its other end. */
static void
make_link(Peer *peer)
{
  g_autofree char *text =
      output_of(peer, "ip link add v0 address 02:00:00:00:00:07 type veth peer name v1 && "
                      "ip link set v1 up && ip link set lo up && echo made");
  g_assert_cmpstr(text, ==, "made\n");
}

static void
unmake_link(Peer *peer)
{
  g_autofree char *text = output_of(peer, "ip link del v0 && echo gone");
  g_assert_cmpstr(text, ==, "gone\n");
}

static void
network(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  make_link(peer);
  PeerTask *task = set_network(peer, "v0 10.7.1.1/24", "10.8.0.0/16 via 10.7.1.9 dev v0", NULL);
  g_assert_cmpint(task->exit_code, ==, 0);
  task = set_network(peer, "v0 fd07::1/64", "fd08::/64 dev v0", "v0 fd07::9");
  g_assert_cmpint(task->exit_code, ==, 0);
  task = set_network(peer, "v0 10.7.1.1/24", "10.8.0.0/16 via 10.7.1.9 dev v0", "v0 10.7.1.77");
  g_assert_cmpint(task->exit_code, ==, 0); /* again, and more */
  g_autofree char *text =
      output_of(peer, "ip route; ip -6 route; ip addr show v0; ip neigh show proxy; "
                      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/neigh/v0/proxy_delay");
  g_assert_nonnull(strstr(text, "10.8.0.0/16 via 10.7.1.9 dev v0"));
  g_assert_nonnull(strstr(text, "fd08::/64 dev v0"));
  g_assert_nonnull(strstr(text, "inet 10.7.1.1/24"));
  g_assert_nonnull(strstr(text, "inet6 fd07::1/64"));
  g_assert_nonnull(strstr(text, "10.7.1.77 dev v0"));
  g_assert_nonnull(strstr(text, "fd07::9 dev v0"));
  g_assert_true(g_str_has_suffix(text, "1\n0\n"));
  unmake_link(peer);
}

/* A frame names interfaces by their place; which is which is said by MAC addresses. */
static void
by_mac(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  make_link(peer);
  Request request = peer_begin(peer, VN_FRAME_NETWORK, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_IFACE, "eth9 02:00:00:00:00:07");
  vn_frame_put_text(&request.writer, VN_TAG_ADDRESS, "eth9 10.7.2.1/24");
  vn_frame_put_text(&request.writer, VN_TAG_ROUTE, "10.9.0.0/16 via 10.7.2.9 dev eth9");
  vn_frame_put_text(&request.writer, VN_TAG_PROXY, "eth9 10.7.2.77");
  PeerTask *task = peer_send(&request);
  peer_wait(peer, task);
  g_assert_cmpint(task->exit_code, ==, 0);
  g_autofree char *text = output_of(peer, "ip route; ip addr show v0; ip neigh show proxy");
  g_assert_nonnull(strstr(text, "10.9.0.0/16 via 10.7.2.9 dev v0"));
  g_assert_nonnull(strstr(text, "inet 10.7.2.1/24"));
  g_assert_nonnull(strstr(text, "10.7.2.77 dev v0"));
  const char *const wrong[] = {"eth1 02:00:00:00:00:99", "eth1 02:00:00", "eth1", "eth1 x"};
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    request = peer_begin(peer, VN_FRAME_NETWORK, peer_id(peer));
    vn_frame_put_text(&request.writer, VN_TAG_IFACE, wrong[i]);
    task = peer_send(&request);
    peer_wait(peer, task);
    g_assert_cmpint(task->exit_code, ==, 1);
    g_assert_nonnull(strstr(task->error, wrong[i]));
  }
  unmake_link(peer);
}

/* A host's agent answers when all its addresses are there, or says which is not. */
static void
host_waits(void)
{
  g_autoptr(Peer) peer = peer_new("vnec-taskrunner");
  make_link(peer);
  Request request = peer_begin(peer, VN_FRAME_NETWORK, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_ADDRESS, "eth0 10.7.3.1/24");
  vn_frame_put_text(&request.writer, VN_TAG_ADDRESS, "eth0 fd07:3::1/64");
  vn_frame_put_int(&request.writer, VN_TAG_TIMEOUT, 15 * G_GINT64_CONSTANT(1000000000));
  PeerTask *task = peer_send(&request);
  g_autofree char *half = output_of(peer, "ip addr add 10.7.3.1/24 dev v0 && ip link set v0 up");
  g_assert_false(task->ended);
  g_autofree char *rest = output_of(peer, "ip addr add fd07:3::1/64 dev v0 nodad");
  peer_wait(peer, task);
  g_assert_cmpint(task->exit_code, ==, 0);
  request = peer_begin(peer, VN_FRAME_NETWORK, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_ADDRESS, "eth0 10.7.3.2/24");
  vn_frame_put_int(&request.writer, VN_TAG_TIMEOUT, 1);
  task = peer_send(&request);
  peer_wait(peer, task);
  g_assert_cmpint(task->exit_code, ==, 1);
  g_assert_nonnull(strstr(task->error, "eth0 10.7.3.2/24"));
  unmake_link(peer);
}

static void
wrong_networks(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  const char *const addresses[] = {"lo", "lo 10.1.1.1/33", "none0 10.1.1.1/24",  "lo x/24",
                                   "",   "a b c d e f g",  "lo 10.1.1.1/24 more"};
  for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
    PeerTask *task = set_network(peer, addresses[i], NULL, NULL);
    g_assert_cmpint(task->exit_code, ==, 1);
    g_assert_nonnull(strstr(task->error, addresses[i]));
  }
  const char *const routes[] = {"10.2.0.0/16", "10.2.0.0/16 over lo", "10.2.0.0/16 via x dev lo",
                                "10.2.0.0/16 dev none0"};
  for (guint i = 0; i < G_N_ELEMENTS(routes); i++)
    g_assert_cmpint(set_network(peer, NULL, routes[i], NULL)->exit_code, ==, 1);
  const char *const proxies[] = {"lo", "../lo 10.1.1.1", "none0 10.1.1.1", "lo 10.1.1"};
  for (guint i = 0; i < G_N_ELEMENTS(proxies); i++)
    g_assert_cmpint(set_network(peer, NULL, NULL, proxies[i])->exit_code, ==, 1);
}

static void
external(void)
{
  if (access("/dev/net/tun", R_OK | W_OK) < 0) {
    g_test_skip("no /dev/net/tun");
    return;
  }
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = set_network(peer, "ext0 10.7.0.1/24", "10.9.0.0/16 dev ext0", NULL);
  g_assert_cmpint(task->exit_code, ==, 0);
  guint8 packet[HEAD + sizeof echo_request] = {0};
  make_request(packet + HEAD);
  Request request = peer_begin(peer, VN_FRAME_PACKET, 0);
  for (guint i = 0; i < 100; i++)
    vn_frame_put(&request.writer, VN_TAG_BYTES, packet, sizeof packet);
  vn_frame_put(&request.writer, VN_TAG_BYTES, "nonsense", 8); /* lost, nothing else */
  peer_send(&request);
  guint answers = 0;
  for (guint seen = 0, turns = 0; answers < 100 && turns < 500; turns++) {
    g_assert_true(peer_turn(peer, 10));
    for (; seen < peer->packets->len; seen++) {
      gsize n;
      const guint8 *bytes = g_bytes_get_data(peer->packets->pdata[seen], &n);
      answers += n > HEAD && is_echo_reply(bytes + HEAD, n - HEAD);
    }
  }
  g_assert_cmpint(answers, ==, 100);
}

static void
runs_tasks(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  Request request = peer_begin(peer, VN_FRAME_PACKET, 0);
  peer_send(&request);
  g_autofree char *text = output_of(peer, "echo yes");
  g_assert_cmpstr(text, ==, "yes\n");
  g_assert_cmpuint(peer->refused, ==, 1); /* there is no external interface */
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  if (!peer_enter_namespace()) {
    g_print("1..0 # SKIP no user namespaces here\n");
    return 0;
  }
  g_test_add_func("/router/network", network);
  g_test_add_func("/router/by-mac", by_mac);
  g_test_add_func("/router/host-waits", host_waits);
  g_test_add_func("/router/wrong-networks", wrong_networks);
  g_test_add_func("/router/external", external);
  g_test_add_func("/router/runs-tasks", runs_tasks);
  return g_test_run();
}
