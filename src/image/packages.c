/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apt-cache says what there is, apt-get gets it. Both get a configuration of ours behind the
 * system's: its own cache, and no hooks, which would act on the system's. Where the system has no
 * lists, or they are old and name files that are gone, a set of lists in the cache is brought up
 * to date once. */
#include "image/packages.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <utime.h>

#include "image/manifest.h"
#include "image/run.h"


struct VnPackages {
  char *folder;       /* <cache>/packages */
  char *apt;          /* <cache>/apt */
  char *config;       /* file in it */
  char *options[16];  /* of both programs; not NULL-terminated */
  guint n_options;
  gboolean own_lists; /* ours are used, and are new */
  VnImageProgress progress;
  gpointer data;
  GCancellable *cancellable;
};

static const char configuration[] = "#clear APT::Update::Pre-Invoke;\n"
                                    "#clear APT::Update::Post-Invoke;\n"
                                    "#clear APT::Update::Post-Invoke-Success;\n"
                                    "#clear APT::Architectures;\n"
                                    "Acquire::Languages \"none\";\n"
                                    "Acquire::Retries \"2\";\n"
                                    "Acquire::http::Timeout \"30\";\n"
                                    "Acquire::https::Timeout \"30\";\n";

static void
package_free(gpointer data)
{
  VnPackage *package = data;
  g_free(package->name);
  g_free(package->version);
  g_free(package->depends);
  g_free(package->sha256);
  g_free(package->path);
  g_free(package);
}

static void
add_option(VnPackages *packages, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
add_option(VnPackages *packages, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_assert(packages->n_options < G_N_ELEMENTS(packages->options));
  packages->options[packages->n_options++] = g_strdup_vprintf(format, args);
  va_end(args);
}

VnPackages *
vn_packages_new(const char *cache, const char *arch, VnImageProgress progress, gpointer data,
                GCancellable *cancellable)
{
  VnPackages *packages = g_new0(VnPackages, 1);
  packages->folder = g_build_filename(cache, "packages", NULL);
  packages->apt = g_build_filename(cache, "apt", NULL);
  packages->config = g_build_filename(packages->apt, "apt.conf", NULL);
  packages->progress = progress;
  packages->data = data;
  packages->cancellable = cancellable;
  add_option(packages, "--config-file=%s", packages->config);
  add_option(packages, "--option=Dir::Cache=%s/cache", packages->apt);
  add_option(packages, "--option=Dir::Cache::pkgcache=");
  add_option(packages, "--option=Dir::Cache::srcpkgcache=");
  add_option(packages, "--option=APT::Architecture=%s", arch);
  add_option(packages, "--option=APT::Architectures::=%s", arch);
  return packages;
}

void
vn_packages_free(VnPackages *packages)
{
  if (packages == NULL)
    return;
  for (guint i = 0; i < packages->n_options; i++)
    g_free(packages->options[i]);
  g_free(packages->folder);
  g_free(packages->apt);
  g_free(packages->config);
  g_free(packages);
}

static gboolean
make_folders(const VnPackages *packages, GError **error)
{
  g_autofree char *archives = g_build_filename(packages->apt, "cache", "archives", "partial", NULL);
  g_autofree char *lists = g_build_filename(packages->apt, "lists", "partial", NULL);
  const char *folders[] = {packages->folder, archives, lists};
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
    if (g_mkdir_with_parents(folders[i], 0755) != 0) {
      g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s: %s", folders[i],
                  g_strerror(errno));
      return FALSE;
    }
  return g_file_set_contents(packages->config, configuration, -1, error);
}

/* program with our options and then words (NULL-terminated). */
static gboolean
run_apt(VnPackages *packages, const char *program, const char *folder, GPtrArray *words,
        char **out_text, int *out_status, GError **error)
{
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_add(argv, (gpointer)program);
  for (guint i = 0; i < packages->n_options; i++)
    g_ptr_array_add(argv, packages->options[i]);
  for (guint i = 0; i < words->len; i++)
    g_ptr_array_add(argv, words->pdata[i]);
  g_ptr_array_add(argv, NULL);
  const VnRun run = {.argv = (const char *const *)argv->pdata,
                     .package = "apt",
                     .folder = folder,
                     .output_max = VN_PACKAGE_SIZE_MAX};
  return vn_run(&run, out_text, out_status, packages->cancellable, error);
}

