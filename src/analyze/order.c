/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Order of tasks: ranks, labels, and a search that they prune. order.h says what is answered and
 * how.
 *
 * A label is made by one depth-first search that numbers tasks as it leaves them (`post`). `low` is
 * the least number that is reachable: what a task reaches has its interval [low, post] inside.
 * `tree` is the least number of the task's own tree: what has its `post` inside [tree, post] is
 * reached. Half of the searches go against the order, and say the same from the other side.
 * Besides, each task lies on a path: of orders that the script states, one after the other, where
 * it can be all on one VM, as that is what is asked about most.
 * The two searches of a side take the neighbours of a task from either end, which decides every
 * planar order (chains, trees, grids) outright.
 *
 * With 100,000 tasks time is spent waiting for memory more than on work: what is looked at together
 * lies together, and tasks of the model are gone over once. */
#include "analyze/order.h"

#include "plan/waves.h"

#define N_LABELS 4 /* of one task */
#define N_FORTH  2 /* the first of them follow the order, the others go against it */

#define CACHE_LINE 64
#define CACHE_SIZE (1u << 15) /* a power of two */

typedef struct {
  guint32 post, low, tree;
} Label;

/* What is looked at of a task for each question: a cache line. */
typedef struct {
  guint32 depth;
  guint32 path;
  guint32 spare[2];
  Label labels[N_LABELS];
} Marks;
G_STATIC_ASSERT(sizeof(Marks) == CACHE_LINE);

typedef struct {
  guint64 question; /* a << 32 | b, and one more, so that 0 is none */
  gboolean answer;
} Remembered;

/* The search that met a task last, from each side. */
typedef struct {
  guint32 forth, back;
} Stamps;

struct VnOrder {
  const VnGraph *graph;
  const VnModel *model;
  VnArena *arena;
  guint32 *rank, *by_rank;
  VnPlanLinks links;
  Marks *marks; /* by task */
  Stamps *stamps;              /* by task; this and what follows: NULL until a search is needed */
  guint32 *stack, *back_stack; /* of searches; as many as tasks */
  Remembered *cache; /* answers of searches; a new one may take the place of an old one */
  guint32 stamp;
  gboolean labelled;       /* marks have labels */
  gboolean always_between; /* some `always` task has followers */
  Remembered *known;     /* answers that stay: a hash table */
  gsize known_size, n_known;
  guint64 work;
};

/* ---- labels ---- */

/* A task that a search is in: of its neighbours those from `at` to `end` are left. */
typedef struct {
  guint32 t, at, end, low, tree;
} Frame;

typedef struct {
  const guint32 *row, *of; /* neighbours, in compressed rows */
  gboolean from_end;
  Frame *frames; /* as many as tasks */
  Label *labels; /* by task; post 0: not met. The order has no cycle: what is met has been left */
  guint32 next_post;
} Search;

static Frame
enter(const Search *search, guint32 t)
{
  return (Frame){t, search->row[t], search->row[t + 1], search->next_post, search->next_post};
}

static void
leave(Search *search, const Frame *frame)
{
  search->labels[frame->t] = (Label){search->next_post++, frame->low, frame->tree};
}

static void
search_from(Search *search, guint32 root)
{
  guint32 depth = 0;
  search->frames[depth++] = enter(search, root);
  while (depth > 0) {
    Frame *frame = &search->frames[depth - 1];
    if (frame->at == frame->end) {
      leave(search, frame);
      if (--depth > 0)
        frame[-1].low = MIN(frame[-1].low, frame->low);
      continue;
    }
    guint32 child = search->of[search->from_end ? --frame->end : frame->at++];
    if (search->labels[child].post == 0)
      search->frames[depth++] = enter(search, child);
    else
      frame->low = MIN(frame->low, search->labels[child].low);
  }
}

static void
search_all(const VnOrder *order, guint slot, Frame *frames, Label *labels)
{
  const VnPlanLinks *links = &order->links;
  gboolean back = slot >= N_FORTH;
  const guint32 *against = back ? links->row : links->before_row;
  Search search = {.row = back ? links->before_row : links->row,
                   .of = back ? links->before : links->followers,
                   .from_end = (slot - (back ? N_FORTH : 0)) % 2 != 0,
                   .frames = frames,
                   .labels = labels,
                   .next_post = 1};
  for (guint32 k = 0; k < links->n_tasks; k++) {
    guint32 t = search.from_end ? links->n_tasks - 1 - k : k;
    if (against[t] == against[t + 1])
      search_from(&search, t);
  }
}

