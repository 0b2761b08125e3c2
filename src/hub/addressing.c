/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/addressing.h"

#define ETHERNET 14u
#define UDP      17
#define ICMP6    58

static guint
get16(const guint8 *bytes)
{
  return (guint)bytes[0] << 8 | bytes[1];
}

static gboolean
are_ports(const guint8 *udp, guint a, guint b)
{
  guint from = get16(udp), to = get16(udp + 2);
  return (from == a && to == b) || (from == b && to == a);
}

static gboolean
is_addressing4(const guint8 *ip, gsize n)
{
  gsize head = n >= 20 ? (ip[0] & 15u) * 4u : 0;
  if (head < 20 || n < head + 4 || ip[9] != UDP || (get16(ip + 6) & 0x1fff) != 0)
    return FALSE;
  return are_ports(ip + head, 67, 68);
}

static gboolean
is_addressing6(const guint8 *ip, gsize n)
{
  if (n < 44)
    return FALSE;
  if (ip[6] == UDP)
    return are_ports(ip + 40, 546, 547);
  return ip[6] == ICMP6 && (ip[40] == 133 || ip[40] == 134);
}

gboolean
vn_is_addressing(const guint8 *frame, gsize n)
{
  if (n < ETHERNET)
    return FALSE;
  guint type = get16(frame + 12);
  if (type == 0x0800)
    return is_addressing4(frame + ETHERNET, n - ETHERNET);
  return type == 0x86dd && is_addressing6(frame + ETHERNET, n - ETHERNET);
}
