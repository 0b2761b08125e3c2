/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files into the guest and out of it: PUT, GET and their DATA frames.
 *
 * PUT writes beside the file under a name of its own and renames once all bytes are there, so a
 * reader sees the old file or the new one. GET sends as fast as the channel takes it.
 */
#include "guest/agent/agent.h"

#include <stdlib.h>
#include <string.h>

#define LAST         1u /* flag of DATA */
#define MODE_DEFAULT 0644

typedef struct {
  VnTask task;
  VnOsFileId file;
  char *path, *temporary; /* temporary NULL: none is there */
  int64_t size, moved;    /* PUT: expected, -1: not said; bytes so far */
} Transfer;

static void
clear(VnTask *task)
{
  Transfer *transfer = (Transfer *)task;
  if (transfer->file != VN_OS_NO_FILE)
    vn_os_file_close(transfer->file);
  if (transfer->temporary != NULL)
    vn_os_file_delete(transfer->temporary);
  free(transfer->temporary);
  free(transfer->path);
}

static void
report(VnAgent *agent, VnTask *task)
{
  vn_field_int(agent, "size", ((Transfer *)task)->moved);
}

static void
fail(VnAgent *agent, Transfer *transfer, const char *what, int error)
{
  char bytes[VN_PATH_MAX + 64];
  VnText text;
  vn_text_init(&text, bytes, sizeof bytes);
  vn_text_add(&text, what);
  if (transfer->path != NULL) {
    vn_text_add(&text, " ");
    vn_text_add(&text, transfer->path);
  }
  vn_task_fail(agent, &transfer->task, bytes, error);
}

static void
put_done(VnAgent *agent, Transfer *transfer)
{
  if (transfer->size >= 0 && transfer->moved != transfer->size) {
    fail(agent, transfer, "fewer bytes came than were announced for", 0);
    return;
  }
  int error = vn_os_file_close(transfer->file);
  transfer->file = VN_OS_NO_FILE;
  if (error == 0)
    error = vn_os_file_rename(transfer->temporary, transfer->path);
  if (error != 0) {
    fail(agent, transfer, "can't write", error);
    return;
  }
  free(transfer->temporary);
  transfer->temporary = NULL;
  vn_task_succeed(agent, &transfer->task);
}

static void
put_data(VnAgent *agent, VnTask *task, const VnFrame *frame)
{
  Transfer *transfer = (Transfer *)task;
  uint32_t size = 0;
  const uint8_t *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
  transfer->moved += size;
  int error = 0;
  if (transfer->size >= 0 && transfer->moved > transfer->size)
    fail(agent, transfer, "more bytes came than were announced for", 0);
  else if (size > 0 && (error = vn_os_file_write(transfer->file, bytes, size)) != 0)
    fail(agent, transfer, "can't write", error);
  else if (frame->flags & LAST)
    put_done(agent, transfer);
}

static const VnTaskClass put_class = {
    .size = sizeof(Transfer), .frame = put_data, .report = report, .clear = clear};

char *
vn_transfer_temporary(const char *path)
{
  uint8_t random[6];
  size_t capacity = strlen(path) + 24;
  char *bytes = malloc(capacity);
  if (bytes == NULL)
    return NULL;
  VnText text;
  vn_os_random(random, sizeof random);
  vn_text_init(&text, bytes, capacity);
  vn_text_add(&text, path);
  vn_text_add(&text, ".vnec-");
  vn_text_add_hex(&text, random, sizeof random);
  return bytes;
}

static Transfer *
new_transfer(VnAgent *agent, const VnTaskClass *class_, const VnFrame *frame)
{
  VnTask *task = vn_task_new(agent, class_, frame);
  if (task == NULL)
    return NULL;
  Transfer *transfer = (Transfer *)task;
  transfer->file = VN_OS_NO_FILE;
  transfer->path = vn_request_text(frame, VN_TAG_PATH);
  if (transfer->path != NULL && transfer->path[0] != '\0')
    return transfer;
  vn_task_refuse(agent, task, "no path, or one that holds a zero byte", 0);
  return NULL;
}

void
vn_transfer_put(VnAgent *agent, const VnFrame *frame)
{
  Transfer *transfer = new_transfer(agent, &put_class, frame);
  if (transfer == NULL)
    return;
  unsigned mode = (unsigned)vn_frame_int(frame, VN_TAG_MODE, MODE_DEFAULT) & 07777;
  transfer->size = vn_frame_int(frame, VN_TAG_SIZE, -1);
  char *temporary = vn_transfer_temporary(transfer->path);
  if (temporary == NULL) {
    vn_task_refuse(agent, &transfer->task, "no memory", 0);
    return;
  }
  int error = vn_os_file_open(temporary, VN_OS_CREATE_NEW, 0600, &transfer->file);
  if (error != 0) {
    free(temporary);
    fail(agent, transfer, "can't write", error);
    return;
  }
  transfer->temporary = temporary;
  error = vn_os_file_set_mode(transfer->file, mode);
  if (error != 0)
    fail(agent, transfer, "can't set the mode of", error);
}

static void
send_data(VnAgent *agent, Transfer *transfer, size_t n, int last)
{
  VnFrameWriter out;
  vn_agent_begin(agent, &out, VN_FRAME_DATA, transfer->task.vm, transfer->task.id);
  vn_frame_put(&out, VN_TAG_BYTES, agent->chunk, n);
  if (last)
    out.bytes[out.start + 7] = LAST;
  vn_agent_end(agent, &out);
}

/* One chunk a turn: other tasks come in between, and the channel says how fast. */
static void
get_more(VnAgent *agent, VnTask *task, int64_t now)
{
  Transfer *transfer = (Transfer *)task;
  int error;
  int64_t left = task->limit - transfer->moved;
  size_t most = left < (int64_t)sizeof agent->chunk ? (size_t)left : sizeof agent->chunk;
  int64_t n = vn_os_file_read(transfer->file, agent->chunk, most, &error);
  if (n < 0) {
    fail(agent, transfer, "can't read", error);
    return;
  }
  transfer->moved += n;
  int last = n == 0 || transfer->moved >= task->limit;
  send_data(agent, transfer, (size_t)n, last);
  if (last)
    vn_task_succeed(agent, task);
  else
    task->wake = now;
}

static const VnTaskClass get_class = {
    .size = sizeof(Transfer), .timer = get_more, .report = report, .clear = clear};

void
vn_transfer_get(VnAgent *agent, const VnFrame *frame)
{
  Transfer *transfer = new_transfer(agent, &get_class, frame);
  if (transfer == NULL)
    return;
  VnOsStat info;
  if (vn_frame_int(frame, VN_TAG_LIMIT, -1) < 0)
    transfer->task.limit = INT64_MAX;
  int error = vn_os_file_stat(transfer->path, &info);
  if (error == 0 && info.is_directory) {
    fail(agent, transfer, "is a folder, not a file:", 0);
    return;
  }
  if (error == 0)
    error = vn_os_file_open(transfer->path, VN_OS_READ, 0, &transfer->file);
  if (error != 0)
    fail(agent, transfer, "can't read", error);
  else
    transfer->task.wake = transfer->task.started;
}