/* Each search has labels of its own, so that they stay in the cache; then they come together. */
static void
make_labels(VnOrder *order)
{
  guint32 n = order->links.n_tasks;
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autofree Frame *frames = g_new(Frame, (gsize)n + 1);
  Label *labels[N_LABELS];
  for (guint slot = 0; slot < N_LABELS; slot++) {
    labels[slot] = vn_arena_array0(arena, Label, n);
    search_all(order, slot, frames, labels[slot]);
  }
  for (guint32 t = 0; t < n; t++)
    for (guint slot = 0; slot < N_LABELS; slot++)
      order->marks[t].labels[slot] = labels[slot][t];
  order->labelled = TRUE;
}

/* ---- paths ---- */

/* Where tasks run: tasks of the same machines have the same number. */
static guint32
home_of(const VnModel *model, const VnTask *task, GHashTable *sets)
{
  if (task->n_targets <= 1)
    return task->n_targets == 1 ? task->targets[0] : VN_NO_ID;
  gpointer known = g_hash_table_lookup(sets, task->targets);
  if (known == NULL) {
    known = GUINT_TO_POINTER(model->topology.n_vms + g_hash_table_size(sets) + 1);
    g_hash_table_insert(sets, (gpointer)task->targets, known);
  }
  return GPOINTER_TO_UINT(known);
}

/* What is read of all tasks, in one go. */
static void
read_tasks(VnOrder *order, guint32 *homes)
{
  const VnModel *model = order->model;
  g_autoptr(GHashTable) sets = g_hash_table_new(NULL, NULL);
  for (guint32 t = 0; t < model->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    homes[t] = home_of(model, task, sets);
    order->always_between |= task->always && order->links.row[t] != order->links.row[t + 1];
  }
}

/* Gives each task the first one before it that leads on to no other yet; homes NULL: any. */
static void
link_tasks(const VnOrder *order, guint32 *next, guint8 *linked, const guint32 *homes)
{
  const VnPlanLinks *links = &order->links;
  for (guint32 r = 0; r < links->n_tasks; r++) {
    guint32 t = order->by_rank[r];
    for (guint32 k = links->before_row[t]; k < links->before_row[t + 1] && !linked[t]; k++) {
      guint32 before = links->before[k];
      if (next[before] != VN_NO_ID ||
          (homes != NULL && (homes[t] == VN_NO_ID || homes[t] != homes[before])))
        continue;
      next[before] = t;
      linked[t] = TRUE;
    }
  }
}

static void
make_paths(VnOrder *order)
{
  guint32 n = order->model->n_tasks, n_paths = 0;
  g_autoptr(VnArena) arena = vn_arena_new();
  guint32 *homes = vn_arena_array0(arena, guint32, n), *next = vn_arena_array0(arena, guint32, n);
  guint8 *linked = vn_arena_array0(arena, guint8, n);
  read_tasks(order, homes);
  for (guint32 t = 0; t < n; t++)
    next[t] = VN_NO_ID;
  link_tasks(order, next, linked, homes);
  link_tasks(order, next, linked, NULL);
  for (guint32 head = 0; head < n; head++) {
    for (guint32 t = linked[head] ? VN_NO_ID : head; t != VN_NO_ID; t = next[t])
      order->marks[t].path = n_paths;
    n_paths += !linked[head];
  }
}

/* ---- making ---- */

VnOrder *
vn_order_new(const VnGraph *graph)
{
  VnOrder *order = g_new0(VnOrder, 1);
  const VnModel *model = graph->model;
  gsize n = model->n_tasks;
  order->graph = graph;
  order->model = model;
  order->arena = vn_arena_new();
  order->links = vn_plan_links(model, order->arena);
  VnWaves waves = vn_plan_waves_of(&order->links, order->arena);
  order->by_rank = waves.order;
  order->rank = vn_arena_array0(order->arena, guint32, n);
  for (guint32 k = 0; k < n; k++)
    order->rank[waves.order[k]] = k;
  char *marks = vn_arena_alloc(order->arena, (n + 1) * sizeof(Marks) + CACHE_LINE);
  order->marks = (Marks *)(gpointer)(marks + CACHE_LINE - (guintptr)marks % CACHE_LINE);
  for (guint32 t = 0; t < n; t++)
    order->marks[t].depth = waves.wave[t];
  make_paths(order);
  return order;
}

