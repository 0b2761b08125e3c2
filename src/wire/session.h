/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session: frames both ways over one stream socket, in a GLib main context.
 *
 * Reads as much as there is, hands over every whole frame, and writes what was queued once at the
 * end of the turn of the loop (a batch of answers is one write). Over a UNIX socket now; TCP and
 * the handshake come behind the same interface. The peer is not trusted: a malformed or too large
 * frame ends the session with an error. Not thread-safe: everything is called in the thread of
 * the session's context.
 */
#pragma once

#include <gio/gio.h>

#include "frame/frame.h"

#define VN_WIRE_VERSION       1u          /* in OPEN */
#define VN_WIRE_WHOLE         G_MAXUINT32 /* item of a REPLY that concerns the whole request */
#define VN_SESSION_FRAME_MAX  (64u << 20) /* of one message between master and slave */
#define VN_SESSION_QUEUE_HIGH (8u << 20)  /* bytes waiting to be written: `blocked` is called */

typedef struct VnSession VnSession;

typedef enum {
#define VN_MESSAGE(id, number, direction, type, help) VN_MESSAGE_##id = number,
#include "wire/messages.def"
#undef VN_MESSAGE
} VnMessageKind;

typedef struct {
  /* A whole frame; borrowed for the call. */
  void (*frame)(VnSession *session, const VnFrame *frame, gpointer data);
  /* After the last frame of a turn, before what was queued is written. May be NULL. */
  void (*turn_ended)(VnSession *session, gpointer data);
  /* Once: error NULL when the peer closed in order. The session may be freed from here. */
  void (*closed)(VnSession *session, const GError *error, gpointer data);
  /* The queue went above HIGH (TRUE) or was drained (FALSE). May be NULL. */
  void (*blocked)(VnSession *session, gboolean blocked, gpointer data);
} VnSessionEvents;

/* Takes the descriptor. The context is the thread's default one. */
VnSession *vn_session_new(int fd, const VnSessionEvents *events, gpointer data);
void vn_session_free(VnSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnSession, vn_session_free)

/* Room for a frame whose fields the caller writes with vn_frame_put…; ends with _commit. size is
 * the most that it may take. */
VnFrameWriter *vn_session_begin(VnSession *session, guint16 kind, guint16 flags, guint32 vm,
                                guint64 id, gsize size);
void vn_session_commit(VnSession *session);
/* A frame passed on as it came, under another VM and id. */
void vn_session_forward(VnSession *session, const VnFrame *frame, guint32 vm, guint64 id);
/* A message of wire/messages.def; consumes a floating body and checks its type. */
void
vn_session_send(VnSession *session, VnMessageKind kind, guint32 vm, guint64 id, GVariant *body);
/* The body of a message, checked against the type of its kind; NULL with error if malformed. */
GVariant *vn_message_body(const VnFrame *frame, GError **error);
const char *vn_message_text(guint16 kind); /* of frames, too; "?" */
/* The GVariant type of a message's body; NULL: it has none. */
const char *vn_message_type(guint16 kind);

/* Each second in which nothing else was sent a HEARTBEAT goes out; those that come are swallowed.
 * After lost_after silent seconds the session closes with an error; 0: never. */
void vn_session_set_heartbeat(VnSession *session, guint lost_after);
/* Microseconds to look for input again and again before sleeping, after something was written:
 * waking an idle processor costs more than a short task. It is given up for a while where it
 * does not pay, and where others want the processor. 0: off, as at the start. */
#define VN_SESSION_SPIN_US 60u
void vn_session_set_spin(VnSession *session, guint spin_us);

gsize vn_session_queued(const VnSession *session);
/* Stop reading (control pushes back) and go on. */
void vn_session_pause(VnSession *session, gboolean paused);
/* Writes what is queued, blocking; for the end of a process. */
gboolean vn_session_flush(VnSession *session, GError **error);

#define VN_SESSION_ERROR vn_session_error_quark()
GQuark vn_session_error_quark(void);
typedef enum {
  VN_SESSION_ERROR_MALFORMED,
  VN_SESSION_ERROR_IO,
  VN_SESSION_ERROR_CLOSED
} VnSessionError;
