/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outcomes in a burst: a transaction for each turn would cost more than a short task, so within
 * GATHER_US of the last transaction a turn's outcomes are appended to a file beside the database,
 * in one write, and go into the database together a moment later. A program may die at any point
 * between: the next one that opens the folder takes the file's records over.
 *
 * Records are for this machine and this build: a head, then texts, each with its NUL. */
#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_FILE  "results.journal"
#define JOURNAL_MAX   (1u << 20) /* bytes that wait for the database */
#define GATHER_US     100000
#define RECORD_MAGIC  0x564e4a31u /* "VNJ1" */
#define JOURNAL_LIMIT (64u << 20) /* most that is taken over; more is no journal of ours */

typedef struct {
  guint32 magic, size; /* of the whole record */
  gint64 trial;
  guint32 task, host, attempt, ran;
  gint32 exit_code;
  guint32 status, fields, error, out, err; /* bytes of the texts; NONE: there is no text */
  gint64 started_ns, ended_ns, elapsed_ns;
  guint64 out_total, err_total;
} Record;

#define NONE G_MAXUINT32

static guint32
text_size(const char *text)
{
  return text != NULL ? (guint32)strlen(text) : NONE;
}

static void
append_text(GByteArray *bytes, const char *text, guint32 size)
{
  static const guint8 nul = 0;
  if (size == NONE)
    return;
  if (size > 0)
    g_byte_array_append(bytes, (const guint8 *)text, size);
  g_byte_array_append(bytes, &nul, 1);
}

gboolean
vn_journal_add(VnStore *store, const VnStoreOutcome *outcome)
{
  GByteArray *bytes = store->journal;
  if (store->durable || outcome->out_size > VN_STORE_INLINE_MAX ||
      outcome->err_size > VN_STORE_INLINE_MAX)
    return FALSE;
  Record record = {.magic = RECORD_MAGIC,
                   .trial = outcome->trial,
                   .task = outcome->task,
                   .host = outcome->host,
                   .attempt = outcome->attempt,
                   .ran = (guint32)outcome->ran,
                   .exit_code = outcome->exit_code,
                   .status = text_size(outcome->status),
                   .fields = text_size(outcome->fields_json),
                   .error = text_size(outcome->error),
                   .out = (guint32)outcome->out_size,
                   .err = (guint32)outcome->err_size,
                   .started_ns = outcome->started_ns,
                   .ended_ns = outcome->ended_ns,
                   .elapsed_ns = outcome->elapsed_ns,
                   .out_total = outcome->out_total,
                   .err_total = outcome->err_total};
  guint at = bytes->len;
  g_byte_array_append(bytes, (const guint8 *)&record, sizeof(record));
  append_text(bytes, outcome->status, record.status);
  append_text(bytes, outcome->fields_json, record.fields);
  append_text(bytes, outcome->error, record.error);
  append_text(bytes, outcome->out, record.out);
  append_text(bytes, outcome->err, record.err);
  guint32 size = bytes->len - at;
  memcpy(bytes->data + at + G_STRUCT_OFFSET(Record, size), &size, sizeof(size));
  return TRUE;
}

/* The next text; NULL where the record says that there is none, or too few bytes are left. */
static const char *
take_text(const guint8 **at, const guint8 *end, guint32 size)
{
  const char *text = (const char *)*at;
  if (size == NONE || (gsize)(end - *at) <= size || text[size] != '\0')
    return NULL;
  *at += size + 1;
  return text;
}

/* Into the open transaction. Ends at a record that is not whole: it was never acknowledged. */
static void
insert_records(VnStore *store, const guint8 *bytes, gsize n)
{
  Record record;
  while (n >= sizeof(record)) {
    memcpy(&record, bytes, sizeof(record));
    if (record.magic != RECORD_MAGIC || record.size < sizeof(record) || record.size > n)
      return;
    const guint8 *at = bytes + sizeof(record), *end = bytes + record.size;
    VnStoreOutcome outcome = {.trial = record.trial,
                              .task = record.task,
                              .host = record.host,
                              .attempt = record.attempt,
                              .ran = record.ran != 0,
                              .exit_code = record.exit_code,
                              .started_ns = record.started_ns,
                              .ended_ns = record.ended_ns,
                              .elapsed_ns = record.elapsed_ns,
                              .out_total = record.out_total,
                              .err_total = record.err_total};
    outcome.status = take_text(&at, end, record.status);
    outcome.fields_json = take_text(&at, end, record.fields);
    outcome.error = take_text(&at, end, record.error);
    outcome.out = take_text(&at, end, record.out);
    outcome.err = take_text(&at, end, record.err);
    outcome.out_size = outcome.out != NULL ? record.out : 0;
    outcome.err_size = outcome.err != NULL ? record.err : 0;
    if (outcome.status == NULL)
      return;
    vn_store_insert_outcome(store, &outcome);
    bytes += record.size;
    n -= record.size;
  }
}

