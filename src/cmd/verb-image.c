/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec image: the guests that machines of this computer are made from. Building, listing and
 * removing them; the rest is in image-guest.c. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/quantity.h"
#include "cmd/images.h"
#include "cmd/paths.h"
#include "cmd/verb.h"
#include "image/build.h"
#include "image/clean.h"

/* ---- build ---- */

typedef struct {
  VnImageBuild build;
  gboolean built;
} BuildJob;

static gboolean
build_job(gpointer data, GCancellable *cancellable, GError **error)
{
  BuildJob *job = data;
  return vn_image_build(&job->build, &job->built, cancellable, error);
}

static char *
recipe_help(void)
{
  guint n;
  const VnRecipe *recipes = vn_recipe_all(&n);
  GString *text = g_string_new("Builds one of the images that VNEC has recipes for, from Debian "
                               "packages of\napt's sources, without root. One that is there and "
                               "up to date is left alone.\n\nRecipes:\n");
  for (guint i = 0; i < n; i++)
    g_string_append_printf(text, "  %-16s %s\n", recipes[i].name, recipes[i].help);
  g_string_append(text, "\n" VN_IMAGES_EXIT_HELP);
  return g_string_free(text, FALSE);
}

static int
build_named(const char *name, gboolean anew, const char *agents)
{
  BuildJob job = {{.recipe = vn_recipe_find(name),
                   .agents = agents,
                   .anew = anew,
                   .progress = vn_images_say,
                   .data = (gpointer)name},
                  FALSE};
  if (job.build.recipe == NULL)
    return vn_verb_misuse("image build",
                          "there is no recipe \"%s\" (see `vnec image build --help`)",
                          name);
  g_autoptr(GError) error = NULL;
  if (!vn_images_run(build_job, &job, &error))
    return vn_images_failed("image build", error);
  g_autoptr(VnGuestImage) image = vn_image_open(name, &error);
  if (image == NULL)
    return vn_images_failed("image build", error);
  g_print("%s: %s (%.12s)\n", name, job.built ? "built" : "up to date", image->id);
  return VN_EXIT_PASSED;
}

static int
image_build(int argc, char **argv)
{
  gboolean anew = FALSE;
  g_autofree char *agents = NULL, *help = recipe_help();
  const GOptionEntry entries[] = {
      {"anew", 0, 0, G_OPTION_ARG_NONE, &anew, "also if it is up to date", NULL},
      {"agents", 0, 0, G_OPTION_ARG_FILENAME, &agents,
       "folder of vnec-taskrunner and vnec-router, instead of VNEC's own", "DIR"},
      {NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, "NAME…", help, entries, &status))
    return status;
  if (argc < 2)
    return vn_verb_misuse("image build", "which? (see `vnec image build --help`)");
  if (agents == NULL)
    agents = vn_paths_helpers();
  for (int i = 1; i < argc; i++)
    if ((status = build_named(argv[i], anew, agents)) != VN_EXIT_PASSED)
      break;
  return status;
}

/* ---- list ---- */

static gint64
size_of(const VnGuestImage *image)
{
  const char *files[] = {image->kernel, image->initrd, image->disk};
  gint64 sum = 0;
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autoptr(GFile) file = files[i] != NULL ? g_file_new_for_path(files[i]) : NULL;
    g_autoptr(GFileInfo) info =
        file != NULL ? g_file_query_info(file, G_FILE_ATTRIBUTE_STANDARD_ALLOCATED_SIZE,
                                         G_FILE_QUERY_INFO_NONE, NULL, NULL)
                     : NULL;
    if (info != NULL)
      sum += (gint64)g_file_info_get_attribute_uint64(info,
                                                      G_FILE_ATTRIBUTE_STANDARD_ALLOCATED_SIZE);
  }
  return sum;
}

static void
add_text(JsonBuilder *json, const char *key, const char *text)
{
  if (text == NULL)
    return;
  json_builder_set_member_name(json, key);
  json_builder_add_string_value(json, text);
}

static void
list_json(JsonBuilder *json, const char *name, const VnGuestImage *image, const GError *error)
{
  json_builder_begin_object(json);
  add_text(json, "name", name);
  if (image == NULL)
    add_text(json, "error", error->message);
  else {
    const char *const texts[][2] = {
        {"id", image->id},         {"technology", image->technology}, {"os", image->os},
        {"arch", image->arch},     {"role", image->role},             {"recipe", image->recipe},
        {"folder", image->folder}, {"kernel", image->kernel},         {"initrd", image->initrd},
        {"disk", image->disk},     {"append", image->append},         {"bus", image->bus},
        {"nic", image->nic}};
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
      add_text(json, texts[i][0], texts[i][1]);
    json_builder_set_member_name(json, "memory");
    json_builder_add_int_value(json, image->memory);
    json_builder_set_member_name(json, "size");
    json_builder_add_int_value(json, size_of(image));
  }
  json_builder_end_object(json);
}

static void
list_text(const char *name, const VnGuestImage *image, const GError *error)
{
  if (image == NULL) {
    g_print("%-20s damaged: %s\n", name, error->message);
    return;
  }
  g_autofree char *size = g_format_size((guint64)size_of(image));
  g_autofree char *memory = vn_size_format(image->memory);
  g_print("%-20s %-8s %-8s %-7s %-7s %10s  %s\n", name, image->os, image->arch, image->role, memory,
          size, image->recipe != NULL ? image->recipe : "added");
}

