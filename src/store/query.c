/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading: any SELECT, row by row. */
#include "store/private.h"

static VnStoreValue
column_value(sqlite3_stmt *statement, int i)
{
  VnStoreValue value = {VN_STORE_NULL};
  switch (sqlite3_column_type(statement, i)) {
  case SQLITE_INTEGER:
    value.type = VN_STORE_INT;
    value.i = sqlite3_column_int64(statement, i);
    break;
  case SQLITE_FLOAT:
    value.type = VN_STORE_REAL;
    value.f = sqlite3_column_double(statement, i);
    break;
  case SQLITE_NULL:
    break;
  default: /* text, or bytes that are no text */
    value.type = VN_STORE_TEXT;
    value.text = (const char *)sqlite3_column_text(statement, i);
    break;
  }
  return value;
}

static gboolean
walk_rows(VnStore *store, sqlite3_stmt *statement, VnStoreRow row, gpointer data, GError **error)
{
  guint n = (guint)sqlite3_column_count(statement);
  g_autofree const char **columns = g_new0(const char *, n);
  g_autofree VnStoreValue *values = g_new0(VnStoreValue, n);
  for (guint i = 0; i < n; i++)
    columns[i] = sqlite3_column_name(statement, (int)i);
  int rc;
  while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
    for (guint i = 0; i < n; i++)
      values[i] = column_value(statement, (int)i);
    if (!row(columns, values, n, data))
      return TRUE;
  }
  if (rc == SQLITE_DONE)
    return TRUE;
  vn_store_set_error(error, store->db, "reading the results");
  return FALSE;
}

gboolean
vn_store_query(VnStore *store, const char *sql, VnStoreRow row, gpointer data, GError **error)
{
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK) {
    vn_store_set_error(error, store->db, "reading the results");
    return FALSE;
  }
  gboolean done = walk_rows(store, statement, row, data, error);
  sqlite3_finalize(statement);
  return done;
}

static gboolean
take_text(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  char **out = data;
  switch (values[0].type) {
  case VN_STORE_NULL:
    break;
  case VN_STORE_INT:
    *out = g_strdup_printf("%" G_GINT64_FORMAT, values[0].i);
    break;
  case VN_STORE_REAL:
    *out = g_strdup_printf("%.17g", values[0].f);
    break;
  case VN_STORE_TEXT:
    *out = g_strdup(values[0].text);
    break;
  }
  return FALSE;
}

char *
vn_store_lookup(VnStore *store, const char *sql, GError **error)
{
  char *text = NULL;
  return vn_store_query(store, sql, take_text, &text, error) ? text : NULL;
}
