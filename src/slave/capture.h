/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The captures of an experiment: packet sockets of segments and segments of the hub in, pcapng
 * out.
 *
 * One thread reads the kernel's rings of all segments. What it made waits, bounded, until the
 * main thread fetches it; while too much waits the rings are not read, so they fill and the
 * kernel drops and counts. A slow master never slows the network that is recorded.
 */
#pragma once

#include <gio/gio.h>

#include "hub/hub.h"

#define VN_CAPTURE_PENDING_MAX (16u << 20)  /* bytes of pcapng that wait for the session */
#define VN_CAPTURE_CHUNK       (256u << 10) /* in one CAPTURED frame, and one more packet */
#define VN_CAPTURES_MAX        1024u        /* segments at once */

typedef struct VnCaptures VnCaptures;

typedef struct {
  guint32 segment;
  GByteArray *bytes; /* NULL: the capture ended, and: */
  guint64 frames, lost;
} VnCaptured;

/* `ready` is called in the thread that made it when there is something to fetch. */
VnCaptures *vn_captures_new(void (*ready)(gpointer data), gpointer data, GError **error);
void vn_captures_free(VnCaptures *captures);

/* Takes the packet socket. name: of the interface in the file; filter: libpcap's language.
 * Any thread. */
gboolean vn_captures_add(VnCaptures *captures, guint32 segment, int fd, const char *name,
                         const char *filter, const char *program, GError **error);
/* A segment of the hub, which must outlive the captures. Any thread. */
gboolean vn_captures_add_hub(VnCaptures *captures, VnHub *hub, guint32 segment, const char *name,
                             const char *filter, const char *program, GError **error);
/* Ends all, after what the kernel still holds. Any thread; blocks for some 30 ms. What was
 * recorded can still be fetched. */
void vn_captures_stop(VnCaptures *captures);

/* The next in order, NULL: none yet. The bytes are the caller's; vn_captured_free. */
VnCaptured *vn_captures_fetch(VnCaptures *captures);
void vn_captured_free(VnCaptured *captured);