void
vn_order_free(VnOrder *order)
{
  if (order == NULL)
    return;
  vn_arena_free(order->arena);
  g_free(order->known);
  g_free(order);
}

/* ---- answers ---- */

typedef enum { NO, YES, PERHAPS } Judgement;

/* What is known without a search of a coming before b, the two being different. Labels are made
 * when they are asked for the first time: of a workflow whose machines each have a path of their
 * own they never are. */
static Judgement
judge(VnOrder *order, guint32 a, guint32 b)
{
  if (order->marks[a].depth >= order->marks[b].depth)
    return NO;
  if (order->marks[a].path == order->marks[b].path)
    return YES;
  if (!order->labelled)
    make_labels(order);
  const Label *of_a = order->marks[a].labels, *of_b = order->marks[b].labels;
  for (guint k = 0; k < N_LABELS; k++) {
    const Label *outer = k < N_FORTH ? &of_a[k] : &of_b[k];
    const Label *inner = k < N_FORTH ? &of_b[k] : &of_a[k];
    if (inner->post > outer->post || inner->low < outer->low)
      return NO;
    if (inner->post >= outer->tree)
      return YES;
  }
  return PERHAPS;
}

/* What searches need; most workflows need none. */
static void
prepare_search(VnOrder *order)
{
  gsize n = (gsize)order->links.n_tasks + 1;
  if (order->stamps != NULL)
    return;
  order->stamps = vn_arena_array0(order->arena, Stamps, n);
  order->stack = vn_arena_array0(order->arena, guint32, n);
  order->back_stack = vn_arena_array0(order->arena, guint32, n);
  order->cache = vn_arena_array0(order->arena, Remembered, CACHE_SIZE);
}

/* A new stamp; 0 is none. */
static void
new_stamp(VnOrder *order)
{
  prepare_search(order);
  if (++order->stamp != 0)
    return;
  for (guint32 t = 0; t < order->model->n_tasks; t++)
    order->stamps[t] = (Stamps){0};
  order->stamp = 1;
}

/* Has a search from one side not met the task yet? It has now. */
static gboolean
is_new(const VnOrder *order, guint32 *stamp)
{
  if (*stamp == order->stamp)
    return FALSE;
  *stamp = order->stamp;
  return TRUE;
}

/* Looks at the followers of t. TRUE: b is reached. */
static gboolean
step_forth(VnOrder *order, guint32 t, guint32 b, guint32 *depth)
{
  for (guint32 k = order->links.row[t]; k < order->links.row[t + 1]; k++) {
    guint32 child = order->links.followers[k];
    order->work++;
    if (child == b || order->stamps[child].back == order->stamp)
      return TRUE;
    if (!is_new(order, &order->stamps[child].forth))
      continue;
    Judgement judgement = judge(order, child, b);
    if (judgement == YES)
      return TRUE;
    if (judgement == PERHAPS)
      order->stack[(*depth)++] = child;
  }
  return FALSE;
}

/* Looks at what t comes after. TRUE: a is reached. */
static gboolean
step_back(VnOrder *order, guint32 t, guint32 a, guint32 *depth)
{
  for (guint32 k = order->links.before_row[t]; k < order->links.before_row[t + 1]; k++) {
    guint32 parent = order->links.before[k];
    order->work++;
    if (parent == a || order->stamps[parent].forth == order->stamp)
      return TRUE;
    if (!is_new(order, &order->stamps[parent].back))
      continue;
    Judgement judgement = judge(order, a, parent);
    if (judgement == YES)
      return TRUE;
    if (judgement == PERHAPS)
      order->back_stack[(*depth)++] = parent;
  }
  return FALSE;
}

/* From both ends, in turn, through what may lie between: the side with less to see decides. What
 * both have met lies on a way. */
static gboolean
search_between(VnOrder *order, guint32 a, guint32 b)
{
  guint32 depth = 0, back_depth = 0;
  new_stamp(order);
  order->stack[depth++] = a;
  order->back_stack[back_depth++] = b;
  while (depth > 0 && back_depth > 0)
    if (step_forth(order, order->stack[--depth], b, &depth) ||
        step_back(order, order->back_stack[--back_depth], a, &back_depth))
      return TRUE;
  return FALSE;
}

