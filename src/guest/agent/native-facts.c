/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Built-in operations about the guest itself: facts, and letting time pass. */
#include "guest/agent/native.h"

static void
sleep_over(VnAgent *agent, VnTask *task, int64_t now)
{
  (void)now;
  vn_task_succeed(agent, task);
}

const VnTaskClass vn_native_sleep_class = {.size = sizeof(VnTask), .timer = sleep_over};

void
vn_native_sleep(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  int64_t duration;
  (void)n_args;
  if (vn_native_int(agent, task, args[0], 0, INT64_MAX / 4, &duration) < 0)
    return;
  if (duration == 0)
    vn_task_succeed(agent, task);
  else
    task->wake = task->started + duration;
}

static void
add_address(const char *iface, const char *address, void *data)
{
  VnText *text = data;
  (void)iface;
  if (text->used > 0)
    vn_text_add(text, ",");
  vn_text_add(text, address);
}

static void
report_facts(VnAgent *agent, VnTask *task)
{
  (void)task;
  VnOsNames names;
  char bytes[4096];
  VnText addresses;
  vn_os_names(&names);
  vn_text_init(&addresses, bytes, sizeof bytes);
  vn_os_addresses(add_address, &addresses);
  vn_field_text(agent, "os", names.os);
  vn_field_text(agent, "release", names.release);
  vn_field_text(agent, "machine", names.machine);
  vn_field_text(agent, "hostname", names.hostname);
  vn_field_text(agent, "addresses", bytes);
  vn_field_int(agent, "memory", vn_os_memory());
  vn_field_int(agent, "uptime", vn_os_uptime());
  vn_field_int(agent, "cpus", vn_os_cpus());
}

const VnTaskClass vn_native_facts_class = {.size = sizeof(VnTask), .report = report_facts};

void
vn_native_facts(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  (void)args;
  (void)n_args;
  vn_task_succeed(agent, task);
}
