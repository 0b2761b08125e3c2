/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames that are lost, doubled, delayed, held back by a rate.
 *
 * A frame meets a line when it is sent: its port's, if that was set, else its segment's; and the
 * RECEIVED lines of ports that have one, which stand in place of the segment's line. What a line
 * holds leaves in order, but for what `reorder` picked: that goes without the delay and so
 * overtakes; on a line without delay it waits a moment and is overtaken.
 *
 * Every frame takes the same number of draws, each a function of the seed, the frame's number and
 * what is drawn, so the fate of a frame does not depend on settings or on the others' traffic.
 */
#include "hub/hub-private.h"

#include <math.h>
#include <string.h>

#define GOLDEN    G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)
#define SECOND_NS G_GINT64_CONSTANT(1000000000)

typedef enum { DRAW_LOSS, DRAW_DUPLICATE, DRAW_REORDER, DRAW_JITTER, DRAWS } Draw;

struct Held {
  Held *next;
  gint64 at, entered;
  guint64 source;
  guint32 n;
  Header header;
  guint8 room[]; /* the length, the frame */
};

/* splitmix64 (Steele, Lea, Flood 2014) */
static guint64
mix(guint64 x)
{
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* From 0 to 100, without that. */
static double
draw(guint64 seed, guint64 frame, Draw what)
{
  guint64 x = mix(seed + (frame * DRAWS + (guint)what + 1) * GOLDEN);
  return (double)(x >> 11) * 0x1p-53 * 100;
}

gboolean
vn_hub_impairment_check(const VnHubImpairment *how, GError **error)
{
  const struct {
    const char *what;
    double value, most;
  } bounds[] = {
      {"delay", (double)how->delay_ns, (double)DELAY_MAX_NS},
      {"jitter", (double)how->jitter_ns, (double)DELAY_MAX_NS},
      {"loss", how->loss, 100},
      {"duplicate", how->duplicate, 100},
      {"reorder", how->reorder, 100},
      {"rate", (double)how->rate, 1e15},
      {"queue", (double)how->queue, (double)VN_HUB_HELD_MAX},
  };
  for (guint i = 0; i < G_N_ELEMENTS(bounds); i++)
    if (!(bounds[i].value >= 0 && bounds[i].value <= bounds[i].most)) {
      g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s %g is out of range: 0 to %g",
                  bounds[i].what, bounds[i].value, bounds[i].most);
      return FALSE;
    }
  return TRUE;
}

static gboolean
is_none(const VnHubImpairment *how)
{
  return how->delay_ns == 0 && how->jitter_ns == 0 && how->loss <= 0 && how->duplicate <= 0 &&
         how->reorder <= 0 && how->rate == 0;
}

static gboolean
is_idle(const Line *line)
{
  return is_none(&line->how) && line->row.first == NULL && line->overtake.first == NULL;
}

gboolean
vn_hub_segment_is_clear(const Segment *segment)
{
  return segment->n_set == 0 && is_idle(&segment->line);
}

/* ---- the heap of lines by their next frame ---- */

static gint64
next_of(const Line *line)
{
  const Held *a = line->row.first, *b = line->overtake.first;
  if (a == NULL || b == NULL)
    return a != NULL ? a->at : b != NULL ? b->at : 0;
  return MIN(a->at, b->at);
}

static Line *
heap_at(const VnHub *hub, guint place)
{
  return hub->heap->pdata[place - 1];
}

static void
heap_put(VnHub *hub, guint place, Line *line)
{
  hub->heap->pdata[place - 1] = line;
  line->place = place;
}

static void
heap_up(VnHub *hub, Line *line)
{
  guint place = line->place;
  for (; place > 1 && next_of(heap_at(hub, place / 2)) > next_of(line); place /= 2)
    heap_put(hub, place, heap_at(hub, place / 2));
  heap_put(hub, place, line);
}

static void
heap_down(VnHub *hub, Line *line)
{
  guint place = line->place;
  for (guint child = 2 * place; child <= hub->heap->len; child = 2 * place) {
    if (child < hub->heap->len && next_of(heap_at(hub, child + 1)) < next_of(heap_at(hub, child)))
      child++;
    if (next_of(heap_at(hub, child)) >= next_of(line))
      break;
    heap_put(hub, place, heap_at(hub, child));
    place = child;
  }
  heap_put(hub, place, line);
}

static void
heap_remove(VnHub *hub, Line *line)
{
  if (line->place == 0)
    return;
  guint place = line->place;
  Line *last = heap_at(hub, hub->heap->len);
  g_ptr_array_set_size(hub->heap, (gint)hub->heap->len - 1);
  line->place = 0;
  if (last == line)
    return;
  heap_put(hub, place, last);
  heap_up(hub, last);
  heap_down(hub, last);
}