static void
say(const VnPackages *packages, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
say(const VnPackages *packages, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  if (packages->progress != NULL)
    packages->progress(text, packages->data);
}

/* From here on lists of our own are used, new ones. */
static gboolean
update(VnPackages *packages, GError **error)
{
  say(packages, "fetching lists of packages");
  add_option(packages, "--option=Dir::State::Lists=%s/lists", packages->apt);
  packages->own_lists = TRUE;
  g_autoptr(GPtrArray) words = g_ptr_array_new();
  g_ptr_array_add(words, (gpointer) "update");
  g_ptr_array_add(words, (gpointer) "-q");
  g_autoptr(GError) failure = NULL;
  if (run_apt(packages, "apt-get", NULL, words, NULL, NULL, &failure))
    return TRUE;
  if (!g_error_matches(failure, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED))
    g_propagate_error(error, g_steal_pointer(&failure));
  else
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FETCH,
                "the lists of packages can't be fetched (is this machine offline? does apt have "
                "sources?): %s",
                failure->message);
  return FALSE;
}

/* The value of a field of a record ("Name: value" at the start of a line). */
static char *
field(const char *record, const char *name)
{
  gsize n = strlen(name);
  for (const char *line = record; line != NULL && *line != '\0';) {
    if (strncmp(line, name, n) == 0 && line[n] == ':') {
      const char *end = strchr(line, '\n');
      return g_strstrip(end != NULL ? g_strndup(line + n + 1, (gsize)(end - line) - n - 1)
                                    : g_strdup(line + n + 1));
    }
    line = strchr(line, '\n');
    line = line != NULL ? line + 1 : NULL;
  }
  return g_strdup("");
}

static gboolean
is_hash(const char *text)
{
  return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* NULL: not a record that can be trusted with a file. */
static VnPackage *
parse_record(const VnPackages *packages, const char *record)
{
  VnPackage *package = g_new0(VnPackage, 1);
  package->name = field(record, "Package");
  package->version = field(record, "Version");
  package->depends = field(record, "Depends");
  package->sha256 = field(record, "SHA256");
  g_autofree char *size = field(record, "Size");
  package->size = g_ascii_strtoll(size, NULL, 10);
  g_autofree char *file = g_strdup_printf("%s.deb", package->sha256);
  package->path = g_build_filename(packages->folder, file, NULL);
  if (*package->version != '\0' && is_hash(package->sha256) && package->size > 0 &&
      package->size <= VN_PACKAGE_SIZE_MAX)
    return package;
  package_free(package);
  return NULL;
}

/* All records that apt has for all the alternatives of all names: name to VnPackage. */
static GHashTable *
show(VnPackages *packages, char **names, GError **error)
{
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(words, g_strdup("show"));
  g_ptr_array_add(words, g_strdup("--no-all-versions"));
  for (guint i = 0; names[i] != NULL; i++) {
    g_auto(GStrv) others = g_strsplit(names[i], "|", -1);
    for (guint j = 0; others[j] != NULL; j++)
      g_ptr_array_add(words, g_strdup(others[j]));
  }
  g_autofree char *text = NULL;
  int status; /* not 0 where some name is unknown: that is seen below */
  if (!run_apt(packages, "apt-cache", NULL, words, &text, &status, error))
    return NULL;
  GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, package_free);
  g_auto(GStrv) records = g_strsplit(text, "\n\n", VN_PACKAGES_MAX);
  for (guint i = 0; records[i] != NULL; i++) {
    VnPackage *package = parse_record(packages, records[i]);
    if (package != NULL)
      g_hash_table_replace(found, package->name, package);
  }
  return found;
}

