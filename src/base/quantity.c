/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text forms of quantities and addresses. inet_pton and inet_ntop do the addresses. */
#include "base/quantity.h"

#include <arpa/inet.h>
#include <string.h>

typedef struct {
  const char *text;
  VnDimension dimension;
  gint64 factor;
} UnitInfo;

static const UnitInfo units[] = {
    [VN_UNIT_NONE] = {"", VN_DIM_DURATION, 1},
#define VN_UNIT(id, text, dimension, factor) [VN_UNIT_##id] = {text, dimension, factor},
#include "base/unit.def"
#undef VN_UNIT
};

VnUnit
vn_unit_from_text(const char *text, gsize length)
{
  for (guint i = 1; i < G_N_ELEMENTS(units); i++)
    if (strlen(units[i].text) == length && memcmp(units[i].text, text, length) == 0)
      return (VnUnit)i;
  return VN_UNIT_NONE;
}

const char *
vn_unit_text(VnUnit unit)
{
  return units[unit].text;
}

VnDimension
vn_unit_dimension(VnUnit unit)
{
  return units[unit].dimension;
}

gint64
vn_unit_factor(VnUnit unit)
{
  return units[unit].factor;
}

gboolean
vn_address_parse(const char *text, VnAddress *out_address)
{
  VnAddress address = {0};
  if (inet_pton(AF_INET, text, address.bytes) == 1)
    address.family = 4;
  else if (inet_pton(AF_INET6, text, address.bytes) == 1)
    address.family = 6;
  else
    return FALSE;
  *out_address = address;
  return TRUE;
}

gboolean
vn_prefix_parse(const char *text, VnPrefix *out_prefix)
{
  const char *slash = strchr(text, '/');
  if (slash == NULL || slash - text >= VN_ADDRESS_TEXT_MAX)
    return FALSE;
  char address[VN_ADDRESS_TEXT_MAX];
  memcpy(address, text, (gsize)(slash - text));
  address[slash - text] = '\0';
  VnPrefix prefix;
  guint64 length;
  if (!vn_address_parse(address, &prefix.address) ||
      !g_ascii_string_to_unsigned(slash + 1, 10, 0, vn_address_bits(&prefix.address), &length,
                                  NULL))
    return FALSE;
  prefix.length = (guint8)length;
  *out_prefix = prefix;
  return TRUE;
}

gboolean
vn_mac_parse(const char *text, guint64 *out_mac)
{
  guint64 mac = 0;
  for (guint i = 0; i < 6; i++, text += 3) {
    int high = g_ascii_xdigit_value(text[0]);
    int low = high >= 0 ? g_ascii_xdigit_value(text[1]) : -1;
    if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
      return FALSE;
    mac = mac << 8 | (guint64)(high * 16 + low);
  }
  *out_mac = mac;
  return TRUE;
}

const char *
vn_address_format(const VnAddress *address, char buffer[VN_ADDRESS_TEXT_MAX])
{
  buffer[0] = '\0';
  if (address->family != 0)
    inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, buffer,
              VN_ADDRESS_TEXT_MAX);
  return buffer;
}

const char *
vn_prefix_format(const VnPrefix *prefix, char buffer[VN_PREFIX_TEXT_MAX])
{
  char address[VN_ADDRESS_TEXT_MAX];
  g_snprintf(buffer, VN_PREFIX_TEXT_MAX, "%s/%u", vn_address_format(&prefix->address, address),
             prefix->length);
  return buffer;
}

const char *
vn_mac_format(guint64 mac, char buffer[VN_MAC_TEXT_MAX])
{
  g_snprintf(buffer, VN_MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", (guint)(mac >> 40) & 0xff,
             (guint)(mac >> 32) & 0xff, (guint)(mac >> 24) & 0xff, (guint)(mac >> 16) & 0xff,
             (guint)(mac >> 8) & 0xff, (guint)mac & 0xff);
  return buffer;
}

guint
vn_address_bits(const VnAddress *address)
{
  return address->family == 4 ? 32 : 128;
}

int
vn_address_compare(const VnAddress *a, const VnAddress *b)
{
  if (a->family != b->family)
    return a->family < b->family ? -1 : 1;
  int order = memcmp(a->bytes, b->bytes, vn_address_bits(a) / 8);
  return (order > 0) - (order < 0);
}