/* Its next frame is another one now. */
static void
heap_update(VnHub *hub, Line *line)
{
  if (next_of(line) == 0) {
    heap_remove(hub, line);
    return;
  }
  if (line->place == 0) {
    g_ptr_array_add(hub->heap, line);
    line->place = hub->heap->len;
  }
  heap_up(hub, line);
  heap_down(hub, line);
}

/* ---- lines ---- */

void
vn_hub_line_init(Line *line, Segment *segment, Port *of, guint direction)
{
  line->segment = segment;
  line->of = of;
  line->direction = direction;
}

void
vn_hub_line_set(VnHub *hub, Line *line, gboolean set, const VnHubImpairment *how)
{
  if (line->of != NULL && set != line->set)
    line->segment->n_set += set ? 1u : -1u;
  line->set = set;
  line->how = how != NULL ? *how : (VnHubImpairment){0};
}

static void
row_clear(VnHub *hub, Row *row)
{
  while (row->first != NULL) {
    Held *held = row->first;
    row->first = held->next;
    hub->held -= held->n;
    g_free(held);
  }
  row->last = NULL;
}

void
vn_hub_line_clear(VnHub *hub, Line *line)
{
  heap_remove(hub, line);
  row_clear(hub, &line->row);
  row_clear(hub, &line->overtake);
  vn_hub_line_set(hub, line, FALSE, NULL);
}

/* FALSE: too much waits. */
static gboolean
hold(VnHub *hub, Line *line, Row *row, const Frame *frame, gint64 at)
{
  if (hub->held + frame->n > VN_HUB_HELD_MAX)
    return FALSE;
  Held *held = g_malloc(sizeof *held + LENGTH_SIZE + frame->n);
  *held = (Held){.at = at,
                 .entered = frame->entered,
                 .source = frame->source,
                 .n = frame->n,
                 .header = frame->header};
  memcpy(held->room, frame->bytes - LENGTH_SIZE, LENGTH_SIZE + frame->n);
  if (row->last != NULL)
    row->last->next = held;
  else
    row->first = held;
  row->last = held;
  row->last_ns = at;
  hub->held += held->n;
  if (row->first == held)
    heap_update(hub, line);
  return TRUE;
}

/* ---- one frame's fate ---- */

static gint64
queue_of(const VnHubImpairment *how)
{
  gint64 usual = how->rate / 8 * VN_HUB_QUEUE_MS / 1000;
  return how->queue != 0 ? how->queue : CLAMP(usual, VN_HUB_QUEUE_MIN, VN_HUB_HELD_MAX);
}

/* When the rate has sent it; -1: too much waits before it. */
static gint64
pass_rate(Line *line, gint64 now, guint32 n)
{
  const VnHubImpairment *how = &line->how;
  if (how->rate == 0)
    return now;
  gint64 begins = MAX(line->free_ns, now);
  double waiting = (double)(begins - now) * (double)how->rate / 8e9;
  if (waiting + n > (double)queue_of(how) && begins > now)
    return -1;
  line->free_ns = begins + (gint64)((double)n * 8e9 / (double)how->rate);
  return line->free_ns;
}

typedef struct {
  VnHub *hub;
  Line *line;
  Port *port; /* whose draws and counters */
  Frame *now; /* those that go on at once */
  guint n_now;
} Passage;

static void arrive(VnHub *hub, Line *line, Frame *frames, guint n);

static void
pass_on(Passage *passage, Row *row, const Frame *frame, gint64 at)
{
  gint64 leaves = MAX(at, row->last_ns);
  if (leaves <= frame->entered && row->first == NULL) {
    passage->now[passage->n_now++] = *frame;
    row->last_ns = leaves;
  } else if (!hold(passage->hub, passage->line, row, frame, leaves)) {
    passage->port->counters.queue_full++;
  }
}

static void
pass_frame(Passage *passage, const Frame *frame)
{
  Line *line = passage->line;
  const VnHubImpairment *how = &line->how;
  VnHubCounters *counters = &passage->port->counters;
  guint64 seed = passage->port->seed[line->direction];
  guint64 index = passage->port->drawn[line->direction]++;
  if (draw(seed, index, DRAW_LOSS) < how->loss) {
    counters->lost++;
    return;
  }
  gboolean twice = draw(seed, index, DRAW_DUPLICATE) < how->duplicate;
  gboolean overtakes = draw(seed, index, DRAW_REORDER) < how->reorder;
  double vary = draw(seed, index, DRAW_JITTER) / 50 - 1;
  gint64 delay = MAX(how->delay_ns + (gint64)(vary * (double)how->jitter_ns), 0);
  if (overtakes)
    delay = how->delay_ns > 0 ? 0 : VN_HUB_REORDER_NS;
  counters->duplicated += twice;
  counters->reordered += overtakes;
  for (guint copy = 0; copy < 1u + twice; copy++) {
    gint64 sent = pass_rate(line, frame->entered, frame->n);
    if (sent < 0)
      counters->queue_full++;
    else
      pass_on(passage, overtakes ? &line->overtake : &line->row, frame, sent + delay);
  }
}