static VnPackage *
take_first(GHashTable *found, const char *alternatives)
{
  g_auto(GStrv) others = g_strsplit(alternatives, "|", -1);
  gpointer name, package;
  for (guint i = 0; others[i] != NULL; i++)
    if (g_hash_table_steal_extended(found, others[i], &name, &package))
      return package;
  return NULL;
}

/* The first name that apt doesn't know: out_missing. */
static GPtrArray *
find_now(VnPackages *packages, char **names, const char **out_missing, GError **error)
{
  g_autoptr(GHashTable) found = show(packages, names, error);
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(package_free);
  for (guint i = 0; found != NULL && names[i] != NULL; i++) {
    VnPackage *package = take_first(found, names[i]);
    if (package == NULL) {
      *out_missing = names[i];
      return NULL;
    }
    g_ptr_array_add(list, package);
  }
  return found != NULL ? g_steal_pointer(&list) : NULL;
}

GPtrArray *
vn_packages_find(VnPackages *packages, const char *wanted, GError **error)
{
  if (!make_folders(packages, error))
    return NULL;
  g_auto(GStrv) names = g_strsplit(wanted, " ", VN_PACKAGES_MAX);
  for (;;) {
    const char *missing = NULL;
    GPtrArray *list = find_now(packages, names, &missing, error);
    if (list != NULL || missing == NULL)
      return list;
    if (packages->own_lists) {
      g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FETCH,
                  "apt's sources have no package %s: an image is built from Debian's; `vnec image "
                  "add` takes a disk of yours",
                  missing);
      return NULL;
    }
    if (!update(packages, error))
      return NULL;
  }
}

static gboolean
is_cached(const VnPackages *packages, const VnPackage *package)
{
  g_autofree char *hash = vn_manifest_hash_file(package->path, packages->cancellable, NULL);
  return g_strcmp0(hash, package->sha256) == 0;
}

/* apt names the file; ours is the only one in the folder. */
static gboolean
keep_file(const VnPackages *packages, const VnPackage *package, const char *folder, GError **error)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
  const char *name = dir != NULL ? g_dir_read_name(dir) : NULL;
  g_autofree char *path = name != NULL ? g_build_filename(folder, name, NULL) : NULL;
  g_autofree char *hash =
      path != NULL ? vn_manifest_hash_file(path, packages->cancellable, error) : NULL;
  if (hash != NULL && strcmp(hash, package->sha256) == 0 && g_rename(path, package->path) == 0)
    return TRUE;
  if (error != NULL && *error == NULL)
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FETCH,
                "the package %s did not arrive as apt's lists describe it", package->name);
  return FALSE;
}

static gboolean
fetch_one(VnPackages *packages, const VnPackage *package, GError **error)
{
  g_autofree char *amount = g_format_size((guint64)package->size);
  say(packages, "fetching %s %s (%s)", package->name, package->version, amount);
  g_autofree char *folder = g_build_filename(packages->folder, ".get-XXXXXX", NULL);
  if (g_mkdtemp_full(folder, 0755) == NULL) {
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s: %s", folder, g_strerror(errno));
    return FALSE;
  }
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(words, g_strdup("download"));
  g_ptr_array_add(words, g_strdup("-q"));
  g_ptr_array_add(words, g_strdup_printf("%s=%s", package->name, package->version));
  gboolean good = run_apt(packages, "apt-get", folder, words, NULL, NULL, error) &&
                  keep_file(packages, package, folder, error);
  vn_store_remove_tree(folder);
  return good;
}

gboolean
vn_packages_fetch(VnPackages *packages, GPtrArray *wanted, GError **error)
{
  for (guint i = 0; i < wanted->len; i++) {
    const VnPackage *package = wanted->pdata[i];
    if (is_cached(packages, package)) {
      (void)g_utime(package->path, NULL); /* it was used; `vnec image clean` looks at that */
      continue;
    }
    g_autoptr(GError) failure = NULL;
    if (fetch_one(packages, package, &failure))
      continue;
    if (g_error_matches(failure, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED))
      g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FETCH,
                  "the package %s can't be fetched (is this machine offline? are apt's lists "
                  "old?): %s",
                  package->name, failure->message);
    else
      g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
  }
  return TRUE;
}
