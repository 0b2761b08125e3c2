/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sink: keeps diagnostics in order of arrival, sorts them when asked, drops repeats. */
#include "base/diag.h"

#include <string.h>

struct VnDiagSink {
  GPtrArray *diags;   /* of VnDiag */
  GHashTable *seen;   /* text of code, place and message */
  VnDiag *scratch;    /* what dropped ones are written to */
  gboolean disabled[VN_DIAG_COUNT];
  gboolean werror;
  guint counts[VN_SEVERITY_ERROR + 1];
};

static const VnDiagInfo infos[VN_DIAG_COUNT] = {
#define VN_DIAG(code_, severity_, name_, title_)                                                   \
  [VN_DIAG_##code_] = {                                                                            \
      .code = #code_, .severity = VN_SEVERITY_##severity_, .name = name_, .title = title_},
#include "base/diag.def"
#undef VN_DIAG
};

/* What only -WNAME shows. */
static const VnDiagCode off_by_default[] = {VN_DIAG_VN316};

const VnDiagInfo *
vn_diag_info(VnDiagCode code)
{
  g_assert(code < VN_DIAG_COUNT);
  return &infos[code];
}

gboolean
vn_diag_code_from_text(const char *text, VnDiagCode *out_code)
{
  for (guint i = 0; i < VN_DIAG_COUNT; i++)
    if (g_ascii_strcasecmp(infos[i].code, text) == 0 || strcmp(infos[i].name, text) == 0) {
      *out_code = (VnDiagCode)i;
      return TRUE;
    }
  return FALSE;
}

static void
place_clear(gpointer data)
{
  VnDiagPlace *place = data;
  g_free(place->message);
}

static void
diag_free(gpointer data)
{
  VnDiag *diag = data;
  if (diag == NULL)
    return;
  g_free(diag->message);
  g_free(diag->hint);
  g_clear_pointer(&diag->places, g_array_unref);
  g_free(diag);
}

gboolean
vn_diag_is_on(VnDiagCode code)
{
  for (guint i = 0; i < G_N_ELEMENTS(off_by_default); i++)
    if (off_by_default[i] == code)
      return FALSE;
  return TRUE;
}

VnDiagSink *
vn_diag_sink_new(void)
{
  VnDiagSink *sink = g_new0(VnDiagSink, 1);
  sink->diags = g_ptr_array_new_with_free_func(diag_free);
  sink->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint code = 0; code < VN_DIAG_COUNT; code++)
    sink->disabled[code] = !vn_diag_is_on((VnDiagCode)code);
  return sink;
}

void
vn_diag_sink_free(VnDiagSink *sink)
{
  if (sink == NULL)
    return;
  g_ptr_array_unref(sink->diags);
  g_hash_table_unref(sink->seen);
  diag_free(sink->scratch);
  g_free(sink);
}

static VnDiag *
drop(VnDiagSink *sink, VnDiag *diag)
{
  diag_free(sink->scratch);
  sink->scratch = diag;
  return diag;
}

/* Takes the message. */
static VnDiag *
add(VnDiagSink *sink, VnDiagCode code, VnSeverity severity, VnSpan span, char *message)
{
  VnDiag *diag = g_new0(VnDiag, 1);
  diag->message = message;
  diag->code = code;
  diag->span = span;
  diag->severity = severity;
  if (sink->werror && diag->severity == VN_SEVERITY_WARNING)
    diag->severity = VN_SEVERITY_ERROR;
  g_autofree char *key = g_strdup_printf("%d %u %u %s", code, span.start, span.end, diag->message);
  if (sink->disabled[code] || g_hash_table_contains(sink->seen, key))
    return drop(sink, diag);
  sink->counts[diag->severity]++;
  if (sink->diags->len >= VN_DIAG_MAX_KEPT)
    return drop(sink, diag);
  g_hash_table_add(sink->seen, g_steal_pointer(&key));
  g_ptr_array_add(sink->diags, diag);
  return diag;
}

VnDiag *
vn_diag_add(VnDiagSink *sink, VnDiagCode code, VnSpan span, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  char *message = g_strdup_vprintf(format, args);
  va_end(args);
  return add(sink, code, infos[code].severity, span, message);
}

