/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run writes, a function for each kind of row. All gather in the open transaction. */
#include "store/private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
bind_text(sqlite3_stmt *statement, int i, const char *text)
{
  if (statement == NULL)
    return;
  if (text == NULL)
    sqlite3_bind_null(statement, i);
  else
    sqlite3_bind_text(statement, i, text, -1, SQLITE_STATIC);
}

static void
bind_int(sqlite3_stmt *statement, int i, gint64 value)
{
  if (statement != NULL)
    sqlite3_bind_int64(statement, i, value);
}

static void
bind_null(sqlite3_stmt *statement, int i)
{
  if (statement != NULL)
    sqlite3_bind_null(statement, i);
}

static void
bind_value(sqlite3_stmt *statement, int i, const VnStoreValue *value)
{
  if (statement == NULL)
    return;
  switch (value->type) {
  case VN_STORE_NULL:
    sqlite3_bind_null(statement, i);
    break;
  case VN_STORE_INT:
    sqlite3_bind_int64(statement, i, value->i);
    break;
  case VN_STORE_REAL:
    sqlite3_bind_double(statement, i, value->f);
    break;
  case VN_STORE_TEXT:
    sqlite3_bind_text(statement, i, value->text, -1, SQLITE_STATIC);
    break;
  }
}

/* "2026-11-22T14:03:01.123456Z" */
static char *
now_text(void)
{
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  return g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
}

void
vn_store_put_run(VnStore *store, const VnStoreRun *run)
{
  g_autofree char *now = now_text();
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_PUT_RUN);
  bind_text(statement, 1, run->name);
  bind_text(statement, 2, run->script);
  bind_text(statement, 3, run->folder);
  bind_text(statement, 4, run->version);
  bind_int(statement, 5, (gint64)run->seed);
  bind_int(statement, 6, run->trials);
  bind_int(statement, 7, run->points);
  bind_text(statement, 8, now);
  vn_store_step(store, statement);
}

void
vn_store_end_run(VnStore *store, const char *status, const char *verdict, const char *error)
{
  g_autofree char *now = now_text();
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_END_RUN);
  bind_text(statement, 1, status);
  bind_text(statement, 2, verdict);
  bind_text(statement, 3, error);
  bind_text(statement, 4, now);
  vn_store_step(store, statement);
}

void
vn_store_add_option(VnStore *store, const char *name, const char *value)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_OPTION);
  bind_text(statement, 1, name);
  bind_text(statement, 2, value);
  vn_store_step(store, statement);
}

static gboolean
write_all(int fd, const char *bytes, gsize size)
{
  while (size > 0) {
    gssize n = write(fd, bytes, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    bytes += n;
    size -= (gsize)n;
  }
  return TRUE;
}

static gboolean
write_file(VnStore *store, const char *relative, const char *bytes, gsize size, GError **error)
{
  int fd = vn_store_create_file(store, relative, error);
  if (fd < 0)
    return FALSE;
  gboolean written = write_all(fd, bytes, size);
  int reason = errno;
  if (close(fd) != 0 && written) {
    written = FALSE;
    reason = errno;
  }
  if (!written)
    g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_IO, "writing %s/%s: %s", store->folder,
                relative, g_strerror(reason));
  return written;
}

gboolean
vn_store_add_source(VnStore *store, const char *file, const char *original, const char *text,
                    gsize size, GError **error)
{
  g_autofree char *relative = g_build_filename("script", file, NULL);
  if (!write_file(store, relative, text, size, error))
    return FALSE;
  g_autofree char *sha256 =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, size);
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_SOURCE);
  bind_text(statement, 1, file);
  bind_text(statement, 2, original);
  bind_text(statement, 3, sha256);
  vn_store_step(store, statement);
  return TRUE;
}

void
vn_store_add_param(VnStore *store, guint32 point, const char *name, const char *type,
                   const VnStoreValue *value, const char *text, gboolean swept)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_PARAM);
  bind_int(statement, 1, point);
  bind_text(statement, 2, name);
  bind_text(statement, 3, type);
  bind_value(statement, 4, value);
  bind_text(statement, 5, text);
  bind_int(statement, 6, swept);
  vn_store_step(store, statement);
}

void
vn_store_add_host(VnStore *store, guint32 point, guint32 id, const char *name, const char *kind,
                  const char *site, const char *technology, const char *address)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_HOST);
  bind_int(statement, 1, point);
  bind_int(statement, 2, id);
  bind_text(statement, 3, name);
  bind_text(statement, 4, kind);
  bind_text(statement, 5, site);
  bind_text(statement, 6, technology);
  bind_text(statement, 7, address);
  vn_store_step(store, statement);
}

