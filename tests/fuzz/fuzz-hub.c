/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer target: what machines give the hub. The first byte says whether the rest is a stream of
 * frames in pieces, on a segment that does everything to frames, or a header of a network card and
 * the frame behind it. */
#include <stdlib.h>
#include <string.h>

#include "hub/hub-private.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static VnHub *
make_hub(Port **out_port)
{
  VnHub *hub = vn_hub_new(NULL);
  const VnHubSegment segment = {.id = 1,
                                .name = "lan",
                                .impairment = {.delay_ns = 1,
                                               .jitter_ns = 5,
                                               .loss = 10,
                                               .duplicate = 20,
                                               .reorder = 20,
                                               .rate = 1000000,
                                               .queue = 2000}};
  if (hub == NULL || !vn_hub_add_segment(hub, &segment, NULL))
    abort();
  for (guint64 id = 1; id <= 2; id++) { /* with nothing plugged in, there is no thread */
    const VnHubPort port = {.id = id, .segment = 1, .kind = VN_HUB_STREAM, .fd = -1};
    if (!vn_hub_add_port(hub, &port, NULL))
      abort();
  }
  *out_port = g_hash_table_lookup(hub->ports, &(guint64){1});
  return hub;
}

/* As port.c reads: what was kept stands before what came. */
static void
feed_stream(VnHub *hub, Port *port, const guint8 *data, gsize size)
{
  g_autofree guint8 *buffer = g_malloc(SLOT_SIZE + READ_SIZE);
  gsize piece = size > 0 ? data[0] + 1u : 1;
  for (gsize at = 0; at < size; at += piece) {
    gsize n = MIN(piece, size - at), before = port->n_partial;
    if (before > 0)
      memcpy(buffer, port->partial, before);
    memcpy(buffer + before, data + at, n);
    if (!vn_hub_port_stream(hub, port, buffer, before + n))
      break;
    (void)vn_hub_release(hub);
  }
  const VnHubCounters *c = &port->counters;
  if (c->lost > c->in_frames || c->duplicated > c->in_frames || hub->held > VN_HUB_HELD_MAX)
    abort();
}

static gsize n_cut;

static void
check_cut(VnHub *hub, Port *port, Frame *frames, guint n)
{
  if (n == 0 || n > BATCH_MAX)
    abort();
  for (guint i = 0; i < n; i++) {
    if (frames[i].n > VN_HUB_FRAME_MAX || frames[i].header.gso_type != 0)
      abort();
    (void)vn_hub_sum(&frames[i]);
    n_cut += frames[i].n;
  }
}

static void
feed_card(VnHub *hub, Port *port, const guint8 *data, gsize size)
{
  Frame frame = {.source = 1};
  if (size < sizeof frame.header + ETHERNET_HEAD || size > VN_HUB_FRAME_MAX)
    return;
  memcpy(&frame.header, data, sizeof frame.header);
  frame.n = (guint32)(size - sizeof frame.header);
  g_autofree guint8 *bytes = g_malloc(LENGTH_SIZE + frame.n);
  memcpy(bytes + LENGTH_SIZE, data + sizeof frame.header, frame.n);
  frame.bytes = bytes + LENGTH_SIZE;
  n_cut = 0;
  vn_hub_split(hub, port, &frame, 1, check_cut);
  if (n_cut == 0 && port->counters.malformed == 0)
    abort(); /* neither on its way nor counted */
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  Port *port;
  if (size == 0)
    return 0;
  g_autoptr(VnHub) hub = make_hub(&port);
  if (data[0] % 2 == 0)
    feed_stream(hub, port, data + 1, size - 1);
  else
    feed_card(hub, port, data + 1, size - 1);
  return 0;
}
