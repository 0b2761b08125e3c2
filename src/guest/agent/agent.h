/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent: a loop between one channel and many tasks, shared by task runner and router.
 *
 * Frames come in, tasks are made of them, outputs and outcomes go out. One thread, one poll.
 *
 * Back pressure is one rule: no handler is called unless the output buffer has room for the most
 * that a handler may write (VN_AGENT_RESERVE). While the channel takes nothing, nothing is read
 * from tasks, so they block in their own writes.
 *
 * A turn of the loop: write what waits, free the tasks that ended, wait, read, call the handlers of
 * descriptors, of processes that ended and of timers, handle whole frames. Tasks are freed
 * nowhere else, so a handler may end any task.
 */
#pragma once

#include "frame/frame.h"
#include "frame/status.h"
#include "guest/agent/channel.h"
#include "guest/agent/os.h"
#include "guest/agent/text.h"

#define VN_AGENT_TASKS_MAX     4096u
#define VN_AGENT_ARGS_MAX      16384u         /* ARG or ENV fields of one frame */
#define VN_AGENT_LIMIT_DEFAULT (1 << 20)      /* bytes kept of a stream where no LIMIT is given */
#define VN_AGENT_FIELDS_MAX    (48u * 1024u)  /* bytes of the results of one operation */
#define VN_AGENT_RESERVE       (256u * 1024u) /* most bytes that one handler writes */
#define VN_AGENT_OUT_SIZE      (1u << 20)
#define VN_AGENT_READ_SIZE     (64u * 1024u) /* of one read from the channel */

typedef struct VnAgent VnAgent;
typedef struct VnTask VnTask;

/* What a task does when something happens. All may be NULL. Each kind of task has a struct of its
 * own whose first member is the VnTask. */
typedef struct {
  size_t size;                                 /* of that struct */
  void (*watch)(VnAgent *agent, VnTask *task); /* names its descriptors: vn_agent_watch */
  void (*event)(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events);
  void (*timer)(VnAgent *agent, VnTask *task, int64_t now); /* task->wake has passed */
  /* Asked to end. NULL: it ends at once. Must lead to vn_task_finish. */
  void (*cancel)(VnAgent *agent, VnTask *task, VnOutcomeStatus why, int64_t grace);
  void (*frame)(VnAgent *agent, VnTask *task, const VnFrame *frame); /* DATA of this id */
  void (*report)(VnAgent *agent, VnTask *task); /* adds its fields to the outcome */
  void (*clear)(VnTask *task);                  /* closes what it holds */
} VnTaskClass;

struct VnTask {
  const VnTaskClass *class_;
  uint64_t id;
  uint32_t vm;
  uint8_t done, background;
  int64_t started, timeout, wake; /* monotonic; VN_NEVER: none */
  int64_t limit, total[2];        /* of stdout and stderr */
  int exit_code, signal;
  char *arguments; /* holds the texts of its request until it ends; may be NULL */
};

/* What one program does beyond tasks. Each may be NULL. */
typedef struct {
  int (*frame)(VnAgent *agent, const VnFrame *frame); /* 1: it was for me */
  void (*watch)(VnAgent *agent);                      /* vn_agent_watch without a task */
  void (*event)(VnAgent *agent, VnFd fd, unsigned slot, short events);
  int64_t (*timer)(int64_t now); /* called now and then; gives when at the latest it wants to be */
} VnAgentExtra;

struct VnAgent {
  VnChannel channel; /* set by vn_agent_options */
  const VnAgentExtra *extra;
  int closing; /* the loop ends */

  VnTask *tasks[VN_AGENT_TASKS_MAX];
  unsigned n_tasks, n_done;

  struct pollfd *polls;
  struct {
    VnTask *task;
    unsigned slot;
  } * owners;
  unsigned n_polls, polls_capacity;

  VnText fields; /* results of the task being finished: name=value, NUL between them */
  size_t in_used;
  size_t out_start, out_used;

  char fields_bytes[VN_AGENT_FIELDS_MAX];
  uint8_t chunk[VN_FRAME_CHUNK]; /* scratch of one handler */
  uint8_t in[VN_FRAME_MAX + 4 + VN_AGENT_READ_SIZE];
  uint8_t out[VN_AGENT_OUT_SIZE];
};

