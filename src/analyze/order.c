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
 * Searches differ in where they begin among the neighbours of a task; the first two of a side go
 * through them from either end, which decides every planar order (chains, trees, grids) outright.
 * */
#include "analyze/order.h"

#include "plan/cycle.h"
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

struct VnOrder {
  const VnGraph *graph;
  const VnModel *model;
  VnArena *arena;
  guint32 *rank, *by_rank;
  guint32 *row, *followers;
  guint32 *before_row, *before; /* what tasks have in `after`, close together */
  Marks *marks;      /* by task */
  guint32 *stamps, *back_stamps; /* by task: of the search that met it last, from each side */
  guint32 *stack, *back_stack;   /* of searches; as many as tasks */
  guint32 stamp;
  gboolean always_between; /* some `always` task has followers */
  Remembered *cache;     /* answers of searches; a new one may take the place of an old one */
  Remembered *known;     /* answers that stay: a hash table */
  gsize known_size, n_known;
  guint64 work;
};

/* ---- labels ---- */

typedef struct {
  VnOrder *order;
  gboolean back;
  guint which;      /* of its side */
  guint32 *next;    /* by task: neighbours that were taken */
  guint32 *stack;
  guint32 *post, *low, *tree; /* by task: the label; apart, so that they stay in the cache */
  guint32 n_posts;
} Search;

static const guint32 *
neighbours(const VnOrder *order, guint32 t, gboolean back, guint32 *out_n)
{
  if (back) {
    *out_n = order->before_row[t + 1] - order->before_row[t];
    return order->before + order->before_row[t];
  }
  *out_n = order->row[t + 1] - order->row[t];
  return order->followers + order->row[t];
}

/* A number that looks like chance and is the same each time. */
static guint32
scatter(guint32 t, guint32 salt)
{
  guint64 x = ((guint64)salt << 32 | t) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  x ^= x >> 29;
  x *= G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  return (guint32)(x >> 32);
}

/* The k-th neighbour that a search takes. */
static guint32
turn(const Search *search, guint32 t, const guint32 *of, guint32 n, guint32 k)
{
  switch (search->which) {
  case 0:
    return of[k];
  case 1:
    return of[n - 1 - k];
  default: {
    guint32 seed = scatter(t, search->which);
    guint32 at = (guint32)(((guint64)seed + k) % n);
    return of[(seed & 1) != 0 ? n - 1 - at : at];
  }
  }
}

static void
enter(Search *search, guint32 t)
{
  search->order->stamps[t] = search->order->stamp;
  search->tree[t] = search->n_posts;
}

static void
leave(Search *search, guint32 t)
{
  guint32 n = 0, low = search->n_posts;
  const guint32 *of = neighbours(search->order, t, search->back, &n);
  for (guint32 k = 0; k < n; k++)
    low = MIN(low, search->low[of[k]]);
  search->low[t] = low;
  search->post[t] = search->n_posts++;
}

/* tree holds the number of posts when the task was entered: the least of its own tree. */
static void
search_from(Search *search, guint32 root)
{
  VnOrder *order = search->order;
  guint32 depth = 0;
  search->stack[depth++] = root;
  enter(search, root);
  while (depth > 0) {
    guint32 t = search->stack[depth - 1], n = 0;
    const guint32 *of = neighbours(order, t, search->back, &n);
    if (search->next[t] == n) {
      leave(search, t);
      depth--;
      continue;
    }
    guint32 child = turn(search, t, of, n, search->next[t]++);
    if (order->stamps[child] == order->stamp)
      continue;
    enter(search, child);
    search->stack[depth++] = child;
  }
}

static gboolean
is_root(const VnOrder *order, guint32 t, gboolean back)
{
  const guint32 *row = back ? order->row : order->before_row;
  return row[t] == row[t + 1];
}

static void
make_label(VnOrder *order, guint slot)
{
  guint32 n = order->model->n_tasks;
  g_autofree guint32 *next = g_new0(guint32, (gsize)n + 1);
  g_autofree guint32 *post = g_new(guint32, (gsize)n + 1);
  g_autofree guint32 *low = g_new(guint32, (gsize)n + 1);
  g_autofree guint32 *tree = g_new(guint32, (gsize)n + 1);
  Search search = {.order = order,
                   .back = slot >= N_FORTH,
                   .which = slot < N_FORTH ? slot : slot - N_FORTH,
                   .next = next,
                   .stack = order->stack,
                   .post = post,
                   .low = low,
                   .tree = tree};
  order->stamp++;
  for (guint32 k = 0; k < n; k++) {
    guint32 t = search.which % 2 == 0 ? k : n - 1 - k;
    if (is_root(order, t, search.back) && order->stamps[t] != order->stamp)
      search_from(&search, t);
  }
  for (guint32 t = 0; t < n; t++)
    order->marks[t].labels[slot] = (Label){post[t], low[t], tree[t]};
}

/* ---- paths ---- */

static gboolean
is_at_home(const VnTask *a, const VnTask *b)
{
  return a->n_targets > 0 && a->n_targets == b->n_targets &&
         (a->targets == b->targets || (a->n_targets == 1 && a->targets[0] == b->targets[0]));
}

