/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A router's external interface whose packets travel in PACKET frames over the agent's channel,
 * because no descriptor can: a pair of sockets, one of which the forwarder has as the interface.
 *
 * Nothing waits: what the channel or the forwarder does not take at once is dropped and counted.
 */
#pragma once

#include "slave/channel.h"
#include "slave/forward.h"

#define VN_PACKETS_QUEUE_MAX (512u << 10) /* bytes for an agent; above, packets are dropped */
#define VN_PACKETS_FRAME_MAX (128u << 10) /* bytes of packets in a frame, and one more packet */

typedef struct VnPackets VnPackets;

/* Replaces the interface that the router had at the forwarder. In the main thread, as all here. */
VnPackets *vn_packets_open(VnChannels *channels, VnForward *forward, guint32 router,
                           GError **error);
/* The forwarder's end goes, too. */
void vn_packets_close(VnPackets *packets);
/* A PACKET frame of the router's agent. */
void vn_packets_take(VnPackets *packets, const VnFrame *frame);
