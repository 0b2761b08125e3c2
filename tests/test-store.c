/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The results folder: what is written is read back, one writer, nothing outside the folder. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "store/schema.h"
#include "store/store.h"

typedef struct {
  char *top, *folder;
} Fixture;

static void
fixture_set_up(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  f->top = g_dir_make_tmp("vnec-store-XXXXXX", &error);
  g_assert_no_error(error);
  f->folder = g_build_filename(f->top, "deep", "results", NULL);
}

static void
remove_tree(const char *path)
{
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    remove_tree(child);
  }
  g_assert_cmpint(g_remove(path), ==, 0);
}

static void
fixture_tear_down(Fixture *f, gconstpointer unused)
{
  remove_tree(f->top);
  g_free(f->top);
  g_free(f->folder);
}

static void
assert_lookup(VnStore *store, const char *sql, const char *expected)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *found = vn_store_lookup(store, sql, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(found, ==, expected);
}

static gint64
write_trial(VnStore *store, guint32 number)
{
  g_autofree char *big = g_strnfill(VN_STORE_INLINE_MAX + 1, 'x');
  gint64 trial = vn_store_begin_trial(store, 0, number, G_MAXUINT64);
  VnStoreOutcome outcome = {.trial = trial,
                            .task = 0,
                            .host = 3,
                            .status = "done",
                            .ran = TRUE,
                            .started_ns = 10,
                            .ended_ns = 30,
                            .elapsed_ns = 20,
                            .out = "hi\n",
                            .out_size = 3,
                            .out_total = 3,
                            .err = "\xff\x00",
                            .err_size = 2,
                            .err_total = 2,
                            .fields_json = "{\"received\":5}"};
  vn_store_add_outcome(store, &outcome);
  outcome = (VnStoreOutcome){.trial = trial,
                             .task = 1,
                             .host = VN_STORE_NO_HOST,
                             .status = "failed",
                             .ran = TRUE,
                             .exit_code = 1,
                             .out = big,
                             .out_size = strlen(big),
                             .out_total = 99999999,
                             .error = "no"};
  vn_store_add_outcome(store, &outcome);
  double mean = 1.5;
  gboolean passed = FALSE;
  vn_store_add_measure(store, trial, "m", &mean, NULL, NULL);
  vn_store_add_expectation(store, trial, 0, "a == b", "x.vnl:3:1", &passed, "message", NULL);
  vn_store_add_capture(store, trial, "lan", "captures/1/lan.pcapng");
  vn_store_end_capture(store, trial, "lan", 7, 0);
  vn_store_add_fact(store, trial, "local", "no link");
  vn_store_add_event(store, trial, "log", "text");
  return trial;
}

static VnStore *
make_store(const char *folder)
{
  g_autoptr(GError) error = NULL;
  VnStore *store = vn_store_create(folder, FALSE, &error);
  g_assert_no_error(error);
  vn_store_put_run(store, &(VnStoreRun){.name = "t",
                                        .script = "t.vnl",
                                        .folder = "/",
                                        .version = "0",
                                        .seed = 1,
                                        .trials = 2,
                                        .points = 1});
  vn_store_add_option(store, "define", "n=5");
  g_assert_true(vn_store_add_source(store, "lib/a.vnl", "/x/lib/a.vnl", "# a\n", 4, &error));
  VnStoreValue n = {VN_STORE_INT, .i = 5};
  vn_store_add_param(store, 0, "n", "int", &n, "5", TRUE);
  vn_store_add_host(store, 0, 3, "h", "host", "local", "netns", "10.0.0.1");
  vn_store_add_task(store, 0, 0, "hello", "ping", "{\"received\":\"int\"}");
  vn_store_add_task(store, 0, 1, "pause", "wait", NULL);
  return store;
}

static void
test_round_trip(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnStore) store = make_store(f->folder);
  gint64 trial = write_trial(store, 0);
  vn_store_end_trial(store, trial, "completed", "failed", 40, NULL);
  vn_store_end_run(store, "completed", "failed", NULL);
  g_assert_true(vn_store_commit(store, &error));

  g_autoptr(VnStore) reader = vn_store_open_readonly(f->folder, &error);
  g_assert_no_error(error);
  assert_lookup(reader, "SELECT stdout || status FROM outcomes WHERE host = 'h'", "hi\ndone");
  assert_lookup(reader, "SELECT typeof(stderr) FROM outcomes WHERE host = 'h'", "blob");
  assert_lookup(reader, "SELECT type || value FROM fields WHERE name = 'received'", "int5");
  assert_lookup(reader, "SELECT seed FROM trial", "-1");
  assert_lookup(reader, "SELECT failed FROM tasks WHERE task = 'pause'", "1");
  assert_lookup(reader, "SELECT verdict FROM run", "failed");
  g_autofree char *file =
      vn_store_lookup(reader, "SELECT stdout_file FROM outcomes WHERE task = 'pause'", &error);
  g_autofree char *path = g_build_filename(f->folder, file, NULL);
  GStatBuf info;
  g_assert_cmpint(g_stat(path, &info), ==, 0);
  g_assert_cmpint(info.st_size, ==, VN_STORE_INLINE_MAX + 1);
}

