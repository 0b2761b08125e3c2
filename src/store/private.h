/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of src/store share. */
#pragma once

#include <sqlite3.h>

#include "store/store.h"

typedef enum {
#define VN_STATEMENT(id, sql) STATEMENT_##id,
#include "store/statements.def"
#undef VN_STATEMENT
  N_STATEMENTS
} Statement;

struct VnStore {
  char *folder;
  int folder_fd; /* holds the writer's lock; -1: read-only */
  sqlite3 *db;
  sqlite3_stmt *statements[N_STATEMENTS];
  gboolean in_transaction;
  GError *failure; /* the first that a write met */
};

/* The statement, reset, for the arguments to be bound; begins a transaction if none is open.
 * NULL: the store failed before. */
sqlite3_stmt *vn_store_prepare(VnStore *store, Statement id);
/* Runs it and remembers a failure. */
void vn_store_step(VnStore *store, sqlite3_stmt *statement);
void vn_store_fail(VnStore *store, GError *error);
void vn_store_set_error(GError **error, sqlite3 *db, const char *doing);