/* Runs until EXIT, until an inherited channel closes, or until nonsense comes. All processes are
 * ended. */
void vn_agent_run(VnAgent *agent, const VnAgentExtra *extra);

int vn_agent_has_room(const VnAgent *agent);
void vn_agent_watch(VnAgent *agent, VnTask *task, VnFd fd, short events, unsigned slot);
/* One frame: begin, put fields into *out, end. */
void vn_agent_begin(VnAgent *agent, VnFrameWriter *out, VnFrameKind kind, uint32_t vm, uint64_t id);
void vn_agent_end(VnAgent *agent, VnFrameWriter *out);
void vn_agent_refuse(VnAgent *agent, const VnFrame *frame, const char *why);

/* --- channel.c, spool.c --- */
void vn_channel_start(VnAgent *agent);
void vn_channel_read(VnAgent *agent, int wait);
void vn_channel_flush(VnAgent *agent); /* writes what it can */
int vn_channel_waits(const VnAgent *agent); /* something is to be written */
/* The other side begins anew: what is half read or not yet sent is void. */
void vn_channel_begin(VnAgent *agent);
void vn_spool_read(VnAgent *agent);
int vn_spool_flush(VnAgent *agent); /* 1: all is written */

/* --- dispatch.c --- */
void vn_agent_hello(VnAgent *agent);
void vn_agent_frame(VnAgent *agent, const VnFrame *frame);

/* --- task.c --- */
/* A new task of a request, in the table. NULL: refused already. */
VnTask *vn_task_new(VnAgent *agent, const VnTaskClass *class_, const VnFrame *frame);
VnTask *vn_task_find(VnAgent *agent, uint64_t id);
void vn_task_ready(VnAgent *agent, VnTask *task);
/* stream 1 or 2; counts all, keeps up to the limit. n is at most VN_FRAME_CHUNK. */
void vn_task_output(VnAgent *agent, VnTask *task, int stream, const void *bytes, size_t n);
/* Sends the OUTCOME. error may be NULL. */
void vn_task_finish(VnAgent *agent, VnTask *task, VnOutcomeStatus status, const char *error);
/* It ran and ended well; or it did not: exit code 1 and "what: why". error 0: only `what`. */
void vn_task_succeed(VnAgent *agent, VnTask *task);
void vn_task_fail(VnAgent *agent, VnTask *task, const char *what, int error);
/* It could not be started. */
void vn_task_refuse(VnAgent *agent, VnTask *task, const char *what, int error);
void vn_task_cancel(VnAgent *agent, VnTask *task, VnOutcomeStatus why, int64_t grace);
void vn_task_free(VnTask *task);

void vn_field_text(VnAgent *agent, const char *name, const char *value);
void vn_field_int(VnAgent *agent, const char *name, int64_t value);
void vn_field_bool(VnAgent *agent, const char *name, int value);

/* --- requests --- */
void vn_process_request(VnAgent *agent, const VnFrame *frame); /* process.c */
void vn_process_ended(VnAgent *agent, const VnOsEnded *ended);
void vn_native_request(VnAgent *agent, const VnFrame *frame); /* native.c */
const char *vn_native_name(unsigned index);                   /* NULL: past the last */
int vn_native_offered(unsigned index);
void vn_transfer_put(VnAgent *agent, const VnFrame *frame);   /* transfer.c */
void vn_transfer_get(VnAgent *agent, const VnFrame *frame);
/* A name beside the path that nothing else has; NULL: no memory. */
char *vn_transfer_temporary(const char *path);
void vn_control_request(VnAgent *agent, const VnFrame *frame); /* control.c */
void vn_address_request(VnAgent *agent, const VnFrame *frame); /* address.c */

/* A copy with a NUL, or NULL where the field is missing or holds a NUL itself. */
char *vn_request_text(const VnFrame *frame, uint16_t tag);
/* All fields of a tag, each with a NUL, one after the other in one block; the pointers end with
 * NULL, `spare` more have room. NULL with *out_why: too many, or a NUL inside, or no memory. */
char **vn_request_texts(const VnFrame *frame, uint16_t tag, unsigned spare, unsigned *out_n,
                        const char **out_why);