void
vn_store_add_task(VnStore *store, guint32 point, guint32 id, const char *name, const char *action,
                  const char *returns_json)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_TASK);
  bind_int(statement, 1, point);
  bind_int(statement, 2, id);
  bind_text(statement, 3, name);
  bind_text(statement, 4, action);
  bind_text(statement, 5, returns_json);
  vn_store_step(store, statement);
}

gint64
vn_store_begin_trial(VnStore *store, guint32 point, guint32 number, guint64 seed)
{
  g_autofree char *now = now_text();
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_BEGIN_TRIAL);
  bind_int(statement, 1, point);
  bind_int(statement, 2, number);
  bind_int(statement, 3, (gint64)seed);
  bind_text(statement, 4, now);
  vn_store_step(store, statement);
  return sqlite3_last_insert_rowid(store->db);
}

void
vn_store_trial_begun(VnStore *store, gint64 trial, gint64 at_ns)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_TRIAL_BEGUN);
  bind_int(statement, 1, at_ns);
  bind_int(statement, 2, trial);
  vn_store_step(store, statement);
}

void
vn_store_end_trial(VnStore *store, gint64 trial, const char *status, const char *verdict,
                   gint64 elapsed_ns, const char *error)
{
  g_autofree char *now = now_text();
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_END_TRIAL);
  bind_text(statement, 1, status);
  bind_text(statement, 2, verdict);
  bind_int(statement, 3, elapsed_ns);
  bind_text(statement, 4, error);
  bind_text(statement, 5, now);
  bind_int(statement, 6, trial);
  vn_store_step(store, statement);
}

static void
remove_tree(const char *path)
{
  g_autoptr(GDir) dir =
      g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    remove_tree(child);
  }
  g_remove(path);
}

void
vn_store_discard(VnStore *store)
{
  g_autofree char *folder = g_strdup(vn_store_folder(store));
  vn_store_close(store);
  remove_tree(folder);
}

void
vn_store_drop_trial(VnStore *store, gint64 trial)
{
  static const Statement drops[] = {
      STATEMENT_DROP_OUTCOMES, STATEMENT_DROP_MEASURES, STATEMENT_DROP_EXPECTATIONS,
      STATEMENT_DROP_CAPTURES, STATEMENT_DROP_FACTS,    STATEMENT_DROP_EVENTS,
      STATEMENT_DROP_TRIAL};
  static const char *const folders[] = {"outputs", "captures", "files"};
  for (guint i = 0; i < G_N_ELEMENTS(drops); i++) {
    sqlite3_stmt *statement = vn_store_prepare(store, drops[i]);
    bind_int(statement, 1, trial);
    vn_store_step(store, statement);
  }
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *path =
        g_strdup_printf("%s/%s/%" G_GINT64_FORMAT, store->folder, folders[i], trial);
    remove_tree(path);
  }
}

/* A stream into column i, as text where it is text; a long one into a file named in file_column. */
static void
bind_stream(VnStore *store, sqlite3_stmt *statement, int i, int file_column,
            const VnStoreOutcome *outcome, gboolean is_err)
{
  const char *bytes = is_err ? outcome->err : outcome->out;
  gsize size = is_err ? outcome->err_size : outcome->out_size;
  bind_null(statement, file_column);
  if (size == 0) {
    bind_null(statement, i);
    return;
  }
  if (size <= VN_STORE_INLINE_MAX) {
    if (g_utf8_validate_len(bytes, size, NULL))
      sqlite3_bind_text64(statement, i, bytes, size, SQLITE_STATIC, SQLITE_UTF8);
    else
      sqlite3_bind_blob64(statement, i, bytes, size, SQLITE_STATIC);
    return;
  }
  g_autofree char *relative = g_strdup_printf(
      "outputs/%" G_GINT64_FORMAT "/%u-%u-%u.%s", outcome->trial, outcome->task,
      outcome->host == VN_STORE_NO_HOST ? 0 : outcome->host, outcome->attempt,
      is_err ? "stderr" : "stdout");
  GError *error = NULL;
  if (!write_file(store, relative, bytes, size, &error))
    vn_store_fail(store, error);
  bind_null(statement, i);
  sqlite3_bind_text(statement, file_column, relative, -1, SQLITE_TRANSIENT);
}