/* Depth first from a, not through `always` tasks. */
static gboolean
search_plain(VnOrder *order, guint32 a, guint32 b)
{
  guint32 depth = 0;
  new_stamp(order);
  order->stack[depth++] = a;
  while (depth > 0) {
    guint32 t = order->stack[--depth];
    for (guint32 k = order->links.row[t]; k < order->links.row[t + 1]; k++) {
      guint32 child = order->links.followers[k];
      order->work++;
      if (child == b)
        return TRUE;
      if (is_new(order, &order->stamps[child].forth) && !order->model->tasks[child].always &&
          judge(order, child, b) != NO)
        order->stack[depth++] = child;
    }
  }
  return FALSE;
}

static guint64
question_of(guint32 a, guint32 b)
{
  return ((guint64)a << 32 | b) + 1;
}

static Remembered *
place_of(Remembered *table, guint64 size, guint64 question)
{
  guint64 hash = question * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  return &table[(hash >> 24) & (size - 1)];
}

/* Open addressing; half of the table is free. */
static Remembered *
find_known(const VnOrder *order, guint64 question)
{
  Remembered *place = place_of(order->known, order->known_size, question);
  while (place->question != 0 && place->question != question)
    place = place + 1 < order->known + order->known_size ? place + 1 : order->known;
  return place;
}

static void
grow_known(VnOrder *order)
{
  Remembered *old = order->known;
  gsize size = order->known_size;
  order->known_size = MAX(1024, size * 2);
  order->known = g_new0(Remembered, order->known_size);
  for (gsize k = 0; k < size; k++)
    if (old[k].question != 0)
      *find_known(order, old[k].question) = old[k];
  g_free(old);
}

void
vn_order_remember(VnOrder *order, guint32 a, guint32 b, gboolean before)
{
  if (order->n_known * 2 >= order->known_size)
    grow_known(order);
  Remembered *place = find_known(order, question_of(a, b));
  order->n_known += place->question == 0;
  *place = (Remembered){question_of(a, b), before};
}

static gboolean
search_remembered(VnOrder *order, guint32 a, guint32 b)
{
  guint64 question = question_of(a, b);
  if (order->n_known > 0) {
    const Remembered *known = find_known(order, question);
    if (known->question == question)
      return known->answer;
  }
  prepare_search(order);
  Remembered *place = place_of(order->cache, CACHE_SIZE, question);
  if (place->question != question)
    *place = (Remembered){question, search_between(order, a, b)};
  return place->answer;
}

gboolean
vn_order_is_open(VnOrder *order, VnOrderPair pair)
{
  return pair.one != pair.other && (judge(order, pair.one, pair.other) == PERHAPS ||
                                    judge(order, pair.other, pair.one) == PERHAPS);
}

gboolean
vn_order_task_before(VnOrder *order, guint32 a, guint32 b)
{
  order->work++;
  if (a == b)
    return FALSE;
  switch (judge(order, a, b)) {
  case NO:
    return FALSE;
  case YES:
    return TRUE;
  case PERHAPS:
    return search_remembered(order, a, b);
  }
  g_assert_not_reached();
}

gboolean
vn_order_task_carries(VnOrder *order, guint32 a, guint32 b)
{
  if (!order->always_between)
    return vn_order_task_before(order, a, b);
  return vn_order_task_before(order, a, b) && search_plain(order, a, b);
}

gboolean
vn_order_before(VnOrder *order, guint32 a, guint32 b)
{
  return vn_order_task_before(order, order->graph->nodes[a].task, order->graph->nodes[b].task);
}

gboolean
vn_order_unordered(VnOrder *order, guint32 a, guint32 b)
{
  return a != b && !vn_order_before(order, a, b) && !vn_order_before(order, b, a);
}

guint32
vn_order_rank(const VnOrder *order, guint32 task)
{
  return order->rank[task];
}

const guint32 *
vn_order_tasks(const VnOrder *order)
{
  return order->by_rank;
}

const guint32 *
vn_order_row(const VnOrder *order)
{
  return order->links.row;
}

const guint32 *
vn_order_followers(const VnOrder *order)
{
  return order->links.followers;
}

guint64 *
vn_order_work(VnOrder *order)
{
  return &order->work;
}
