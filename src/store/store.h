/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A run's results folder: results.db (tables in doc/results.md), script/, outputs/, captures/,
 * files/.
 *
 * One writer at a time (a lock on the folder), any number of readers. Writes gather in one
 * transaction until vn_store_commit: callers commit once a turn of their loop, before what depends
 * on the stored things goes on. A failing write (disk full) is remembered and reported by the next
 * commit; the functions between are void, so that callers need no check for each. Not thread-safe.
 */
#pragma once

#include "base/quantity.h"

#define VN_STORE_DB         "results.db"
#define VN_STORE_INLINE_MAX (64u * 1024u) /* bytes of an output kept in the database itself */

typedef struct VnStore VnStore;

typedef enum { VN_STORE_NULL, VN_STORE_INT, VN_STORE_REAL, VN_STORE_TEXT } VnStoreType;

typedef struct {
  VnStoreType type;
  gint64 i;
  double f;
  const char *text; /* NUL-terminated */
} VnStoreValue;

/* Makes the folder and its parents; fails if it exists and is not empty. durable: safe against a
 * power cut, at the cost of waiting for the disk on every commit. */
VnStore *vn_store_create(const char *folder, gboolean durable, GError **error);
/* Opens what create made, to go on with it. */
VnStore *vn_store_open(const char *folder, gboolean durable, GError **error);
/* To look at it; a run may be writing it. */
VnStore *vn_store_open_readonly(const char *folder, GError **error);
/* What was not committed is lost. */
void vn_store_close(VnStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnStore, vn_store_close)

/* Closes it and deletes its folder with all that is in it: for what need not be kept. */
void vn_store_discard(VnStore *store);

const char *vn_store_folder(const VnStore *store); /* absolute */
/* What was written is safe after this, in the database or, in a burst, in a journal beside it. */
gboolean vn_store_commit(VnStore *store, GError **error);
/* The journal into the database, for those who read it meanwhile. */
gboolean vn_store_flush(VnStore *store, GError **error);

typedef struct {
  const char *name;    /* of the experiment */
  const char *script;  /* its file in script/, relative to that */
  const char *folder;  /* absolute: where the script stood; its relative file names start there */
  const char *version; /* of VNEC */
  guint64 seed;
  guint32 trials, points;
} VnStoreRun;

void vn_store_put_run(VnStore *store, const VnStoreRun *run);
void vn_store_end_run(VnStore *store, const char *status, const char *verdict, const char *error);
void vn_store_add_option(VnStore *store, const char *name, const char *value);
/* Writes script/FILE as well. FALSE with error if that fails. */
gboolean vn_store_add_source(VnStore *store, const char *file, const char *original,
                             const char *text, gsize size, GError **error);

void vn_store_add_param(VnStore *store, guint32 point, const char *name, const char *type,
                        const VnStoreValue *value, const char *text, gboolean swept);
void vn_store_add_host(VnStore *store, guint32 point, guint32 id, const char *name,
                       const char *kind, const char *site, const char *technology,
                       const char *address);
void vn_store_add_task(VnStore *store, guint32 point, guint32 id, const char *name,
                       const char *action, const char *returns_json);

/* The trial's number in the database. */
gint64 vn_store_begin_trial(VnStore *store, guint32 point, guint32 number, guint64 seed);
/* Its first task may start: the time, in ns since 1970, that the times of outcomes count from. */
void vn_store_trial_begun(VnStore *store, gint64 trial, gint64 at_ns);
void vn_store_end_trial(VnStore *store, gint64 trial, const char *status, const char *verdict,
                        gint64 elapsed_ns, const char *error);
/* Removes a trial that did not end, with its files. */
void vn_store_drop_trial(VnStore *store, gint64 trial);

#define VN_STORE_NO_HOST G_MAXUINT32

typedef struct {
  gint64 trial;
  guint32 task, host, attempt; /* host: VN_STORE_NO_HOST for a task of the engine */
  const char *status;
  gboolean ran; /* FALSE: never started; the numbers below mean nothing */
  gint32 exit_code;
  gint64 started_ns, ended_ns, elapsed_ns;
  const char *out, *err;
  gsize out_size, err_size;
  guint64 out_total, err_total;
  const char *fields_json; /* what the action returned, an object by name; NULL: nothing */
  const char *error;
} VnStoreOutcome;

void vn_store_add_outcome(VnStore *store, const VnStoreOutcome *outcome);

void vn_store_add_measure(VnStore *store, gint64 trial, const char *name, const double *value,
                          const char *unit, const char *error);
void vn_store_add_expectation(VnStore *store, gint64 trial, guint32 number, const char *text,
                              const char *place, const gboolean *passed, const char *message,
                              const char *error);
void vn_store_add_capture(VnStore *store, gint64 trial, const char *segment, const char *file);
void vn_store_end_capture(VnStore *store, gint64 trial, const char *segment, guint64 frames,
                          guint64 lost);
void vn_store_add_fact(VnStore *store, gint64 trial, const char *site, const char *text);
/* trial 0: of the run. */
void vn_store_add_event(VnStore *store, gint64 trial, const char *kind, const char *text);

/* A file below the folder, its parents made: "captures/0-1/lan.pcapng". Refuses absolute names
 * and `..`. -1 with error. */
int vn_store_create_file(VnStore *store, const char *relative, GError **error);

/* Any SELECT; the row's values are valid for the call. FALSE from row ends the walk early. */
typedef gboolean (*VnStoreRow)(const char *const *columns, const VnStoreValue *values, guint n,
                               gpointer data);
gboolean vn_store_query(VnStore *store, const char *sql, VnStoreRow row, gpointer data,
                        GError **error);
/* The first column of the first row as text; NULL if there is none. */
char *vn_store_lookup(VnStore *store, const char *sql, GError **error);

#define VN_STORE_ERROR vn_store_error_quark()
GQuark vn_store_error_quark(void);
typedef enum {
  VN_STORE_ERROR_EXISTS, /* the folder is there and not empty */
  VN_STORE_ERROR_BUSY,   /* another master writes it */
  VN_STORE_ERROR_FORMAT, /* no results folder, or of another version */
  VN_STORE_ERROR_NAME,   /* a file name that leads out of the folder */
  VN_STORE_ERROR_IO,
} VnStoreError;
