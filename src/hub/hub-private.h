/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of the hub: hub.c (life, what callers ask), loop.c (the thread), port.c
 * (descriptors), impair.c (frames that are held back), offload.c (large and unsummed frames).
 *
 * All of it runs with the hub's lock held.
 */
#pragma once

#include "hub/hub.h"

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>

#define ETHERNET_HEAD 14u  /* bytes; shorter frames are none */
#define LENGTH_SIZE   4u   /* of a stream's frame */
#define VLAN_SIZE      4u   /* of a tag, which packet sockets give apart from the frame */
#define BATCH_MAX     512u /* frames that go through together */
#define SLOTS         64u  /* frames of one recvmmsg */
#define SLOT_SIZE     69760u
#define READ_SIZE     (256u << 10) /* bytes of one read of a stream */
#define DELAY_MAX_NS  (3600 * G_GINT64_CONSTANT(1000000000))
#define DIAL_MIN_MS   1
#define DIAL_MAX_MS   500

G_STATIC_ASSERT(SLOT_SIZE >= VLAN_SIZE + LENGTH_SIZE + VN_HUB_FRAME_MAX);

typedef struct virtio_net_hdr Header;
typedef struct Port Port;
typedef struct Segment Segment;
typedef struct Held Held;

/* Its length stands in four bytes before it, so that it may go to a stream as it lies. */
typedef struct {
  guint8 *bytes;
  gint64 entered; /* ns, the hub's clock */
  guint64 source; /* the port that sent it */
  guint32 n;
  Header header; /* all 0: small and summed */
} Frame;

/* Frames that wait, earliest first. */
typedef struct {
  Held *first, *last;
  gint64 last_ns; /* none that comes later leaves before */
} Row;

/* A place where frames are impaired. */
typedef struct {
  Segment *segment;
  Port *of; /* NULL: the segment's own */
  guint direction;
  gboolean set; /* of a port: stands in place of the segment's */
  VnHubImpairment how;
  gint64 free_ns;    /* when the rate has sent all that it took */
  Row row, overtake; /* overtake: reordered frames */
  guint place;       /* in the hub's heap, from 1; 0: nothing waits */
} Line;

enum { SENT, RECEIVED, DIRECTIONS };

struct Segment {
  VnHub *hub;
  guint32 id;
  char *name;
  guint64 seed;
  Line line;
  GPtrArray *ports; /* borrowed */
  guint n_set;      /* lines of its ports that are set */
  guint n_plain;    /* ports that take small and summed frames only */
  VnFilter *filter;
  VnHubSeen seen; /* NULL: no capture */
  gpointer data;
};

struct Port {
  guint64 id;
  Segment *segment;
  VnHubKind kind;
  int fd;     /* -1: not there */
  char *path; /* to be dialled; NULL: none */
  gint64 dial_ns;
  guint dial_ms; /* how long the next failure waits */
  gboolean down, dead, watches_out;
  Line lines[DIRECTIONS];
  gint64 since_ns; /* when the RECEIVED line was set */
  guint64 seed[DIRECTIONS], drawn[DIRECTIONS];
  guint8 *partial; /* of a stream: the beginning of a frame */
  guint32 n_partial;
  guint8 *lag; /* what it did not take: frames behind their lengths */
  gsize lag_from, lag_to;
  VnHubCounters counters;
};

/* Waking a little before a frame is due and looking at the clock until then; loop.c. */
typedef struct {
  gint64 lead_ns;   /* so much before */
  gint64 late_ns;   /* how late the timer woke the thread, of late */
  gint64 credit_ns; /* time that may still be spent so */
  gint64 earned_ns; /* when credit was last added */
  gint64 since_ns;  /* of the look in hand; 0: none */
} Early;

struct VnHub {
  GMutex lock;
  gint waiters; /* atomic: callers that want the lock */
  GThread *thread;
  int epoll, wake, timer;
  gboolean stop;
  GHashTable *segments; /* id → Segment */
  GHashTable *ports;    /* &id → Port */
  GPtrArray *dead;      /* Ports that an event may still point to */
  gint64 armed_ns;      /* what the timer is set to; 0: off */
  gint64 dial_ns;       /* earliest of all ports; 0: none */
  GPtrArray *heap;      /* Lines with frames that wait, earliest first */
  gsize held;           /* bytes that wait in lines */
  VnHubTiming timing;
  gboolean asked_realtime;
  Early early;
  guint8 *buffer; /* of streams: READ_SIZE and a partial frame before it */
  guint8 *slots;  /* of all others */
  guint8 *split;  /* frames that were cut out of large ones */
  Frame frames[BATCH_MAX];
  Frame split_frames[BATCH_MAX];
  Header headers[SLOTS];
  struct iovec parts[2 * SLOTS];
  struct mmsghdr messages[SLOTS]; /* set up for one of both ways to read: */
  gboolean slots_set, slots_with_header;
  union {
    struct cmsghdr first;
    guint8 room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
  } controls[SLOTS]; /* what a packet socket says beside a frame */
};

/* ---- loop.c ---- */
void vn_hub_lock(VnHub *hub);
void vn_hub_unlock(VnHub *hub);
gpointer vn_hub_work(gpointer hub);
gint64 vn_hub_now(void);
void vn_hub_wake(VnHub *hub);
/* Frames that a port gave: counted, captured, and on their way. */
void vn_hub_take(VnHub *hub, Port *port, Frame *frames, guint n);

/* ---- port.c ---- */
gboolean vn_hub_port_open(VnHub *hub, Port *port, const VnHubPort *how, GError **error);
void vn_hub_port_close(VnHub *hub, Port *port);
void vn_hub_port_dial(VnHub *hub, Port *port, gint64 now);
void vn_hub_port_event(VnHub *hub, Port *port, guint32 events);
/* All of the frames but its own. Those that it can't take now wait, or are dropped. */
void vn_hub_port_write(VnHub *hub, Port *port, Frame *frames, guint n);
/* Asks the kernel for the frames that it had no room for. */
void vn_hub_port_count_missed(Port *port);
void vn_hub_port_free(gpointer port);
gboolean vn_hub_port_is_plain(VnHubKind kind);
/* What a stream gave, from the beginning of a frame on; what is no whole frame yet is kept. FALSE:
 * it is no stream of frames. */
gboolean vn_hub_port_stream(VnHub *hub, Port *port, guint8 *bytes, gsize size);

/* ---- impair.c ---- */
gboolean vn_hub_impairment_check(const VnHubImpairment *how, GError **error);
void vn_hub_line_init(Line *line, Segment *segment, Port *of, guint direction);
void vn_hub_line_set(VnHub *hub, Line *line, gboolean set, const VnHubImpairment *how);
void vn_hub_line_clear(VnHub *hub, Line *line);
/* Nothing on the segment needs a look at each frame. */
gboolean vn_hub_segment_is_clear(const Segment *segment);
/* Small frames of one port, on an impaired segment. */
void vn_hub_enter(VnHub *hub, Port *port, Frame *frames, guint n);
/* Lets go what is due. The time of the next; 0: none. */
gint64 vn_hub_release(VnHub *hub);

/* ---- offload.c ---- */
typedef void (*OnFrames)(VnHub *hub, Port *port, Frame *frames, guint n);
/* Calls `then` with batches in which no frame is large. */
void vn_hub_split(VnHub *hub, Port *port, Frame *frames, guint n, OnFrames then);
/* Puts the sum that is missing in its place. FALSE: the header lies. */
gboolean vn_hub_sum(Frame *frame);
