/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each frame asks for, and how texts are taken out of a request. */
#include "guest/agent/agent.h"

#include <stdlib.h>
#include <string.h>

void
vn_agent_hello(VnAgent *agent)
{
  VnOsNames names;
  vn_os_names(&names);
  VnFrameWriter out;
  vn_agent_begin(agent, &out, VN_FRAME_HELLO, 0, 0);
  vn_frame_put_int(&out, VN_TAG_PROTOCOL, VN_FRAME_PROTOCOL);
  vn_frame_put_text(&out, VN_TAG_OS, names.os);
  vn_frame_put_text(&out, VN_TAG_ARCH, names.machine);
  vn_frame_put_text(&out, VN_TAG_NAME, names.hostname);
  const char *name;
  for (unsigned i = 0; (name = vn_native_name(i)) != NULL; i++)
    if (vn_native_offered(i))
      vn_frame_put_text(&out, VN_TAG_NATIVE, name);
  vn_agent_end(agent, &out);
}

static void
cancel(VnAgent *agent, const VnFrame *frame)
{
  VnTask *task = vn_task_find(agent, frame->id);
  int64_t grace = vn_frame_int(frame, VN_TAG_GRACE, 0);
  if (task != NULL) /* else its outcome is on its way already */
    vn_task_cancel(agent, task, VN_OUTCOME_CANCELLED, grace < 0 ? 0 : grace);
}

static void
data(VnAgent *agent, const VnFrame *frame)
{
  VnTask *task = vn_task_find(agent, frame->id);
  if (task != NULL && task->class_->frame != NULL)
    task->class_->frame(agent, task, frame);
  /* Else the transfer failed, and said so, while these bytes were under way. */
}

static void
pong(VnAgent *agent, const VnFrame *frame)
{
  VnFrameWriter out;
  vn_agent_begin(agent, &out, VN_FRAME_PONG, frame->vm, frame->id);
  vn_agent_end(agent, &out);
}

static void
clock_(VnAgent *agent, const VnFrame *frame)
{
  uint32_t size;
  const uint8_t *seed = vn_frame_find(frame, VN_TAG_SEED, &size);
  int64_t time = vn_frame_int(frame, VN_TAG_TIME, -1);
  int error = time < 0 ? 0 : vn_os_set_clock(time);
  if (error == 0 && time >= 0 && seed != NULL)
    error = vn_os_stir(seed, size);
  if (time < 0)
    vn_agent_refuse(agent, frame, "CLOCK without a time");
  else if (error != 0)
    vn_agent_refuse(agent, frame, vn_os_error_text(error));
}

static void
link_(VnAgent *agent, const VnFrame *frame)
{
  char *name = vn_request_text(frame, VN_TAG_NAME);
  int64_t up = vn_frame_int(frame, VN_TAG_UP, -1);
  int error = 0;
  if (name != NULL && up >= 0)
    error = vn_os_link(name, up != 0);
  if (name == NULL || up < 0)
    vn_agent_refuse(agent, frame, "LINK without a name or state");
  else if (error != 0)
    vn_agent_refuse(agent, frame, vn_os_error_text(error));
  free(name);
}

void
vn_agent_frame(VnAgent *agent, const VnFrame *frame)
{
  if (agent->extra->frame != NULL && agent->extra->frame(agent, frame))
    return;
  switch (frame->kind) {
  case VN_FRAME_RUN:
  case VN_FRAME_SCRIPT:
    vn_process_request(agent, frame);
    break;
  case VN_FRAME_NATIVE:
    vn_native_request(agent, frame);
    break;
  case VN_FRAME_CANCEL:
    cancel(agent, frame);
    break;
  case VN_FRAME_PUT:
    vn_transfer_put(agent, frame);
    break;
  case VN_FRAME_GET:
    vn_transfer_get(agent, frame);
    break;
  case VN_FRAME_DATA:
    data(agent, frame);
    break;
  case VN_FRAME_PAUSE:
  case VN_FRAME_CONTINUE:
  case VN_FRAME_RESET:
    vn_control_request(agent, frame);
    break;
  case VN_FRAME_NETWORK:
    vn_address_request(agent, frame);
    break;
  case VN_FRAME_CLOCK:
    clock_(agent, frame);
    break;
  case VN_FRAME_LINK:
    link_(agent, frame);
    break;
  case VN_FRAME_PING:
    pong(agent, frame);
    break;
  case VN_FRAME_EXIT:
    agent->closing = 1;
    break;
  case VN_FRAME_ACK:     /* a stream loses nothing, so nothing is kept for it */
  case VN_FRAME_REFUSED: /* what we say is never asked again */
    break;
  default:
    vn_agent_refuse(agent, frame, "this agent doesn't know such a request");
    break;
  }
}

char *
vn_request_text(const VnFrame *frame, uint16_t tag)
{
  uint32_t size;
  const uint8_t *bytes = vn_frame_find(frame, tag, &size);
  if (bytes == NULL || memchr(bytes, 0, size) != NULL)
    return NULL;
  char *text = malloc((size_t)size + 1);
  if (text != NULL) {
    memcpy(text, bytes, size);
    text[size] = '\0';
  }
  return text;
}

/* How many fields of the tag, and bytes in them. */
static unsigned
measure(const VnFrame *frame, uint16_t tag, size_t *out_bytes, int *out_nul)
{
  uint32_t offset = 0, size;
  uint16_t found;
  const uint8_t *bytes;
  unsigned n = 0;
  *out_bytes = 0;
  *out_nul = 0;
  while (vn_frame_next(frame, &offset, &found, &bytes, &size) > 0)
    if (found == tag) {
      n++;
      *out_bytes += (size_t)size + 1;
      *out_nul |= memchr(bytes, 0, size) != NULL;
    }
  return n;
}

char **
vn_request_texts(const VnFrame *frame, uint16_t tag, unsigned spare, unsigned *out_n,
                 const char **out_why)
{
  size_t total;
  int has_nul;
  unsigned n = measure(frame, tag, &total, &has_nul);
  *out_why = n > VN_AGENT_ARGS_MAX ? "too many arguments" : "an argument holds a zero byte";
  if (n > VN_AGENT_ARGS_MAX || has_nul)
    return NULL;
  *out_why = "no memory";
  char **texts = malloc((n + spare + 1) * sizeof *texts + total);
  if (texts == NULL)
    return NULL;
  char *at = (char *)(texts + n + spare + 1);
  uint32_t offset = 0, size;
  uint16_t found;
  const uint8_t *bytes;
  unsigned k = 0;
  while (vn_frame_next(frame, &offset, &found, &bytes, &size) > 0)
    if (found == tag) {
      texts[k++] = at;
      memcpy(at, bytes, size);
      at[size] = '\0';
      at += size + 1;
    }
  texts[n] = NULL;
  *out_n = n;
  return texts;
}