static int
image_list(int argc, char **argv)
{
  gboolean as_json = FALSE;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "an array of objects", NULL}, {NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, NULL,
                       "Lists the images of this computer.\n\n" VN_IMAGES_EXIT_HELP,
                       entries, &status))
    return status;
  if (argc > 1)
    return vn_verb_misuse("image list", "it takes no arguments");
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) names = vn_image_names(&error);
  if (names == NULL)
    return vn_images_failed("image list", error);
  g_autoptr(JsonBuilder) json = json_builder_new();
  json_builder_begin_array(json);
  for (guint i = 0; i < names->len; i++) {
    g_autoptr(GError) failure = NULL;
    g_autoptr(VnGuestImage) image = vn_image_open(names->pdata[i], &failure);
    if (as_json)
      list_json(json, names->pdata[i], image, failure);
    else
      list_text(names->pdata[i], image, failure);
  }
  json_builder_end_array(json);
  if (as_json) {
    g_autoptr(JsonNode) root = json_builder_get_root(json);
    g_autofree char *text = json_to_string(root, TRUE);
    g_print("%s\n", text);
  } else if (names->len == 0) {
    g_print("There are no images yet (see `vnec image build --help`).\n");
  }
  return VN_EXIT_PASSED;
}

/* ---- rm ---- */

static int
image_rm(int argc, char **argv)
{
  const GOptionEntry entries[] = {{NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, "NAME…",
                       "Removes images. One that a run is using stays until that has ended.\n\n"
                       VN_IMAGES_EXIT_HELP,
                       entries, &status))
    return status;
  if (argc < 2)
    return vn_verb_misuse("image rm", "which? (see `vnec image list`)");
  for (int i = 1; i < argc; i++) {
    g_autoptr(GError) error = NULL;
    if (!vn_image_remove(argv[i], NULL, &error))
      return vn_images_failed("image rm", error);
  }
  return VN_EXIT_PASSED;
}

/* ---- clean ---- */

#define DAY_S    86400
#define DAYS_MAX 36500

static int
image_clean(int argc, char **argv)
{
  gint days = 0;
  const GOptionEntry entries[] = {
      {"unused", 0, 0, G_OPTION_ARG_INT, &days, "only what was not used for so many days", "DAYS"},
      {NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, NULL,
                       "Removes what is kept only so that things go faster: packages that images "
                       "were built\nfrom, and ready states of machines, which boot once more then. "
                       "Images stay.\n\n" VN_IMAGES_EXIT_HELP,
                       entries, &status))
    return status;
  if (argc > 1)
    return vn_verb_misuse("image clean", "it takes no arguments");
  if (days < 0 || days > DAYS_MAX)
    return vn_verb_misuse("image clean", "--unused takes 0 to %d days", DAYS_MAX);
  g_autoptr(GError) error = NULL;
  VnImageCleaned cleaned;
  gboolean all = vn_image_clean((gint64)days * DAY_S, &cleaned, &error);
  g_autofree char *size = g_format_size(cleaned.bytes);
  g_print("Removed: packages: %u, ready states: %u, together %s.\n", cleaned.packages,
          cleaned.states, size);
  return all ? VN_EXIT_PASSED : vn_images_failed("image clean", error);
}

/* ---- the verb ---- */

static const struct {
  const char *name, *arguments, *help;
  int (*run)(int argc, char **argv);
} actions[] = {
    {"build", "NAME…", "build an image that VNEC has a recipe for", image_build},
    {"list", "", "what images there are", image_list},
    {"check", "[NAME…]", "are they as they were; with --boot: do they start",
     vn_image_check_action},
    {"add", "NAME FILE.qcow2", "take a disk of yours as an image", vn_image_add_action},
    {"rm", "NAME…", "remove images", image_rm},
    {"clean", "[--unused DAYS]", "remove packages and ready states that are kept", image_clean},
};

static void
print_help(void)
{
  g_print("Usage: vnec image ACTION [OPTION…] [ARGUMENT…]\n\n"
          "The guests that virtual machines of this computer are made from.\n\nActions:\n");
  for (guint i = 0; i < G_N_ELEMENTS(actions); i++) {
    g_autofree char *call = g_strjoin(" ", actions[i].name, actions[i].arguments, NULL);
    g_print("  %s%*s %s\n", call, (int)(22 - g_utf8_strlen(call, -1)), "", actions[i].help);
  }
  g_print("\n`vnec image ACTION --help` says more.\n\n" VN_IMAGES_EXIT_HELP "\n");
}

int
vn_verb_image(int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : "--help";
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
    print_help();
    return argc > 1 ? VN_EXIT_PASSED : VN_EXIT_MISUSE;
  }
  for (guint i = 0; i < G_N_ELEMENTS(actions); i++) {
    if (strcmp(actions[i].name, name) != 0)
      continue;
    g_autofree char *called = g_strdup_printf("vnec image %s", name);
    g_set_prgname(called);
    argv[1] = called;
    return actions[i].run(argc - 1, argv + 1);
  }
  return vn_verb_misuse("image", "there is no \"%s\" (see `vnec image --help`)", name);
}