/* A burst goes into the journal; a writer that dies loses nothing that it was told is stored. */
static void
test_journal(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *journal = g_build_filename(f->folder, "results.journal", NULL);
  VnStore *store = make_store(f->folder);
  gint64 trial = vn_store_begin_trial(store, 0, 0, 1);
  g_assert_true(vn_store_commit(store, &error));
  for (guint32 i = 0; i < 100; i++) {
    VnStoreOutcome outcome = {.trial = trial,
                              .task = 0,
                              .host = 3,
                              .attempt = i,
                              .ran = TRUE,
                              .status = "done",
                              .out = "a\0b",
                              .out_size = 3,
                              .fields_json = "{}",
                              .error = i % 2 == 0 ? "even" : NULL};
    vn_store_add_outcome(store, &outcome);
    g_assert_true(vn_store_commit(store, &error));
  }
  g_autofree char *bytes = NULL;
  gsize n;
  g_assert_true(g_file_get_contents(journal, &bytes, &n, &error));
  g_assert_cmpuint(n, >, 0);
  vn_store_close(store); /* without a flush: as if it had died, but for the lock */

  g_assert_true(g_file_set_contents(journal, bytes, (gssize)n - 1, &error)); /* the last is torn */
  g_autoptr(VnStore) reader = vn_store_open_readonly(f->folder, &error);
  g_assert_no_error(error);
  assert_lookup(reader,
                "SELECT count(*) || '/' || count(error) || '/' || max(attempt)"
                " FROM outcomes",
                "99/50/98");
  assert_lookup(reader, "SELECT length(CAST(stdout AS BLOB)) FROM outcomes WHERE attempt = 5", "3");
  g_assert_false(g_file_test(journal, G_FILE_TEST_EXISTS));

  /* A writer that died right after its commit, before the journal was emptied. */
  g_assert_true(g_file_set_contents(journal, bytes, (gssize)n, &error));
  g_autoptr(VnStore) again = vn_store_open_readonly(f->folder, &error);
  g_assert_no_error(error);
  assert_lookup(again, "SELECT count(*) || '/' || max(attempt) FROM outcomes", "100/99");
}

static void
test_one_writer(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnStore) store = make_store(f->folder);
  g_assert_true(vn_store_commit(store, &error));
  g_assert_null(vn_store_open(f->folder, FALSE, &error));
  g_assert_error(error, VN_STORE_ERROR, VN_STORE_ERROR_BUSY);
  g_clear_error(&error);
  g_assert_null(vn_store_create(f->folder, FALSE, &error));
  g_assert_error(error, VN_STORE_ERROR, VN_STORE_ERROR_EXISTS);
  g_clear_error(&error);
  g_assert_null(vn_store_open_readonly(f->top, &error));
  g_assert_error(error, VN_STORE_ERROR, VN_STORE_ERROR_FORMAT);
}

static void
test_drop_trial(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnStore) store = make_store(f->folder);
  write_trial(store, 0);
  gint64 second = write_trial(store, 1);
  g_assert_true(vn_store_commit(store, &error));
  g_clear_pointer(&store, vn_store_close);

  store = vn_store_open(f->folder, TRUE, &error);
  g_assert_no_error(error);
  vn_store_drop_trial(store, second);
  g_assert_true(vn_store_commit(store, &error));
  assert_lookup(store, "SELECT count(*) FROM outcome", "2");
  assert_lookup(store, "SELECT count(*) FROM trial", "1");
  g_autofree char *gone = g_strdup_printf("%s/outputs/%" G_GINT64_FORMAT, f->folder, second);
  g_assert_false(g_file_test(gone, G_FILE_TEST_EXISTS));
}

static void
test_names(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnStore) store = make_store(f->folder);
  const char *const bad[] = {"../x", "/etc/x", "a/../../x", ""};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_assert_cmpint(vn_store_create_file(store, bad[i], &error), ==, -1);
    g_assert_error(error, VN_STORE_ERROR, VN_STORE_ERROR_NAME);
    g_clear_error(&error);
  }
  int fd = vn_store_create_file(store, "files/1/h/x..y", &error);
  g_assert_no_error(error);
  close(fd);
}

/* doc/results.md names every table, view and column. */
static void
test_documented(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_test_build_filename(G_TEST_DIST, "..", "doc", "results.md", NULL);
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, &error));
  g_autoptr(VnStore) store = make_store(f->folder);
  g_autofree char *names = vn_store_lookup(
      store,
      "SELECT group_concat(DISTINCT '`' || name || '`') FROM (SELECT name FROM sqlite_schema"
      " WHERE type IN ('table', 'view') UNION SELECT c.name FROM sqlite_schema t,"
      " pragma_table_info(t.name) c WHERE t.type = 'table')",
      &error);
  g_assert_no_error(error);
  g_auto(GStrv) each = g_strsplit(names, ",", -1);
  for (char **name = each; *name != NULL; name++)
    if (strstr(text, *name) == NULL)
      g_error("doc/results.md does not say what %s is", *name);
}

#define ADD(path, function) \
  g_test_add(path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("/store/round-trip", test_round_trip);
  ADD("/store/journal", test_journal);
  ADD("/store/one-writer", test_one_writer);
  ADD("/store/drop-trial", test_drop_trial);
  ADD("/store/names", test_names);
  ADD("/store/documented", test_documented);
  return g_test_run();
}
