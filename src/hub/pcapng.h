/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Captures as pcapng (draft-ietf-opsawg-pcapng): one section, one Ethernet interface, times in
 * nanoseconds. Blocks are appended to a byte array, so the bytes can go to a file or through a
 * session as they are; the concatenation of all is a file.
 */
#pragma once

#include <glib.h>

#define VN_PCAPNG_SNAPLEN (256u << 10) /* bytes of a frame that are kept; above any frame's size \
                                        */
#define VN_PCAPNG_TEXT_MAX 4096u       /* of a name or a filter; longer ones are cut */

typedef struct {
  const char *hardware; /* what recorded: "segment lan"; NULL: not said */
  const char *program;  /* "vnec-slave 0.1.0"; NULL: not said */
  const char *name;     /* of the interface */
  const char *filter;   /* NULL or empty: none */
} VnPcapngInfo;

/* The blocks that open a file. */
void vn_pcapng_begin(GByteArray *out, const VnPcapngInfo *info);
/* A frame: when it was seen (ns since 1970), its bytes, and how long it was on the wire. */
void vn_pcapng_frame(GByteArray *out, gint64 time_ns, const guint8 *bytes, guint32 captured,
                     guint32 original);
/* Bytes that vn_pcapng_frame adds. */
gsize vn_pcapng_frame_size(guint32 captured);
/* The block that closes a file: what came and what was lost. */
void vn_pcapng_end(GByteArray *out, gint64 time_ns, guint64 received, guint64 lost);
