/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading and writing the channel. A port that nobody listens to gives no bytes and takes none; it
 * is looked at now and then, because its end and its beginning wake nobody. */
#include "guest/agent/agent.h"

#include <string.h>

#define LOOK_FIRST (1 * VN_MS)
#define LOOK_MOST  (20 * VN_MS)

void
vn_channel_begin(VnAgent *agent)
{
  agent->in_used = agent->out_start = agent->out_used = 0;
  agent->channel.wire_start = agent->channel.wire_used = 0;
}

static void
look_later(VnChannel *channel)
{
  channel->ready = 0;
  channel->pause = channel->pause == 0 ? LOOK_FIRST : channel->pause * 2;
  if (channel->pause > LOOK_MOST)
    channel->pause = LOOK_MOST;
  channel->look = vn_os_monotonic() + channel->pause;
}

static void
look_at_once(VnChannel *channel)
{
  channel->ready = 1;
  channel->pause = 0;
  channel->look = VN_NEVER;
}

/* ---- a port ---- */

/* The other side has a new connection. Frames of ours that it was not sent are for one that is
 * gone; tasks go on. */
static void
port_begun(VnAgent *agent)
{
  VnChannel *channel = &agent->channel;
  vn_channel_begin(agent);
  vn_line_begin(channel->line.token, channel->wire);
  channel->wire_used = VN_LINE_SYNC;
  vn_agent_hello(agent);
}

static void
port_take(VnAgent *agent, size_t n)
{
  uint8_t *from = agent->in + agent->in_used;
  while (n > 0) {
    size_t size;
    int begun;
    size_t taken = vn_line_read(&agent->channel.line, from, n, agent->in + agent->in_used, &size,
                                &begun);
    from += taken;
    n -= taken;
    if (begun)
      port_begun(agent);
    else
      agent->in_used += size;
  }
}

static void
port_read(VnAgent *agent, size_t room)
{
  VnChannel *channel = &agent->channel;
  if (channel->fd == VN_NO_FD && vn_os_port_open(channel->place, &channel->fd) != 0) {
    look_later(channel);
    return;
  }
  int error;
  int64_t n = vn_os_stream_read(channel->fd, agent->in + agent->in_used, room, &error);
  if (n == 0 || error != 0) {
    look_later(channel); /* nobody is at the other end */
    return;
  }
  look_at_once(channel);
  if (n > 0)
    port_take(agent, (size_t)n);
}

/* Fills the wire with what the next bytes are on the line. */
static void
port_fill(VnAgent *agent)
{
  VnChannel *channel = &agent->channel;
  size_t n = agent->out_used - agent->out_start;
  if (n > VN_CHANNEL_WIRE / 2)
    n = VN_CHANNEL_WIRE / 2;
  channel->wire_start = 0;
  channel->wire_used = vn_line_write(agent->out + agent->out_start, n, channel->wire);
  agent->out_start += n;
}

/* 1: all that there was is written. */
static int
port_flush(VnAgent *agent)
{
  VnChannel *channel = &agent->channel;
  if (!channel->ready || !channel->line.valid)
    return 0;
  while (channel->wire_start < channel->wire_used || agent->out_start < agent->out_used) {
    if (channel->wire_start == channel->wire_used)
      port_fill(agent);
    int error;
    int64_t n = vn_os_channel_write(channel->fd, channel->wire + channel->wire_start,
                                    channel->wire_used - channel->wire_start, &error);
    if (error != 0)
      look_later(channel);
    if (n <= 0)
      return 0;
    channel->wire_start += (size_t)n;
  }
  return 1;
}

/* ---- an inherited stream ---- */

static void
fd_read(VnAgent *agent, size_t room, int wait)
{
  int error;
  int64_t n = vn_os_channel_read(agent->channel.fd, agent->in + agent->in_used, room, wait, &error);
  if (n > 0)
    agent->in_used += (size_t)n;
  else if (n == 0 || error != 0)
    agent->closing = 1;
}

static int
fd_flush(VnAgent *agent)
{
  while (agent->out_start < agent->out_used) {
    int error;
    int64_t n = vn_os_channel_write(agent->channel.fd, agent->out + agent->out_start,
                                    agent->out_used - agent->out_start, &error);
    if (n < 0) {
      agent->closing = error != 0;
      return 0;
    }
    agent->out_start += (size_t)n;
  }
  return 1;
}

/* ---- for the loop ---- */

void
vn_channel_start(VnAgent *agent)
{
  if (agent->channel.kind == VN_CHANNEL_FD) {
    look_at_once(&agent->channel);
    vn_agent_hello(agent);
  } else {
    agent->channel.look = vn_os_monotonic();
  }
}

void
vn_channel_read(VnAgent *agent, int wait)
{
  size_t room = sizeof agent->in - agent->in_used;
  if (room > VN_AGENT_READ_SIZE)
    room = VN_AGENT_READ_SIZE;
  if (room == 0)
    return;
  switch (agent->channel.kind) {
  case VN_CHANNEL_FD:
    fd_read(agent, room, wait);
    break;
  case VN_CHANNEL_PORT:
    port_read(agent, room);
    break;
  case VN_CHANNEL_SPOOL:
    vn_spool_read(agent);
    break;
  }
}

void
vn_channel_flush(VnAgent *agent)
{
  int all = 0;
  switch (agent->channel.kind) {
  case VN_CHANNEL_FD:
    all = fd_flush(agent);
    break;
  case VN_CHANNEL_PORT:
    all = port_flush(agent);
    break;
  case VN_CHANNEL_SPOOL:
    all = vn_spool_flush(agent);
    break;
  }
  if (all)
    agent->out_start = agent->out_used = 0;
}

int
vn_channel_waits(const VnAgent *agent)
{
  return agent->out_used > agent->out_start ||
         agent->channel.wire_used > agent->channel.wire_start;
}