VnDiag *
vn_diag_add_as(VnDiagSink *sink, VnDiagCode code, VnSeverity severity, VnSpan span,
               const char *format, ...)
{
  va_list args;
  va_start(args, format);
  char *message = g_strdup_vprintf(format, args);
  va_end(args);
  return add(sink, code, severity, span, message);
}

void
vn_diag_place(VnDiag *diag, VnSpan span, const char *format, ...)
{
  if (diag->places == NULL) {
    diag->places = g_array_new(FALSE, FALSE, sizeof(VnDiagPlace));
    g_array_set_clear_func(diag->places, place_clear);
  }
  va_list args;
  va_start(args, format);
  VnDiagPlace place = {span, g_strdup_vprintf(format, args)};
  va_end(args);
  g_array_append_val(diag->places, place);
}

void
vn_diag_hint(VnDiag *diag, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_free(diag->hint);
  diag->hint = g_strdup_vprintf(format, args);
  va_end(args);
}

static gboolean
set_disabled(VnDiagSink *sink, const char *name, gboolean disabled)
{
  VnDiagCode code;
  if (!vn_diag_code_from_text(name, &code) || infos[code].severity == VN_SEVERITY_ERROR)
    return FALSE;
  sink->disabled[code] = disabled;
  return TRUE;
}

gboolean
vn_diag_sink_disable(VnDiagSink *sink, const char *name)
{
  return set_disabled(sink, name, TRUE);
}

gboolean
vn_diag_sink_enable(VnDiagSink *sink, const char *name)
{
  return set_disabled(sink, name, FALSE);
}

gboolean
vn_diag_sink_wants(const VnDiagSink *sink, VnDiagCode code)
{
  return !sink->disabled[code];
}

void
vn_diag_sink_set_werror(VnDiagSink *sink, gboolean werror)
{
  sink->werror = werror;
}

guint
vn_diag_sink_count(const VnDiagSink *sink, VnSeverity severity)
{
  return sink->counts[severity];
}

static gint
compare_place(gconstpointer a, gconstpointer b)
{
  const VnDiag *x = *(VnDiag *const *)a, *y = *(VnDiag *const *)b;
  if (x->span.start != y->span.start)
    return x->span.start < y->span.start ? -1 : 1;
  return (gint)x->code - (gint)y->code;
}

const GPtrArray *
vn_diag_sink_sorted(VnDiagSink *sink)
{
  g_ptr_array_sort(sink->diags, compare_place);
  return sink->diags;
}

/* Levenshtein's distance with swaps of neighbours, given up past `bound`. Names are short. */
static guint
distance(const char *a, const char *b, guint bound)
{
  gsize n = strlen(a), m = strlen(b);
  if (n > 63 || m > 63 || (n > m ? n - m : m - n) > bound)
    return bound + 1;
  guint rows[3][64 + 1];
  guint *before = rows[0], *last = rows[1], *row = rows[2];
  for (gsize j = 0; j <= m; j++)
    last[j] = (guint)j;
  for (gsize i = 1; i <= n; i++) {
    row[0] = (guint)i;
    for (gsize j = 1; j <= m; j++) {
      guint cost = g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]);
      row[j] = MIN(MIN(last[j] + 1, row[j - 1] + 1), last[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = MIN(row[j], before[j - 2] + 1);
    }
    guint *spare = before;
    before = last;
    last = row;
    row = spare;
  }
  return last[m];
}

const char *
vn_diag_nearest(const char *name, const char *const *candidates, gsize n_candidates)
{
  guint length = (guint)strlen(name);
  guint best = MAX(1, length / 3) + 1; /* a third of the letters may differ */
  const char *nearest = NULL;
  for (gsize i = 0; i < n_candidates; i++) {
    guint d = distance(name, candidates[i], best - 1);
    if (d < best && d < MAX(length, 1)) {
      best = d;
      nearest = candidates[i];
    }
    if (best == 0)
      break;
  }
  return nearest;
}

const char *
vn_diag_article(const char *noun)
{
  return noun[0] != '\0' && strchr("aeio", noun[0]) != NULL ? "an" : "a";
}
