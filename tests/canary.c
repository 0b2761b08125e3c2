/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For canary.test. `canary send` in a guest sends frames and packets of every kind through each of
 * its interfaces, all with the mark. `canary watch` on the machine looks at every frame of its
 * network namespace until its standard input ends, prints how many it saw and how many had the
 * mark, and ends with 1 if any had. `canary probe INTERFACE` sends one marked frame there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MARK      "VNEC-CANARY-7f3a"
#define FRAME_MAX 65536

static const unsigned char macs[][6] = {
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, /* broadcast */
    {0x01, 0x00, 0x5e, 0x00, 0x00, 0x01}, /* all hosts */
    {0x33, 0x33, 0x00, 0x00, 0x00, 0x01}, /* all nodes */
    {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}, /* bridges talk so to each other */
    {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e}, /* LLDP */
    {0x02, 0x11, 0x22, 0x33, 0x44, 0x55}, /* nobody */
};
static const unsigned short types[] = {0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x88cc, 0x9000, 4};

static const char *const addresses[] = {
    "255.255.255.255", "224.0.0.1", "239.255.255.250", "127.0.0.1", "10.0.0.255",
    "10.0.0.254",      "192.0.2.1", "192.0.2.255",     "8.8.8.8",   "169.254.169.254",
    "ff02::1",         "ff05::1:3", "fe80::1",         "::1",       "2001:db8::1",
};

static int
send_frames(const char *name)
{
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
  int fd = socket(AF_PACKET, SOCK_RAW, 0), sent = 0;
  unsigned char frame[128] = {0};
  for (size_t i = 0; i < sizeof macs / sizeof *macs; i++)
    for (size_t j = 0; j < sizeof types / sizeof *types; j++) {
      memcpy(frame, macs[i], 6);
      memcpy(frame + 6, "\x02\x99\x99\x99\x99\x99", 6);
      frame[12] = (unsigned char)(types[j] >> 8);
      frame[13] = (unsigned char)types[j];
      memcpy(frame + 40, MARK, sizeof MARK);
      sent += sendto(fd, frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to) > 0;
    }
  close(fd);
  return sent;
}

static int
send_packets(unsigned index, const char *text)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(7091)};
  struct sockaddr_in6 v6 = {
      .sin6_family = AF_INET6, .sin6_port = htons(7091), .sin6_scope_id = index};
  int is_v4 = inet_pton(AF_INET, text, &v4.sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, text, &v6.sin6_addr) != 1)
    return 0;
  int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0), on = 1, sent = 0;
  setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  for (int i = 0; i < 3; i++)
    sent += sendto(fd, MARK, sizeof MARK, 0, is_v4 ? (void *)&v4 : (void *)&v6,
                   is_v4 ? sizeof v4 : sizeof v6) > 0;
  close(fd);
  return sent;
}

static int
send_all(int argc, char **argv)
{
  struct if_nameindex *interfaces = if_nameindex();
  int sent = 0;
  for (struct if_nameindex *i = interfaces; i != NULL && i->if_index != 0; i++) {
    sent += send_frames(i->if_name);
    for (size_t j = 0; j < sizeof addresses / sizeof *addresses; j++)
      sent += send_packets(i->if_index, addresses[j]);
    for (int j = 2; j < argc; j++)
      sent += send_packets(i->if_index, argv[j]);
  }
  printf("sent=%d\n", sent);
  return sent > 50 ? 0 : 1;
}

static int
watch(void)
{
  static unsigned char frame[FRAME_MAX];
  int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  struct pollfd polls[2] = {{fd, POLLIN, 0}, {0, POLLIN, 0}};
  unsigned long seen = 0, marked = 0;
  if (fd < 0) {
    printf("watching: %s\n", strerror(errno));
    return 2;
  }
  printf("watching\n");
  fflush(stdout);
  for (;;) {
    if (poll(polls, 2, -1) < 0)
      continue;
    if (polls[0].revents != 0) {
      ssize_t n = recv(fd, frame, sizeof frame, 0);
      seen += n > 0;
      marked += n > 0 && memmem(frame, (size_t)n, MARK, sizeof MARK - 1) != NULL;
    } else if (polls[1].revents != 0) {
      break;
    }
  }
  printf("seen=%lu marked=%lu\n", seen, marked);
  return marked == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
  if (argc >= 2 && strcmp(argv[1], "send") == 0)
    return send_all(argc, argv);
  if (argc == 2 && strcmp(argv[1], "watch") == 0)
    return watch();
  if (argc == 3 && strcmp(argv[1], "probe") == 0)
    return send_frames(argv[2]) > 0 ? 0 : 1;
  return 99;
}
