/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each technology can do, as plain tables: tech.def.
 *
 * The compiler checks scripts against it and the drivers keep its promises. Nothing here runs.
 */
#pragma once

#include <glib.h>

typedef enum {
#define VN_TECH(id, ...) VN_TECH_##id,
#include "tech/tech.def"
#undef VN_TECH
  VN_TECH_COUNT
} VnTechId;

/* What a technology bears; a script that asks for more gets a VN4xx. */
typedef enum {
  VN_CAN_ROOTLESS = 1 << 0,
  VN_CAN_SNAPSHOT = 1 << 1,        /* of files */
  VN_CAN_SNAPSHOT_MEMORY = 1 << 2, /* running processes come back */
  VN_CAN_SUSPEND = 1 << 3,
  VN_CAN_LINK = 1 << 4,      /* link_down, link_up while running */
  VN_CAN_IMPAIR = 1 << 5,    /* delay, loss, rate … on segments */
  VN_CAN_CAPTURE = 1 << 6,
  VN_CAN_FILES = 1 << 7,     /* push, pull, file */
  VN_CAN_KEEP_DISK = 1 << 8, /* power_off(keep) */
  VN_CAN_IPV6 = 1 << 9,
  VN_MAKES_VMS = 1 << 10,    /* hosts and routers are made on demand, not taken from an inventory */
  VN_IS_SIMULATED = 1 << 11,
  VN_CAN_MTU = 1 << 12,
  VN_CAN_MEMORY = 1 << 13,    /* hold a VM to its memory; likewise: */
  VN_CAN_CPUS = 1 << 14,
  VN_CAN_PROCESSES = 1 << 15,
} VnTechCan;

typedef enum {
  VN_TECH_KEY_TEXT,
  VN_TECH_KEY_FILE, /* a path, from the folder of the script's file that names it */
  VN_TECH_KEY_WORD, /* one of `words` */
  VN_TECH_KEY_INT,
  VN_TECH_KEY_BOOL,
  VN_TECH_KEY_SIZE,
  VN_TECH_KEY_DURATION,
  VN_TECH_KEY_PERCENT,
} VnTechKeyType;

typedef struct {
  const char *key; /* of an image */
  VnTechKeyType type;
  const char *words; /* "a b c"; NULL unless WORD */
  gboolean required;
  const char *help;
} VnTechKey;

typedef struct {
  const char *name;  /* "netns" */
  const char *title; /* "Linux namespaces" */
  const char *os;    /* of its guests unless the image says otherwise; NULL: none */
  guint can;         /* VnTechCan */
  guint max_router_ifaces; /* Topology Rule 2; 0: no limit of its own */
  guint max_segments;      /* Topology Rule 4, on one site */
  guint max_hosts_segment; /* interfaces on one segment; 0: none */
  gboolean available;      /* a driver is built in */
  const VnTechKey *keys;
  gsize n_keys;
} VnTech;

/* The paper's limits, for `rules paper;` and the technologies that it used. */
#define VN_PAPER_ROUTER_IFACES 3
#define VN_PAPER_SEGMENTS      7

const VnTech *vn_tech(VnTechId id);
/* VN_TECH_COUNT if no technology bears the name. */
VnTechId vn_tech_from_name(const char *name);
/* What (VnTechCan) the machines of an image give up that has this word for its key. */
guint vn_tech_forgone(VnTechId id, const char *key, const char *word);
/* "take snapshots": what one without it can't do. */
const char *vn_tech_can_text(VnTechCan can);
