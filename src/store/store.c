/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder, the database's opening and closing, transactions. What is written stands in write.c,
 * reading in query.c.
 *
 * The writer holds a lock (flock) on the folder itself, so that nothing is left behind by one that
 * was killed. */
#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/schema.h"

#define BUSY_WAIT_MS    5000
#define CHECKPOINT_PAGES 4096 /* of the write-ahead log, before it goes into the database */

static const char *const statement_texts[] = {
#define VN_STATEMENT(id, sql) sql,
#include "store/statements.def"
#undef VN_STATEMENT
};

G_DEFINE_QUARK(vn-store-error-quark, vn_store_error)

void
vn_store_set_error(GError **error, sqlite3 *db, const char *doing)
{
  g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_IO, "%s: %s", doing, sqlite3_errmsg(db));
}

void
vn_store_fail(VnStore *store, GError *error)
{
  if (store->failure == NULL)
    store->failure = error;
  else
    g_error_free(error);
}

static gboolean
store_exec(VnStore *store, const char *sql, const char *doing, GError **error)
{
  if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  vn_store_set_error(error, store->db, doing);
  return FALSE;
}

static sqlite3_stmt *
store_statement(VnStore *store, Statement id)
{
  sqlite3_stmt **slot = &store->statements[id];
  if (*slot != NULL)
    return *slot;
  int rc = sqlite3_prepare_v3(store->db, statement_texts[id], -1, SQLITE_PREPARE_PERSISTENT, slot,
                              NULL);
  if (rc != SQLITE_OK) {
    GError *error = NULL;
    vn_store_set_error(&error, store->db, "preparing a write to the results");
    vn_store_fail(store, error);
  }
  return *slot;
}

void
vn_store_step(VnStore *store, sqlite3_stmt *statement)
{
  if (statement == NULL)
    return;
  int rc = sqlite3_step(statement);
  if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
    GError *error = NULL;
    vn_store_set_error(&error, store->db, "writing the results");
    vn_store_fail(store, error);
  }
  sqlite3_reset(statement);
}

sqlite3_stmt *
vn_store_prepare(VnStore *store, Statement id)
{
  g_assert(store->folder_fd >= 0);
  if (!store->in_transaction) {
    vn_store_step(store, store_statement(store, STATEMENT_BEGIN));
    store->in_transaction = TRUE;
  }
  return store->failure != NULL ? NULL : store_statement(store, id);
}

static gboolean
store_is_well(const VnStore *store, GError **error)
{
  if (store->failure != NULL && error != NULL && *error == NULL)
    *error = g_error_copy(store->failure);
  return store->failure == NULL;
}

gboolean
vn_store_flush(VnStore *store, GError **error)
{
  if (store->journal->len > 0)
    vn_journal_insert(store);
  if (!store->in_transaction)
    return store_is_well(store, error);
  if (store->failure == NULL)
    vn_store_step(store, store_statement(store, STATEMENT_COMMIT));
  store->in_transaction = FALSE;
  store->committed_us = g_get_monotonic_time();
  if (store->failure == NULL)
    vn_journal_clear(store);
  return store_is_well(store, error);
}

gboolean
vn_store_commit(VnStore *store, GError **error)
{
  if (store->journal->len == store->journaled && !store->in_transaction)
    return store_is_well(store, error);
  if (!vn_journal_may_wait(store))
    return vn_store_flush(store, error);
  vn_journal_write(store);
  return store_is_well(store, error);
}

static VnStore *
store_new(const char *folder)
{
  VnStore *store = g_new0(VnStore, 1);
  store->folder = g_canonicalize_filename(folder, NULL);
  store->folder_fd = store->journal_fd = -1;
  store->journal = g_byte_array_new();
  return store;
}

void
vn_store_close(VnStore *store)
{
  if (store == NULL)
    return;
  for (guint i = 0; i < N_STATEMENTS; i++)
    sqlite3_finalize(store->statements[i]);
  sqlite3_close(store->db);
  vn_journal_close(store);
  g_byte_array_unref(store->journal);
  if (store->folder_fd >= 0)
    close(store->folder_fd);
  g_clear_error(&store->failure);
  g_free(store->folder);
  g_free(store);
}

const char *
vn_store_folder(const VnStore *store)
{
  return store->folder;
}

static gboolean
folder_is_empty(const char *folder)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  return dir != NULL && g_dir_read_name(dir) == NULL;
}

static gboolean
store_lock(VnStore *store, GError **error)
{
  store->folder_fd = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (store->folder_fd < 0) {
    g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_IO, "opening the results folder %s: %s",
                store->folder, g_strerror(errno));
    return FALSE;
  }
  if (flock(store->folder_fd, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_BUSY,
              "the results folder %s is being written by another vnec", store->folder);
  return FALSE;
}