void
vn_journal_insert(VnStore *store)
{
  insert_records(store, store->journal->data, store->journal->len);
}

gboolean
vn_journal_may_wait(const VnStore *store)
{
  return !store->in_transaction && store->journal->len < JOURNAL_MAX &&
         g_get_monotonic_time() - store->committed_us < GATHER_US;
}

static void
journal_fail(VnStore *store, const char *what)
{
  vn_store_fail(store, g_error_new(VN_STORE_ERROR, VN_STORE_ERROR_IO, "%s %s/" JOURNAL_FILE ": %s",
                                   what, store->folder, g_strerror(errno)));
}

void
vn_journal_write(VnStore *store)
{
  if (store->journal_fd < 0)
    store->journal_fd = openat(store->folder_fd, JOURNAL_FILE,
                               O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
  while (store->journal_fd >= 0 && store->journaled < store->journal->len) {
    gssize n = write(store->journal_fd, store->journal->data + store->journaled,
                     store->journal->len - store->journaled);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      journal_fail(store, "writing");
      return;
    }
    store->journaled += (gsize)n;
  }
  if (store->journal_fd < 0)
    journal_fail(store, "making");
}

void
vn_journal_clear(VnStore *store)
{
  g_byte_array_set_size(store->journal, 0);
  if (store->journaled > 0 && ftruncate(store->journal_fd, 0) != 0)
    journal_fail(store, "emptying");
  store->journaled = 0;
}

void
vn_journal_close(VnStore *store)
{
  if (store->journal_fd >= 0)
    close(store->journal_fd);
  /* what was not committed is kept for who opens the folder next */
  if (store->folder_fd >= 0 && store->journaled == 0)
    (void)unlinkat(store->folder_fd, JOURNAL_FILE, 0);
}

gboolean
vn_journal_is_left(const char *folder)
{
  g_autofree char *path = g_build_filename(folder, JOURNAL_FILE, NULL);
  struct stat info;
  return stat(path, &info) == 0 && info.st_size > 0;
}

/* A writer may have died between its commit and emptying the journal: what was in the database
 * already, among its newest rows, goes again. */
static void
drop_copies(VnStore *store, gint64 newest, gsize bytes)
{
  sqlite3_stmt *statement = vn_store_prepare(store, STATEMENT_DROP_COPIES);
  if (statement == NULL)
    return;
  sqlite3_bind_int64(statement, 1, newest);
  sqlite3_bind_int64(statement, 2, (gint64)(bytes / sizeof(Record)));
  vn_store_step(store, statement);
}

gboolean
vn_journal_recover(VnStore *store, GError **error)
{
  g_autofree char *path = g_build_filename(store->folder, JOURNAL_FILE, NULL);
  g_autofree char *bytes = NULL;
  gsize n;
  struct stat info;
  if (stat(path, &info) != 0 || info.st_size > JOURNAL_LIMIT)
    return TRUE;
  if (!g_file_get_contents(path, &bytes, &n, error))
    return FALSE;
  g_autofree char *newest = vn_store_lookup(store, "SELECT ifnull(max(id), 0) FROM outcome", error);
  if (newest == NULL)
    return FALSE;
  insert_records(store, (const guint8 *)bytes, n);
  drop_copies(store, g_ascii_strtoll(newest, NULL, 10), n);
  if (!vn_store_commit(store, error))
    return FALSE;
  /* Taken over twice they would be there twice: results.db has them now. */
  (void)unlinkat(store->folder_fd, JOURNAL_FILE, 0);
  return TRUE;
}
