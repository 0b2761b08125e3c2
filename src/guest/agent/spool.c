/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The channel as a folder that guest and slave share, for what can share nothing else (the paper's
 * communication between virtual machines and physical host).
 *
 *   session        the slave's token: 16 characters. A new one voids all files of others
 *   TOKEN.dNNNNNNNN  frames for the agent, TOKEN.uNNNNNNNN of the agent; hexadecimal, from 0 on
 *
 * A file holds whole frames, VN_SPOOL_FILE bytes at most. It is written under its name with .t
 * behind it and then renamed; its reader deletes it. Of each direction there are at most
 * VN_SPOOL_WINDOW: file N is not written while file N - VN_SPOOL_WINDOW is there. No one tells a
 * guest that something came, so it looks, often at first, every LOOK_MOST later.
 */
#include "guest/agent/agent.h"

#include "frame/spool.h"

#include <string.h>

#define LOOK_FIRST    (1 * VN_MS / 2)
#define LOOK_MOST     (5 * VN_MS)
#define SESSION_LOOKS 8u /* in vain before the session is looked at again */

/* out: VN_PATH_MAX bytes. direction 0: only the folder and `name`. */
static int
make_path(const VnChannel *channel, char direction, uint32_t number, const char *name, char *out)
{
  VnText text;
  vn_text_init(&text, out, VN_PATH_MAX);
  vn_text_add(&text, channel->place);
  vn_text_add(&text, "/");
  if (direction != 0) {
    uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                        (uint8_t)number};
    vn_text_add(&text, channel->token);
    vn_text_add(&text, ".");
    vn_text_add_bytes(&text, &direction, 1);
    vn_text_add_hex(&text, bytes, sizeof bytes);
  }
  vn_text_add(&text, name);
  return text.overflow ? -1 : 0;
}

/* Bytes of the whole file; -1: it is not there, or not one of ours. */
static int64_t
read_file(const char *path, uint8_t *bytes, size_t room)
{
  VnOsFileId file;
  if (vn_os_file_open(path, VN_OS_READ, 0, &file) != 0)
    return -1;
  size_t used = 0;
  int64_t n = 0;
  int error = 0;
  while (used < room && (n = vn_os_file_read(file, bytes + used, room - used, &error)) > 0)
    used += (size_t)n;
  vn_os_file_close(file);
  return error != 0 ? -1 : (int64_t)used;
}

static void
look_later(VnChannel *channel)
{
  channel->looks++;
  channel->pause = channel->pause == 0 ? LOOK_FIRST : channel->pause * 2;
  if (channel->pause > LOOK_MOST)
    channel->pause = LOOK_MOST;
  channel->look = vn_os_monotonic() + channel->pause;
}

static void
look_for_session(VnAgent *agent)
{
  VnChannel *channel = &agent->channel;
  char path[VN_PATH_MAX], token[VN_LINE_TOKEN + 1];
  if (make_path(channel, 0, 0, VN_SPOOL_SESSION, path) < 0 ||
      read_file(path, (uint8_t *)token, sizeof token) != VN_LINE_TOKEN)
    return;
  token[VN_LINE_TOKEN] = '\0';
  if (vn_text_equal(token, channel->token))
    return;
  memcpy(channel->token, token, sizeof token);
  channel->next_in = channel->next_out = 0;
  vn_channel_begin(agent);
  vn_agent_hello(agent);
}

void
vn_spool_read(VnAgent *agent)
{
  VnChannel *channel = &agent->channel;
  char path[VN_PATH_MAX];
  size_t room = sizeof agent->in - agent->in_used;
  int64_t n = -1;
  if (channel->token[0] == '\0' || channel->looks >= SESSION_LOOKS) {
    channel->looks = 0;
    look_for_session(agent);
  }
  /* What is still being handled leaves no room for the largest file: it waits in the folder. */
  if (channel->token[0] != '\0' && room > VN_SPOOL_FILE &&
      make_path(channel, VN_SPOOL_DOWN, channel->next_in, "", path) == 0)
    n = read_file(path, agent->in + agent->in_used, VN_SPOOL_FILE + 1);
  if (n < 0 || n > (int64_t)VN_SPOOL_FILE) {
    look_later(channel);
    return;
  }
  vn_os_file_delete(path); /* if it stays, the slave waits for it, and says so */
  channel->next_in++;
  channel->looks = 0;
  channel->pause = 0;
  channel->look = 0;
  agent->in_used += (size_t)n;
}

/* Whole frames that fit in a file. */
static size_t
whole_frames(const VnAgent *agent)
{
  const uint8_t *bytes = agent->out + agent->out_start;
  size_t n = agent->out_used - agent->out_start, at = 0;
  for (int64_t size; (size = vn_frame_peek(bytes + at, n - at)) > 0; at += (size_t)size)
    if (at + (size_t)size > VN_SPOOL_FILE)
      break;
  return at;
}

/* A rename may fail after it was done, because the slave was faster than what looks at the file
 * afterwards: the first name is gone then. */
static int
rename_file(const char *from, const char *to)
{
  VnOsStat info;
  return vn_os_file_rename(from, to) == 0 || vn_os_file_stat(from, &info) == VN_OS_MISSING ? 0 : -1;
}

static int
write_file(const VnAgent *agent, size_t n)
{
  const VnChannel *channel = &agent->channel;
  char temporary[VN_PATH_MAX], path[VN_PATH_MAX];
  VnOsFileId file;
  if (make_path(channel, VN_SPOOL_UP, channel->next_out, VN_SPOOL_TEMPORARY, temporary) < 0 ||
      make_path(channel, VN_SPOOL_UP, channel->next_out, "", path) < 0 ||
      vn_os_file_open(temporary, VN_OS_CREATE, 0600, &file) != 0)
    return -1;
  int error = vn_os_file_write(file, agent->out + agent->out_start, n);
  if (vn_os_file_close(file) != 0 || error != 0)
    return -1;
  return rename_file(temporary, path);
}

int
vn_spool_flush(VnAgent *agent)
{
  VnChannel *channel = &agent->channel;
  char path[VN_PATH_MAX];
  VnOsStat info;
  while (agent->out_start < agent->out_used) {
    if (channel->token[0] == '\0' ||
        make_path(channel, VN_SPOOL_UP, channel->next_out - VN_SPOOL_WINDOW, "", path) < 0)
      return 0;
    if (channel->next_out >= VN_SPOOL_WINDOW && vn_os_file_stat(path, &info) == 0)
      return 0; /* looked at again with the next look for input */
    size_t n = whole_frames(agent);
    if (n == 0 || write_file(agent, n) < 0)
      return 0;
    agent->out_start += n;
    channel->next_out++;
  }
  return 1;
}
