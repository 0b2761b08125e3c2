/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers are written in the machine's own byte order, as the format wants: the section header
 * says which it is. Every block and option is padded to four bytes. */
#include "hub/pcapng.h"

#include <string.h>

#define BLOCK_SECTION    0x0a0d0d0au
#define BLOCK_INTERFACE  1u
#define BLOCK_STATISTICS 5u
#define BLOCK_PACKET     6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINK_ETHERNET    1u

#define OPTION_END          0u
#define OPTION_SHB_HARDWARE 2u
#define OPTION_SHB_PROGRAM  4u
#define OPTION_IF_NAME      2u
#define OPTION_IF_TSRESOL   9u
#define OPTION_IF_FILTER    11u
#define OPTION_ISB_END      3u
#define OPTION_ISB_RECEIVED 4u
#define OPTION_ISB_DROPPED  5u

#define PACKET_FIXED 32u /* of a packet block, without the bytes of the frame */

static void
put(GByteArray *out, const void *bytes, gsize n)
{
  g_byte_array_append(out, bytes, (guint)n);
}

static void
put16(GByteArray *out, guint16 value)
{
  put(out, &value, sizeof value);
}

static void
put32(GByteArray *out, guint32 value)
{
  put(out, &value, sizeof value);
}

static void
put64(GByteArray *out, guint64 value)
{
  put(out, &value, sizeof value);
}

static void
pad(GByteArray *out)
{
  static const guint8 zeros[4];
  put(out, zeros, (4u - out->len % 4u) % 4u);
}

static void
put_option(GByteArray *out, guint16 code, const void *bytes, gsize n)
{
  put16(out, code);
  put16(out, (guint16)n);
  put(out, bytes, n);
  pad(out);
}

static void
put_text(GByteArray *out, guint16 code, const char *text)
{
  if (text != NULL && text[0] != '\0')
    put_option(out, code, text, MIN(strlen(text), VN_PCAPNG_TEXT_MAX));
}

/* Blocks are built at the end of `out`, which need not be aligned there, as long as all that was
 * put before are whole blocks. */
static guint
begin_block(GByteArray *out, guint32 type)
{
  guint start = out->len;
  put32(out, type);
  put32(out, 0); /* the length, known at the end */
  return start;
}

static void
end_block(GByteArray *out, guint start)
{
  guint32 length = out->len - start + 4;
  memcpy(out->data + start + 4, &length, sizeof length);
  put32(out, length);
}

void
vn_pcapng_begin(GByteArray *out, const VnPcapngInfo *info)
{
  guint start = begin_block(out, BLOCK_SECTION);
  put32(out, BYTE_ORDER_MAGIC);
  put16(out, 1); /* version 1.0 */
  put16(out, 0);
  put64(out, G_MAXUINT64); /* length of the section: not known */
  put_text(out, OPTION_SHB_HARDWARE, info->hardware);
  put_text(out, OPTION_SHB_PROGRAM, info->program);
  put32(out, OPTION_END);
  end_block(out, start);

  start = begin_block(out, BLOCK_INTERFACE);
  put16(out, LINK_ETHERNET);
  put16(out, 0);
  put32(out, VN_PCAPNG_SNAPLEN);
  put_text(out, OPTION_IF_NAME, info->name);
  put_option(out, OPTION_IF_TSRESOL, "\x09", 1);
  if (info->filter != NULL && info->filter[0] != '\0') {
    char filter[1 + VN_PCAPNG_TEXT_MAX] = ""; /* byte 0: the filter is text for libpcap */
    gsize size = MIN(strlen(info->filter), VN_PCAPNG_TEXT_MAX);
    memcpy(filter + 1, info->filter, size);
    put_option(out, OPTION_IF_FILTER, filter, 1 + size);
  }
  put32(out, OPTION_END);
  end_block(out, start);
}

gsize
vn_pcapng_frame_size(guint32 captured)
{
  return PACKET_FIXED + captured + (4u - captured % 4u) % 4u;
}

void
vn_pcapng_frame(GByteArray *out, gint64 time_ns, const guint8 *bytes, guint32 captured,
                guint32 original)
{
  guint64 time = (guint64)time_ns;
  guint32 size = (guint32)vn_pcapng_frame_size(captured);
  guint32 head[7] = {BLOCK_PACKET,  size,     0,       (guint32)(time >> 32),
                     (guint32)time, captured, original};
  guint start = out->len;
  g_byte_array_set_size(out, start + size);
  guint8 *p = out->data + start;
  memcpy(p, head, sizeof head);
  memcpy(p + sizeof head, bytes, captured);
  memset(p + sizeof head + captured, 0, size - PACKET_FIXED - captured);
  memcpy(p + size - 4, &size, sizeof size);
}

static void
put_count(GByteArray *out, guint16 code, guint64 value)
{
  put_option(out, code, &value, sizeof value);
}

void
vn_pcapng_end(GByteArray *out, gint64 time_ns, guint64 received, guint64 lost)
{
  guint32 time[2] = {(guint32)((guint64)time_ns >> 32), (guint32)time_ns};
  guint start = begin_block(out, BLOCK_STATISTICS);
  put32(out, 0); /* of the only interface */
  put(out, time, sizeof time);
  put_option(out, OPTION_ISB_END, time, sizeof time);
  put_count(out, OPTION_ISB_RECEIVED, received);
  put_count(out, OPTION_ISB_DROPPED, lost);
  put32(out, OPTION_END);
  end_block(out, start);
}