guint
vn_address_hash(const VnAddress *address)
{
  guint32 hash = 2166136261u ^ address->family;
  for (guint i = 0; i < vn_address_bits(address) / 8; i++)
    hash = (hash ^ address->bytes[i]) * 16777619u;
  return hash ^ (hash >> 15);
}

gboolean
vn_address_add(const VnAddress *address, gint64 offset, VnAddress *out_address)
{
  VnAddress sum = *address;
  gboolean down = offset < 0;
  guint64 rest = down ? -(guint64)offset : (guint64)offset;
  guint carry = 0; /* or borrow */
  for (guint i = vn_address_bits(address) / 8; i-- > 0;) {
    guint part = (guint)(rest & 0xff) + carry;
    guint byte = address->bytes[i];
    sum.bytes[i] = (guint8)(down ? byte - part : byte + part);
    carry = down ? byte < part : byte + part > 0xff;
    rest >>= 8;
  }
  if (carry != 0 || rest != 0)
    return FALSE;
  *out_address = sum;
  return TRUE;
}

gboolean
vn_prefix_contains(const VnPrefix *prefix, const VnAddress *address)
{
  if (prefix->address.family != address->family)
    return FALSE;
  guint whole = prefix->length / 8, rest = prefix->length % 8;
  if (memcmp(prefix->address.bytes, address->bytes, whole) != 0)
    return FALSE;
  return rest == 0 || ((prefix->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

VnPrefix
vn_prefix_network(const VnPrefix *prefix)
{
  VnPrefix network = *prefix;
  for (guint bit = prefix->length; bit < vn_address_bits(&prefix->address); bit++)
    network.address.bytes[bit / 8] &= (guint8)~(0x80u >> (bit % 8));
  return network;
}

/* The largest unit of the dimension (from a preference list) in which the number is whole, or has
 * at most three decimals. */
static char *
format_quantity(gint64 value, const VnUnit *preference, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    gint64 factor = units[preference[i]].factor;
    if (value != 0 && value % factor == 0)
      return g_strdup_printf("%" G_GINT64_FORMAT "%s", value / factor, units[preference[i]].text);
    if (factor % 1000 == 0 && ABS(value) > factor && value % (factor / 1000) == 0) {
      char text[G_ASCII_DTOSTR_BUF_SIZE];
      g_ascii_formatd(text, sizeof text, "%.3f", (double)value / (double)factor);
      gsize end = strlen(text);
      while (text[end - 1] == '0')
        text[--end] = '\0';
      return g_strdup_printf("%s%s", text, units[preference[i]].text);
    }
  }
  return g_strdup_printf("%" G_GINT64_FORMAT "%s", value, units[preference[n - 1]].text);
}

char *
vn_duration_format(gint64 ns)
{
  static const VnUnit preference[] = {VN_UNIT_H,  VN_UNIT_MIN, VN_UNIT_S,
                                      VN_UNIT_MS, VN_UNIT_US,  VN_UNIT_NS};
  return ns == 0 ? g_strdup("0s") : format_quantity(ns, preference, G_N_ELEMENTS(preference));
}

void
vn_duration_append_rounded(gint64 ns, GString *out)
{
  if (ns < G_GINT64_CONSTANT(1000000))
    g_string_append_printf(out, "%.0f us", (double)ns / 1e3);
  else if (ns < G_GINT64_CONSTANT(1000000000))
    g_string_append_printf(out, "%.1f ms", (double)ns / 1e6);
  else
    g_string_append_printf(out, "%.2f s", (double)ns / 1e9);
}

char *
vn_size_format(gint64 bytes)
{
  static const VnUnit preference[] = {VN_UNIT_GIB, VN_UNIT_GB,  VN_UNIT_MIB, VN_UNIT_MB,
                                      VN_UNIT_KIB, VN_UNIT_KB, VN_UNIT_B};
  return format_quantity(bytes, preference, G_N_ELEMENTS(preference));
}

char *
vn_rate_format(gint64 bits_per_second)
{
  static const VnUnit preference[] = {VN_UNIT_GBIT, VN_UNIT_MBIT, VN_UNIT_KBIT, VN_UNIT_BIT};
  return format_quantity(bits_per_second, preference, G_N_ELEMENTS(preference));
}
