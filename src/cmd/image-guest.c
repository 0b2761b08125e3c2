/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec image check, vnec image add: where images of others, and the guests in them, are looked
 * at. */
#include <string.h>

#include "base/quantity.h"
#include "cmd/images.h"
#include "cmd/verb.h"
#include "frame/frame.h"
#include "image/add.h"

#define SECONDS_MAX 3600
#define MEMORY_USUAL "512MiB"
#define MEMORY_DIGITS_MAX 12

static void
say_hello(const char *name, const VnImageHello *hello)
{
  g_print("%s: the agent answered after %.1f s (%s, %s)\n", name, hello->seconds, hello->os,
          hello->arch);
  if (hello->protocol != VN_FRAME_PROTOCOL)
    g_printerr("image %s: its agent speaks version %" G_GINT64_FORMAT
               " of the protocol, this VNEC version %d: install the present agent\n",
               name, hello->protocol, VN_FRAME_PROTOCOL);
}

/* ---- check ---- */

typedef struct {
  VnImageBoot boot;
  gboolean boots;
  VnImageHello hello;
} CheckJob;

static gboolean
check_job(gpointer data, GCancellable *cancellable, GError **error)
{
  CheckJob *job = data;
  return vn_image_verify(job->boot.image, cancellable, error) &&
         (!job->boots || vn_image_boot(&job->boot, &job->hello, cancellable, error));
}

static int
check_named(const char *name, gboolean boots, int seconds)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnGuestImage) image = vn_image_open(name, &error);
  if (image == NULL)
    return vn_images_failed("image check", error);
  CheckJob job = {{.image = image,
                   .seconds = (guint)seconds,
                   .progress = vn_images_say,
                   .data = (gpointer)name},
                  .boots = boots};
  g_auto(VnImageHello) hello = {0};
  gboolean good = vn_images_run(check_job, &job, &error);
  hello = job.hello;
  if (!good)
    return vn_images_failed("image check", error);
  if (boots)
    say_hello(name, &hello);
  g_print("%s: good\n", name);
  return VN_EXIT_PASSED;
}

/* The names, or all of them. */
static GPtrArray *
names_of(int argc, char **argv, GError **error)
{
  if (argc < 2)
    return vn_image_names(error);
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  for (int i = 1; i < argc; i++)
    g_ptr_array_add(names, g_strdup(argv[i]));
  return names;
}

int
vn_image_check_action(int argc, char **argv)
{
  gboolean boots = FALSE;
  int seconds = VN_BOOT_SECONDS;
  const GOptionEntry entries[] = {
      {"boot", 0, 0, G_OPTION_ARG_NONE, &boots, "start each, too: its agent must answer", NULL},
      {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "to wait for the agent (120)", "N"},
      {NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, "[NAME…]",
                       "Are images (else: all) what they were when they were built or added? With "
                       "--boot\neach is started, alone and without being changed, until its agent "
                       "answers.\n\n" VN_IMAGES_EXIT_HELP,
                       entries, &status))
    return status;
  if (seconds < 1 || seconds > SECONDS_MAX)
    return vn_verb_misuse("image check", "--seconds: 1 to %d", SECONDS_MAX);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) names = names_of(argc, argv, &error);
  if (names == NULL)
    return vn_images_failed("image check", error);
  status = VN_EXIT_PASSED;
  for (guint i = 0; i < names->len && status != VN_EXIT_INTERRUPTED; i++) {
    int one = check_named(names->pdata[i], boots, seconds);
    status = MAX(status, one);
  }
  return status;
}

/* ---- add ---- */

typedef struct {
  VnImageAdd add;
  VnImageHello hello;
} AddJob;

static gboolean
add_job(gpointer data, GCancellable *cancellable, GError **error)
{
  AddJob *job = data;
  return vn_image_add(&job->add, &job->hello, cancellable, error);
}

/* "512MiB": a number and a unit of size. */
static gboolean
parse_memory(const char *text, gint64 *out)
{
  gsize digits = strspn(text, "0123456789");
  VnUnit unit = vn_unit_from_text(text + digits, strlen(text + digits));
  if (digits == 0 || digits > MEMORY_DIGITS_MAX || unit == VN_UNIT_NONE ||
      vn_unit_dimension(unit) != VN_DIM_SIZE)
    return FALSE;
  gint64 number = g_ascii_strtoll(text, NULL, 10), factor = vn_unit_factor(unit);
  *out = number <= VN_ADD_MEMORY_MAX / factor ? number * factor : 0;
  return *out >= VN_ADD_MEMORY_MIN;
}

