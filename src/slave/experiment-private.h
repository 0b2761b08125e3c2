/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files that make up an experiment: experiment.c (session, VMs, life) and
 * request.c, power.c, operation.c, traffic.c (what each message does).
 *
 * Two threads: the main one owns everything here but `states`, which belong to the worker.
 */
#pragma once

#include "slave/capture.h"
#include "slave/channel.h"
#include "slave/experiment.h"
#include "slave/forward.h"
#include "slave/packets.h"
#include "slave/worker.h"
#include "wire/session.h"

typedef struct VnRequest VnRequest;

typedef enum {
  VN_VM_OFF,
  VN_VM_WAITING, /* on; its agent has not said HELLO */
  VN_VM_SETTING, /* its agent is told its network (setup.h) */
  VN_VM_READY,
} VnVmState;

typedef struct {
  guint32 id;
  VnTechId tech;
  VnVmState state;
  gboolean external;  /* a router with an external interface */
  gboolean changing;  /* a request turns it off or replaces its channel: an end is no loss */
  VnRequest *waiting; /* the request that waits until it is READY */
  struct VnVmSpec *spec; /* NULL where setup.c has nothing to do */
  guint setting;         /* answers that are missing */
  guint obituary;        /* source: its channel ended, the driver may say why; 0: none */
  VnPackets *packets;    /* of a router whose packets come over the channel; else NULL */
} VnVm;

struct VnExperiment {
  const VnSlaveShared *shared;
  VnSession *session; /* NULL once it closed */
  VnWorker *worker;
  VnChannels *channels;
  VnCaptures *captures; /* NULL before the first */
  VnHub *hub;           /* NULL while no technology is open; the worker's but for counters */
  VnForward *forward;   /* NULL while no router has an external interface */
  char *name;           /* NULL: no experiment is open */
  GPtrArray *vms;       /* VnVm*, by number, with NULLs */
  GHashTable *segments; /* number to VnTechId */
  GHashTable *mtus;     /* number of a segment to its MTU, where it has one */
  gboolean ending;      /* the session closed, or the slave ends */
  gboolean releasing;   /* everything is being taken down */

  VnDriverState *states[VN_TECH_COUNT]; /* the worker's */
};

typedef struct {
  guint32 item;
  char *why;
} VnFailure;

/* A message that is being answered. run and done belong to its kind. */
struct VnRequest {
  VnExperiment *experiment;
  guint16 kind;
  guint64 id;
  GVariant *body;
  GArray *failures; /* of VnFailure */

  /* Of batches: sorted by technology. */
  guint n;
  VnDriverItem *items;
  VnTechId *techs;
  gboolean *external; /* routers with an external interface */
  VnDriverChannel *channels;
  guint missing; /* HELLOs that have not come */
  guint timeout; /* source */

  /* Of single kinds. */
  VnTechId tech;
  int fd;
  char *name, *filter;
  GPtrArray *facts;
  gboolean confined;
  GVariant *answer; /* sent instead of REPLY; floating */
};

/* ---- request.c ---- */
VnRequest *vn_request_new(VnExperiment *experiment, const VnFrame *frame, GVariant *body);
void vn_request_fail(VnRequest *request, guint32 item, const char *why);
void vn_request_fail_error(VnRequest *request, guint32 item, GError *error); /* takes it */
/* Batches: room for n items, whose ids and technologies the caller sets and then sorts. */
void vn_request_set_items(VnRequest *request, guint n);
/* Adds a VM that exists to the batch; else a failure. */
void vn_request_add_vm(VnRequest *request, guint32 vm);
void vn_request_sort(VnRequest *request);
/* Failures of the items become those of the request. */
void vn_request_collect(VnRequest *request);
/* Answers with REPLY, or with `answer`, and frees. */
void vn_request_finish(VnRequest *request);

/* ---- experiment.c ---- */
VnVm *vn_experiment_vm(const VnExperiment *experiment, guint32 id);
/* It went away, or can't be used: whoever waits for it is told, else the master. */
void vn_experiment_lose(VnExperiment *experiment, guint32 id, const char *why);
/* An end that nobody has explained yet stays so: something else is done with the VM now. */
void vn_experiment_settle(VnExperiment *experiment, VnVm *vm);
VnVm *vn_experiment_add_vm(VnExperiment *experiment, guint32 id, VnTechId tech);
const VnDriver *vn_experiment_driver(const VnExperiment *experiment, VnTechId tech);
/* In the worker: opens the technology when it is used first. */
VnDriverState *vn_experiment_state(VnExperiment *experiment, VnTechId tech, GError **error);

/* ---- operation.c, power.c, traffic.c: one for each message ---- */
void vn_do_inventory(VnRequest *request);
void vn_do_segments(VnRequest *request);
void vn_do_vms(VnRequest *request);
void vn_do_prove(VnRequest *request);
void vn_do_one(VnRequest *request); /* SNAPSHOT SUSPEND RESUME LINK IMPAIR */

void vn_do_power_on(VnRequest *request);
void vn_do_power_off(VnRequest *request);
void vn_do_revert(VnRequest *request);
void vn_power_ready(VnExperiment *experiment, VnVm *vm);
/* TRUE: somebody waited for the VM and is told. */
gboolean vn_power_lost(VnExperiment *experiment, VnVm *vm, const char *why);
void vn_power_cancel(VnExperiment *experiment);

void vn_do_capture(VnRequest *request);
void vn_do_external(VnRequest *request);
void vn_do_peer(VnRequest *request);
void vn_do_stats(VnRequest *request);
/* What went wrong in the hub, for the run's log; NULL: nothing. */
char *vn_traffic_hub_report(VnHub *hub);
/* The packets of its routers can be moved. */
gboolean vn_traffic_forward(VnExperiment *experiment, GError **error);
/* In the worker: the external interface of a router that was turned on. */
gboolean vn_traffic_open_external(VnExperiment *experiment, const VnDriver *driver,
                                  VnDriverState *state, guint32 router, GError **error);
/* Sends what was captured, while the session takes it; `all`: whatever it takes. */
void vn_traffic_fetch(VnExperiment *experiment, gboolean all);
