/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The execution graph of one trial: what is to be done, and what must have ended before.
 *
 * Flat arrays; a node is named by its place. One node is one action on one VM; a group task is
 * its members and a join, and where it comes after several tasks, a gate before the members, so
 * that edges stay in proportion to nodes. Deployment and teardown are nodes too, so plan,
 * progress, dry run and resume need no second mechanism. Edges go from what comes first to what
 * comes after, in compressed rows. Built by vn_graph_build in O(nodes + edges); never changed.
 *
 *   segment* ─► vm* ─► ready* ─► prove ─► begin ─► task nodes … ─► end ─► teardown
 */
#pragma once

#include "base/diag.h"
#include "model/model.h"

typedef enum {
  VN_NODE_SEGMENT,  /* set up segment `index` */
  VN_NODE_VM,       /* make VM `index` (defined, off) */
  VN_NODE_READY,    /* switch VM `index` on; its agent answers, its addresses are set */
  VN_NODE_PROVE,    /* the proof of confinement */
  VN_NODE_BEGIN,    /* the first task may start: time 0 of the trial */
  VN_NODE_GATE,     /* all that group task `task` comes after has ended */
  VN_NODE_TASK,     /* task `task` on VM `vm` (VN_NO_ID: a task of the engine) */
  VN_NODE_JOIN,     /* all members of group task `task` have ended */
  VN_NODE_END,      /* all tasks have ended */
  VN_NODE_TEARDOWN, /* everything is taken down */
} VnNodeKind;

typedef struct {
  guint8 kind;      /* VnNodeKind */
  guint32 index;    /* SEGMENT, VM, READY: which; TASK: place in the task's targets */
  guint32 task;     /* TASK, JOIN, GATE; VN_NO_ID */
  guint32 vm;       /* TASK, VM, READY; VN_NO_ID */
  guint32 n_before; /* nodes that must end first */
} VnNode;

typedef struct {
  const VnModel *model;
  VnNode *nodes;
  guint32 n_nodes;
  guint32 *row;      /* n_nodes + 1 entries: node k's followers are followers[row[k] … row[k+1]) */
  guint32 *followers;
  guint32 n_edges;
  guint32 *task_node;  /* by task: its only node, or its JOIN */
  guint32 *task_first; /* by task: its first TASK node; members follow each other */
  guint32 *ready_node; /* by VM: its READY node; VN_NO_ID: off when the trial begins */
  guint32 prove, begin, end, teardown;
} VnGraph;

/* More than a machine can run; a script that asks for more gets VN117. */
#define VN_GRAPH_MAX_NODES (1u << 26)

/* The model must be complete (topology) and its order without cycles; a cycle is reported as
 * VN301 and NULL returned. */
VnGraph *vn_graph_build(const VnModel *model, VnArena *arena, VnDiagSink *sink);

const char *vn_node_kind_text(VnNodeKind kind);
/* "hello: alice", "segment lan" */
void vn_node_label(const VnGraph *graph, guint32 node, GString *out);
