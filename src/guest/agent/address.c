/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NETWORK to a host: the addresses that it must have. Who sets them is the guest's affair (its
 * command line, a DHCP client, its image); here is only waited until they are there, so that no
 * task starts before. Images may have a program, ASK, that makes their DHCP client ask at once: it
 * is run when something is missing, because a client that was put back would wait for its next
 * turn. A router sets its own (router/network.c). */
#include "guest/agent/agent.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_FIRST (2 * VN_MS)
#define LOOK_MOST  (100 * VN_MS)
#define PATIENCE   (50 * VN_SECOND)
#define ASK        "/vnec/address"

typedef struct {
  VnTask task;
  char **lines; /* "IFACE PREFIX", as they came; in task.arguments */
  unsigned n;
  int64_t pause, deadline;
} Wait;

typedef struct {
  const char *wanted; /* an address */
  size_t size;
  int found;
} Search;

static void
compare(const char *iface, const char *address, void *data)
{
  Search *search = data;
  (void)iface;
  search->found |= strlen(address) == search->size &&
                   memcmp(address, search->wanted, search->size) == 0;
}

/* The interface's name is the engine's, so any may have it. */
static int
is_there(const char *line)
{
  const char *prefix = strchr(line, ' ');
  Search search = {.wanted = prefix == NULL ? line : prefix + 1};
  search.size = strcspn(search.wanted, "/");
  vn_os_addresses(compare, &search);
  return search.found;
}

/* NULL: nothing is missing. */
static const char *
missing(const Wait *wait)
{
  for (unsigned i = 0; i < wait->n; i++)
    if (!is_there(wait->lines[i]))
      return wait->lines[i];
  return NULL;
}

/* What it says interests nobody; an image need not have it. */
static void
ask(void)
{
  char *argv[] = {(char *)(uintptr_t)ASK, NULL, NULL};
  const VnOsCommand command = {.argv = argv, .envp = vn_os_environment()};
  VnOsProcess process;
  VnFd streams[2];
  const char *step;
  VnOsStat info;
  if (vn_os_file_stat(ASK, &info) != 0 || vn_os_spawn(&command, &process, streams, &step) != 0)
    return;
  vn_os_close(&streams[0]);
  vn_os_close(&streams[1]);
  vn_os_forget(&process);
}

static void
timer(VnAgent *agent, VnTask *task, int64_t now)
{
  Wait *wait = (Wait *)task;
  const char *line = missing(wait);
  if (line == NULL) {
    vn_task_succeed(agent, task);
  } else if (now >= wait->deadline) {
    char bytes[160];
    VnText why;
    vn_text_init(&why, bytes, sizeof bytes);
    vn_text_add(&why, "it did not get the address ");
    vn_text_add(&why, line);
    vn_task_fail(agent, task, bytes, 0);
  } else {
    wait->pause = wait->pause == 0 ? LOOK_FIRST : wait->pause * 2;
    if (wait->pause > LOOK_MOST)
      wait->pause = LOOK_MOST;
    task->wake = now + wait->pause;
  }
}

static const VnTaskClass wait_class = {.size = sizeof(Wait), .timer = timer};

/* One that waited when this guest was put back starts anew. */
static VnTask *
task_of(VnAgent *agent, const VnFrame *frame)
{
  VnTask *old = vn_task_find(agent, frame->id);
  if (old == NULL || old->class_ != &wait_class)
    return vn_task_new(agent, &wait_class, frame);
  free(old->arguments);
  old->arguments = NULL;
  old->started = vn_os_monotonic();
  ((Wait *)old)->pause = 0;
  return old;
}

void
vn_address_request(VnAgent *agent, const VnFrame *frame)
{
  VnTask *task = task_of(agent, frame);
  if (task == NULL)
    return;
  Wait *wait = (Wait *)task;
  const char *why;
  int64_t patience = vn_frame_int(frame, VN_TAG_TIMEOUT, PATIENCE);
  task->timeout = VN_NEVER; /* here it says more than that it passed */
  wait->deadline = task->started + (patience > 0 && patience < VN_NEVER / 2 ? patience : PATIENCE);
  wait->lines = vn_request_texts(frame, VN_TAG_ADDRESS, 0, &wait->n, &why);
  task->arguments = (char *)wait->lines;
  if (wait->lines == NULL)
    vn_task_refuse(agent, task, why, 0);
  else {
    if (missing(wait) != NULL)
      ask();
    timer(agent, task, task->started);
  }
}