/* A word of the list, or its first where nothing is said; NULL: none of them, and that is said. */
static const char *
choose(const char *option, const char *said, VnImageWord which)
{
  const char *const *words = vn_image_words(which);
  if (said == NULL)
    return words[0];
  for (guint i = 0; words[i] != NULL; i++)
    if (strcmp(words[i], said) == 0)
      return words[i];
  g_autofree char *list = g_strjoinv(", ", (char **)words);
  vn_verb_misuse("image add", "--%s: one of %s", option, list);
  return NULL;
}

typedef struct {
  char *os, *role, *bus, *nic, *memory;
  int seconds;
  gboolean no_boot, replace;
} AddOptions;

static void
add_options_clear(AddOptions *options)
{
  char *texts[] = {options->os, options->role, options->bus, options->nic, options->memory};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(texts[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AddOptions, add_options_clear)

static int
add_file(const AddOptions *options, const char *name, const char *file)
{
  AddJob job = {.add = {.name = name,
                        .file = file,
                        .os = choose("os", options->os, VN_IMAGE_OS),
                        .role = choose("role", options->role, VN_IMAGE_ROLE),
                        .bus = choose("bus", options->bus, VN_IMAGE_BUS),
                        .nic = choose("nic", options->nic, VN_IMAGE_NIC),
                        .replace = options->replace,
                        .seconds = options->no_boot ? 0 : (guint)options->seconds,
                        .progress = vn_images_say,
                        .data = (gpointer)name}};
  if (job.add.os == NULL || job.add.role == NULL || job.add.bus == NULL || job.add.nic == NULL)
    return VN_EXIT_MISUSE;
  const char *memory = options->memory != NULL ? options->memory : MEMORY_USUAL;
  if (!parse_memory(memory, &job.add.memory))
    return vn_verb_misuse("image add", "--memory: a size such as 512MiB, from 16MiB to 1TiB");
  g_autoptr(GError) error = NULL;
  gboolean good = vn_images_run(add_job, &job, &error);
  g_auto(VnImageHello) hello = job.hello;
  if (!good)
    return vn_images_failed("image add", error);
  if (!options->no_boot)
    say_hello(name, &hello);
  g_print("%s: added\n", name);
  return VN_EXIT_PASSED;
}

int
vn_image_add_action(int argc, char **argv)
{
  g_auto(AddOptions) options = {.seconds = VN_BOOT_SECONDS};
  const GOptionEntry entries[] = {
      {"os", 0, 0, G_OPTION_ARG_STRING, &options.os, "linux (default), windows, bsd or other",
       "OS"},
      {"role", 0, 0, G_OPTION_ARG_STRING, &options.role,
       "host (default), or router: vnec-router is in it", "ROLE"},
      {"memory", 0, 0, G_OPTION_ARG_STRING, &options.memory,
       "that it needs (" MEMORY_USUAL ")", "SIZE"},
      {"bus", 0, 0, G_OPTION_ARG_STRING, &options.bus, "of the disk: virtio (default) or ide",
       "BUS"},
      {"nic", 0, 0, G_OPTION_ARG_STRING, &options.nic,
       "network cards: virtio (default), e1000, pcnet or rtl8139", "NIC"},
      {"seconds", 0, 0, G_OPTION_ARG_INT, &options.seconds, "to wait for the agent (120)", "N"},
      {"no-boot", 0, 0, G_OPTION_ARG_NONE, &options.no_boot, "don't start it", NULL},
      {"replace", 0, 0, G_OPTION_ARG_NONE, &options.replace, "in place of one of that name", NULL},
      {NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, "NAME FILE.qcow2",
                       "Takes a disk of yours, with VNEC's agent in it, as an image. It is copied, "
                       "looked\nat, and started once, alone, to see that the agent answers.\n\n"
                       VN_IMAGES_EXIT_HELP,
                       entries, &status))
    return status;
  if (argc != 3)
    return vn_verb_misuse("image add", "a name and a file are wanted");
  if (options.seconds < 1 || options.seconds > SECONDS_MAX)
    return vn_verb_misuse("image add", "--seconds: 1 to %d", SECONDS_MAX);
  return add_file(&options, argv[1], argv[2]);
}
