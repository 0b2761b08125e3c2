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
  gboolean in_transaction, durable;
  GError *failure;     /* the first that a write met */
  GByteArray *journal; /* outcomes that are not in the database yet; journal.c */
  gsize journaled;     /* bytes of it that are in the journal's file */
  int journal_fd;      /* -1: not made yet */
  gint64 committed_us; /* when the last transaction was */
};

/* The statement, reset, for the arguments to be bound; begins a transaction if none is open.
 * NULL: the store failed before. */
sqlite3_stmt *vn_store_prepare(VnStore *store, Statement id);
/* Runs it and remembers a failure. */
void vn_store_step(VnStore *store, sqlite3_stmt *statement);
void vn_store_fail(VnStore *store, GError *error);
void vn_store_set_error(GError **error, sqlite3 *db, const char *doing);

/* ---- write.c ---- */
void vn_store_insert_outcome(VnStore *store, const VnStoreOutcome *outcome);

/* ---- journal.c ---- */
/* FALSE: it has to go into the database at once. */
gboolean vn_journal_add(VnStore *store, const VnStoreOutcome *outcome);
/* Would a transaction come too soon after the last one? */
gboolean vn_journal_may_wait(const VnStore *store);
void vn_journal_write(VnStore *store);  /* to the file */
void vn_journal_insert(VnStore *store); /* into the open transaction */
void vn_journal_clear(VnStore *store);  /* after its commit */
void vn_journal_close(VnStore *store);
gboolean vn_journal_is_left(const char *folder);
/* What a writer left that died. The lock must be held. */
gboolean vn_journal_recover(VnStore *store, GError **error);