static void
bind_numbers(sqlite3_stmt *statement, const VnStoreOutcome *outcome)
{
  for (int i = 6; i <= 9; i++)
    sqlite3_bind_null(statement, i);
  if (!outcome->ran)
    return;
  sqlite3_bind_int64(statement, 6, outcome->exit_code);
  sqlite3_bind_int64(statement, 7, outcome->started_ns);
  sqlite3_bind_int64(statement, 8, outcome->ended_ns);
  sqlite3_bind_int64(statement, 9, outcome->elapsed_ns);
}

void
vn_store_add_outcome(VnStore *store, const VnStoreOutcome *outcome)
{
  if (!vn_journal_add(store, outcome))
    vn_store_insert_outcome(store, outcome);
}

void
vn_store_insert_outcome(VnStore *store, const VnStoreOutcome *outcome)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_OUTCOME);
  if (statement == NULL)
    return;
  sqlite3_bind_int64(statement, 1, outcome->trial);
  sqlite3_bind_int64(statement, 2, outcome->task);
  if (outcome->host == VN_STORE_NO_HOST)
    sqlite3_bind_null(statement, 3);
  else
    sqlite3_bind_int64(statement, 3, outcome->host);
  sqlite3_bind_int64(statement, 4, outcome->attempt);
  sqlite3_bind_text(statement, 5, outcome->status, -1, SQLITE_STATIC);
  bind_numbers(statement, outcome);
  bind_stream(store, statement, 10, 14, outcome, FALSE);
  bind_stream(store, statement, 11, 15, outcome, TRUE);
  sqlite3_bind_int64(statement, 12, (gint64)outcome->out_total);
  sqlite3_bind_int64(statement, 13, (gint64)outcome->err_total);
  bind_text(statement, 16, outcome->fields_json);
  bind_text(statement, 17, outcome->error);
  vn_store_step(store, statement);
}

void
vn_store_add_measure(VnStore *store, gint64 trial, const char *name, const double *value,
                     const char *unit, const char *error)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_MEASURE);
  VnStoreValue number = {VN_STORE_NULL};
  if (value != NULL)
    number = (VnStoreValue){VN_STORE_REAL, .f = *value};
  bind_int(statement, 1, trial);
  bind_text(statement, 2, name);
  bind_value(statement, 3, &number);
  bind_text(statement, 4, unit);
  bind_text(statement, 5, error);
  vn_store_step(store, statement);
}

void
vn_store_add_expectation(VnStore *store, gint64 trial, guint32 number, const char *text,
                         const char *place, const gboolean *passed, const char *message,
                         const char *error)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_EXPECTATION);
  bind_int(statement, 1, trial);
  bind_int(statement, 2, number);
  bind_text(statement, 3, text);
  bind_text(statement, 4, place);
  if (passed != NULL)
    bind_int(statement, 5, *passed ? 1 : 0);
  else
    bind_null(statement, 5);
  bind_text(statement, 6, message);
  bind_text(statement, 7, error);
  vn_store_step(store, statement);
}

void
vn_store_add_capture(VnStore *store, gint64 trial, const char *segment, const char *file)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_CAPTURE);
  bind_int(statement, 1, trial);
  bind_text(statement, 2, segment);
  bind_text(statement, 3, file);
  vn_store_step(store, statement);
}

void
vn_store_end_capture(VnStore *store, gint64 trial, const char *segment, guint64 frames,
                     guint64 lost)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_END_CAPTURE);
  bind_int(statement, 1, (gint64)frames);
  bind_int(statement, 2, (gint64)lost);
  bind_int(statement, 3, trial);
  bind_text(statement, 4, segment);
  vn_store_step(store, statement);
}

void
vn_store_add_fact(VnStore *store, gint64 trial, const char *site, const char *text)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_FACT);
  bind_int(statement, 1, trial);
  bind_text(statement, 2, site);
  bind_text(statement, 3, text);
  vn_store_step(store, statement);
}

void
vn_store_add_event(VnStore *store, gint64 trial, const char *kind, const char *text)
{
  g_autofree char *now = now_text();
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_ADD_EVENT);
  if (trial != 0)
    bind_int(statement, 1, trial);
  else
    bind_null(statement, 1);
  bind_text(statement, 2, now);
  bind_text(statement, 3, kind);
  bind_text(statement, 4, text);
  vn_store_step(store, statement);
}
