/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The channels to all agents of an experiment.
 *
 * Thousands of sockets are one epoll descriptor and so one GSource: a turn costs as much as there
 * is to do, not as many agents as there are. Frames that come are handed over where they were read;
 * those that go out are gathered for each agent and written once, at the end of the turn.
 *
 * What comes from a guest is hostile: a frame is checked whole before it is handed over, and an
 * agent that breaks the rules loses its channel, alone.
 */
#pragma once

#include <gio/gio.h>

#include "frame/frame.h"

#define VN_CHANNEL_QUEUE_HIGH (4u << 20)  /* bytes for one agent: the master is held back */
#define VN_CHANNEL_QUEUE_MAX  (16u << 20) /* the channel is given up */
#define VN_CHANNEL_STALL_S    10          /* so long an agent may be above HIGH */

typedef struct VnChannels VnChannels;

typedef struct {
  /* A whole, well-formed frame of a kind that agents may send; borrowed for the call. */
  void (*frame)(guint32 vm, const VnFrame *frame, gpointer data);
  /* The channel is gone, not by _remove. ended: its other end is gone; else the agent, who may live
   * on, broke a rule. */
  void (*lost)(guint32 vm, gboolean ended, const char *why, gpointer data);
  /* An agent's queue went above HIGH (TRUE), or none is any more (FALSE). */
  void (*pressed)(gboolean pressed, gpointer data);
} VnChannelEvents;

VnChannels *vn_channels_new(const VnChannelEvents *events, gpointer data, GError **error);
/* Closes all. */
void vn_channels_free(VnChannels *channels);

/* Takes the stream socket; it replaces what the VM had. */
gboolean vn_channels_add(VnChannels *channels, guint32 vm, int fd, GError **error);
/* A socket to a virtual machine's port: nothing counts before the agent has answered this
 * connection's beginning (frame/line.h). */
gboolean vn_channels_add_port(VnChannels *channels, guint32 vm, int fd, GError **error);
/* Takes the descriptor of a folder that the agent sees, too (slave/spool.h). */
gboolean vn_channels_add_spool(VnChannels *channels, guint32 vm, int folder, GError **error);
void vn_channels_remove(VnChannels *channels, guint32 vm);
gboolean vn_channels_has(const VnChannels *channels, guint32 vm);

/* Queues a frame for the agent of frame->vm. FALSE: it has no channel. */
gboolean vn_channels_send(VnChannels *channels, const VnFrame *frame);
gsize vn_channels_queued(const VnChannels *channels, guint32 vm); /* bytes that wait for it */
/* Stop reading all agents, and go on: the master is slow. */
void vn_channels_pause(VnChannels *channels, gboolean paused);