/* Gives each task the first one before it that leads on to no other yet. */
static void
link_tasks(const VnOrder *order, guint32 *next, guint8 *linked, gboolean at_home)
{
  for (guint32 r = 0; r < order->model->n_tasks; r++) {
    guint32 t = order->by_rank[r];
    const VnTask *task = &order->model->tasks[t];
    for (guint32 k = 0; k < task->n_after && !linked[t]; k++) {
      guint32 before = task->after[k];
      if (next[before] != VN_NO_ID ||
          (at_home && !is_at_home(task, &order->model->tasks[before])))
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
  g_autofree guint32 *next = g_new(guint32, (gsize)n + 1);
  g_autofree guint8 *linked = g_new0(guint8, (gsize)n + 1);
  for (guint32 t = 0; t < n; t++)
    next[t] = VN_NO_ID;
  link_tasks(order, next, linked, TRUE);
  link_tasks(order, next, linked, FALSE);
  for (guint32 head = 0; head < n; head++) {
    for (guint32 t = linked[head] ? VN_NO_ID : head; t != VN_NO_ID; t = next[t])
      order->marks[t].path = n_paths;
    n_paths += !linked[head];
  }
}

/* ---- making ---- */

static gboolean
find_always_between(const VnOrder *order)
{
  for (guint32 t = 0; t < order->model->n_tasks; t++)
    if (order->model->tasks[t].always && order->row[t] != order->row[t + 1])
      return TRUE;
  return FALSE;
}

static void
copy_before(VnOrder *order)
{
  guint32 n = order->model->n_tasks, at = 0;
  order->before_row = g_new(guint32, (gsize)n + 1);
  order->before = g_new(guint32, (gsize)order->row[n] + 1);
  for (guint32 t = 0; t < n; t++) {
    const VnTask *task = &order->model->tasks[t];
    order->before_row[t] = at;
    for (guint32 k = 0; k < task->n_after; k++)
      order->before[at++] = task->after[k];
  }
  order->before_row[n] = at;
}

VnOrder *
vn_order_new(const VnGraph *graph)
{
  VnOrder *order = g_new0(VnOrder, 1);
  const VnModel *model = graph->model;
  gsize n = model->n_tasks;
  order->graph = graph;
  order->model = model;
  order->arena = vn_arena_new();
  VnWaves waves = vn_plan_waves(model, order->arena);
  order->by_rank = waves.order;
  order->rank = vn_arena_array0(order->arena, guint32, n);
  for (guint32 k = 0; k < n; k++)
    order->rank[waves.order[k]] = k;
  order->row = g_new0(guint32, n + 1);
  order->followers = vn_plan_followers(model, order->row);
  copy_before(order);
  order->marks = g_aligned_alloc(n + 1, sizeof(Marks), CACHE_LINE);
  for (guint32 t = 0; t < n; t++)
    order->marks[t].depth = waves.wave[t];
  order->stamps = g_new0(guint32, n + 1);
  order->back_stamps = g_new0(guint32, n + 1);
  order->stack = g_new(guint32, n + 1);
  order->back_stack = g_new(guint32, n + 1);
  order->cache = g_new0(Remembered, CACHE_SIZE);
  order->always_between = find_always_between(order);
  make_paths(order);
  for (guint slot = 0; slot < N_LABELS; slot++)
    make_label(order, slot);
  return order;
}

void
vn_order_free(VnOrder *order)
{
  if (order == NULL)
    return;
  vn_arena_free(order->arena);
  g_free(order->row);
  g_free(order->followers);
  g_free(order->before_row);
  g_free(order->before);
  g_aligned_free(order->marks);
  g_free(order->stamps);
  g_free(order->back_stamps);
  g_free(order->stack);
  g_free(order->back_stack);
  g_free(order->cache);
  g_free(order->known);
  g_free(order);
}

/* ---- answers ---- */

typedef enum { NO, YES, PERHAPS } Judgement;

/* What the labels say of a coming before b, the two being different. */
static Judgement
judge(const VnOrder *order, guint32 a, guint32 b)
{
  if (order->marks[a].depth >= order->marks[b].depth)
    return NO;
  if (order->marks[a].path == order->marks[b].path)
    return YES;
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

/* A new stamp; 0 is none. */
static void
new_stamp(VnOrder *order)
{
  if (++order->stamp != 0)
    return;
  for (guint32 t = 0; t < order->model->n_tasks; t++)
    order->stamps[t] = order->back_stamps[t] = 0;
  order->stamp = 1;
}

/* Has a search from one side not met the task yet? It has now. */
static gboolean
is_new(VnOrder *order, guint32 *stamps, guint32 t)
{
  if (stamps[t] == order->stamp)
    return FALSE;
  stamps[t] = order->stamp;
  return TRUE;
}

/* Looks at the followers of t. TRUE: b is reached. */
static gboolean
step_forth(VnOrder *order, guint32 t, guint32 b, guint32 *depth)
{
  for (guint32 k = order->row[t]; k < order->row[t + 1]; k++) {
    guint32 child = order->followers[k];
    order->work++;
    if (child == b || order->back_stamps[child] == order->stamp)
      return TRUE;
    if (!is_new(order, order->stamps, child))
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
  for (guint32 k = order->before_row[t]; k < order->before_row[t + 1]; k++) {
    guint32 parent = order->before[k];
    order->work++;
    if (parent == a || order->stamps[parent] == order->stamp)
      return TRUE;
    if (!is_new(order, order->back_stamps, parent))
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
    for (guint32 k = order->row[t]; k < order->row[t + 1]; k++) {
      guint32 child = order->followers[k];
      order->work++;
      if (child == b)
        return TRUE;
      if (is_new(order, order->stamps, child) && !order->model->tasks[child].always &&
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
  Remembered *place = place_of(order->cache, CACHE_SIZE, question);
  if (place->question != question)
    *place = (Remembered){question, search_between(order, a, b)};
  return place->answer;
}

gboolean
vn_order_is_open(const VnOrder *order, VnOrderPair pair)
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
  return order->row;
}

const guint32 *
vn_order_followers(const VnOrder *order)
{
  return order->followers;
}

guint64 *
vn_order_work(VnOrder *order)
{
  return &order->work;
}