/* `port`: whose numbers decide. */
static void
pass(VnHub *hub, Line *line, Port *port, Frame *frames, guint n)
{
  if (is_idle(line)) {
    arrive(hub, line, frames, n);
    return;
  }
  Frame now[2 * BATCH_MAX]; /* all of them twice */
  Passage passage = {.hub = hub, .line = line, .port = port, .now = now};
  for (guint i = 0; i < n; i++)
    pass_frame(&passage, &frames[i]);
  for (guint from = 0; from < passage.n_now; from += BATCH_MAX)
    arrive(hub, line, now + from, MIN(passage.n_now - from, BATCH_MAX));
}

/* ---- where frames go after a line ---- */

/* A port that got a line of its own has had the frame already, unless that was on its way. */
static void
arrive_one_by_one(VnHub *hub, Port *port, Frame *frames, guint n)
{
  for (guint i = 0; i < n; i++)
    if (frames[i].entered < port->since_ns)
      vn_hub_port_write(hub, port, &frames[i], 1);
}

static void
arrive(VnHub *hub, Line *line, Frame *frames, guint n)
{
  if (line->of != NULL && line->direction == RECEIVED) {
    vn_hub_port_write(hub, line->of, frames, n);
    return;
  }
  gint64 now = 0;
  for (guint i = 0; i < line->segment->ports->len; i++) {
    Port *port = line->segment->ports->pdata[i];
    if (!port->lines[RECEIVED].set) {
      vn_hub_port_write(hub, port, frames, n);
    } else if (line->of == NULL) {
      arrive_one_by_one(hub, port, frames, n);
    } else if (port != line->of) {
      now = now != 0 ? now : vn_hub_now();
      Frame again[BATCH_MAX];
      memcpy(again, frames, n * sizeof *frames);
      for (guint k = 0; k < n; k++)
        again[k].entered = now; /* its time here begins now */
      pass(hub, &port->lines[RECEIVED], port, again, n);
    }
  }
}

void
vn_hub_enter(VnHub *hub, Port *port, Frame *frames, guint n)
{
  Segment *segment = port->segment;
  gint64 now = vn_hub_now();
  for (guint i = 0; i < n; i++)
    frames[i].entered = now;
  if (port->lines[SENT].set) {
    pass(hub, &port->lines[SENT], port, frames, n);
    return;
  }
  for (guint i = 0; segment->n_set > 0 && i < segment->ports->len; i++) {
    Port *other = segment->ports->pdata[i];
    if (other != port && other->lines[RECEIVED].set)
      pass(hub, &other->lines[RECEIVED], other, frames, n);
  }
  pass(hub, &segment->line, port, frames, n);
}

/* ---- by the clock ---- */

static Held *
take_due(VnHub *hub, Line *line, gint64 now)
{
  Row *row = &line->row;
  if (row->first == NULL ||
      (line->overtake.first != NULL && line->overtake.first->at < row->first->at))
    row = &line->overtake;
  Held *held = row->first;
  if (held == NULL || held->at > now)
    return NULL;
  row->first = held->next;
  if (row->first == NULL)
    row->last = NULL;
  hub->held -= held->n;
  return held;
}

static void
note_timing(VnHubTiming *timing, gint64 late)
{
  timing->timed++;
  timing->late += late > VN_HUB_LATE_NS;
  timing->worst_ns = MAX(timing->worst_ns, late);
}

static void
release_line(VnHub *hub, Line *line, gint64 now)
{
  Frame frames[BATCH_MAX];
  Held *held[BATCH_MAX];
  guint n = 0;
  while (n < BATCH_MAX && (held[n] = take_due(hub, line, now)) != NULL) {
    frames[n] = (Frame){.bytes = held[n]->room + LENGTH_SIZE,
                        .entered = held[n]->entered,
                        .source = held[n]->source,
                        .n = held[n]->n,
                        .header = held[n]->header};
    note_timing(&hub->timing, now - held[n]->at);
    n++;
  }
  heap_update(hub, line);
  arrive(hub, line, frames, n);
  for (guint i = 0; i < n; i++)
    g_free(held[i]);
}

gint64
vn_hub_release(VnHub *hub)
{
  if (hub->heap->len == 0)
    return 0;
  gint64 now = vn_hub_now();
  while (hub->heap->len > 0 && next_of(heap_at(hub, 1)) <= now) {
    release_line(hub, heap_at(hub, 1), now);
    now = vn_hub_now();
  }
  return hub->heap->len > 0 ? next_of(heap_at(hub, 1)) : 0;
}