static gboolean
store_open_db(VnStore *store, int flags, GError **error)
{
  g_autofree char *path = g_build_filename(store->folder, VN_STORE_DB, NULL);
  int rc = sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
  if (rc == SQLITE_OK) {
    sqlite3_busy_timeout(store->db, BUSY_WAIT_MS);
    return TRUE;
  }
  g_set_error(error, VN_STORE_ERROR, rc == SQLITE_CANTOPEN ? VN_STORE_ERROR_FORMAT
                                                           : VN_STORE_ERROR_IO,
              "opening %s: %s", path, store->db != NULL ? sqlite3_errmsg(store->db) : "no memory");
  return FALSE;
}

static gboolean
store_set_mode(VnStore *store, gboolean durable, GError **error)
{
  store->durable = durable;
  g_autofree char *sql = g_strdup_printf(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = %s; PRAGMA foreign_keys = ON;"
      "PRAGMA wal_autocheckpoint = %d; PRAGMA temp_store = MEMORY;",
      durable ? "FULL" : "NORMAL", CHECKPOINT_PAGES);
  return store_exec(store, sql, "preparing the results", error);
}

VnStore *
vn_store_create(const char *folder, gboolean durable, GError **error)
{
  g_autoptr(VnStore) store = store_new(folder);
  if (g_mkdir_with_parents(store->folder, 0777) != 0) {
    g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_IO, "making the results folder %s: %s",
                store->folder, g_strerror(errno));
    return NULL;
  }
  if (!folder_is_empty(store->folder)) {
    g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_EXISTS,
                "%s is there and not empty: results are never written over", store->folder);
    return NULL;
  }
  g_autofree char *version =
      g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %d;",
                      VN_STORE_APPLICATION_ID, VN_STORE_VERSION);
  if (!store_lock(store, error) ||
      !store_open_db(store, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error) ||
      !store_exec(store, version, "making the results", error) ||
      !store_set_mode(store, durable, error) ||
      !store_exec(store, "BEGIN;", "making the results", error) ||
      !store_exec(store, vn_store_schema, "making the tables of the results", error) ||
      !store_exec(store, "COMMIT;", "making the results", error))
    return NULL;
  return g_steal_pointer(&store);
}

static gboolean
store_check_version(VnStore *store, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autofree char *found = vn_store_lookup(
      store, "SELECT application_id || '.' || user_version FROM pragma_application_id,"
             " pragma_user_version", &failure);
  g_autofree char *wanted =
      g_strdup_printf("%d.%d", VN_STORE_APPLICATION_ID, VN_STORE_VERSION);
  if (g_strcmp0(found, wanted) == 0)
    return TRUE;
  g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_FORMAT,
              "%s/%s holds no results of this version of vnec%s%s", store->folder, VN_STORE_DB,
              failure != NULL ? ": " : "", failure != NULL ? failure->message : "");
  return FALSE;
}

VnStore *
vn_store_open(const char *folder, gboolean durable, GError **error)
{
  g_autoptr(VnStore) store = store_new(folder);
  if (!store_lock(store, error) || !store_open_db(store, SQLITE_OPEN_READWRITE, error) ||
      !store_check_version(store, error) || !store_set_mode(store, durable, error) ||
      !vn_journal_recover(store, error))
    return NULL;
  return g_steal_pointer(&store);
}

VnStore *
vn_store_open_readonly(const char *folder, GError **error)
{
  if (vn_journal_is_left(folder)) /* of a writer that died, unless the folder is locked */
    vn_store_close(vn_store_open(folder, FALSE, NULL));
  g_autoptr(VnStore) store = store_new(folder);
  if (!store_open_db(store, SQLITE_OPEN_READONLY, error) || !store_check_version(store, error))
    return NULL;
  return g_steal_pointer(&store);
}

static gboolean
name_stays_inside(const char *relative)
{
  if (relative[0] == '\0' || g_path_is_absolute(relative))
    return FALSE;
  g_auto(GStrv) parts = g_strsplit(relative, "/", -1);
  for (char **part = parts; *part != NULL; part++)
    if (strcmp(*part, "..") == 0)
      return FALSE;
  return TRUE;
}

int
vn_store_create_file(VnStore *store, const char *relative, GError **error)
{
  if (!name_stays_inside(relative)) {
    g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_NAME,
                "\"%s\" does not name a file below the results folder", relative);
    return -1;
  }
  g_autofree char *path = g_build_filename(store->folder, relative, NULL);
  g_autofree char *parent = g_path_get_dirname(path);
  int fd = g_mkdir_with_parents(parent, 0777) == 0
               ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666)
               : -1;
  if (fd < 0)
    g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_IO, "making %s: %s", path,
                g_strerror(errno));
  return fd;
}
