/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/images.h"

#include <glib-unix.h>
#include <signal.h>

#include "cmd/paths.h"
#include "cmd/verb.h"
#include "image/build.h"
#include "image/image.h"

typedef struct {
  VnImagesJob job;
  gpointer data;
  GCancellable *cancellable;
  GMainLoop *loop;
  gboolean done;
  GError *error;
} Run;

static void
run_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Run *run = data;
  run->done = run->job(run->data, run->cancellable, &run->error);
  g_task_return_boolean(task, TRUE);
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
  g_main_loop_quit(((Run *)data)->loop);
}

static gboolean
on_signal(gpointer data)
{
  g_cancellable_cancel(((Run *)data)->cancellable);
  return G_SOURCE_CONTINUE;
}

gboolean
vn_images_run(VnImagesJob job, gpointer data, GError **error)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  Run run = {.job = job, .data = data, .cancellable = cancellable, .loop = loop};
  guint watches[] = {g_unix_signal_add(SIGINT, on_signal, &run),
                     g_unix_signal_add(SIGTERM, on_signal, &run)};
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_done, &run);
  g_task_set_task_data(task, &run, NULL);
  g_task_run_in_thread(task, run_in_thread);
  g_main_loop_run(loop);
  for (guint i = 0; i < G_N_ELEMENTS(watches); i++)
    g_source_remove(watches[i]);
  if (run.error != NULL)
    g_propagate_error(error, run.error);
  return run.done;
}

void
vn_images_say(const char *text, gpointer name)
{
  g_printerr("image %s: %s\n", (const char *)name, text);
}

/* What somebody can do about it by typing something else is misuse. */
static int
status_of(const GError *error)
{
  if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return VN_EXIT_INTERRUPTED;
  if (error->domain != VN_IMAGE_ERROR)
    return VN_EXIT_BROKEN;
  switch ((VnImageError)error->code) {
  case VN_IMAGE_ERROR_NAME:
  case VN_IMAGE_ERROR_MISSING:
  case VN_IMAGE_ERROR_EXISTS:
    return VN_EXIT_MISUSE;
  case VN_IMAGE_ERROR_DAMAGED:
  case VN_IMAGE_ERROR_REFUSED:
  case VN_IMAGE_ERROR_SILENT:
    return VN_EXIT_FAILED;
  case VN_IMAGE_ERROR_PROGRAM:
  case VN_IMAGE_ERROR_FETCH:
  case VN_IMAGE_ERROR_FAILED:
    return VN_EXIT_BROKEN;
  }
  return VN_EXIT_BROKEN;
}

int
vn_images_failed(const char *verb, const GError *error)
{
  int status = status_of(error);
  return vn_verb_failed(verb, status,
                        status == VN_EXIT_INTERRUPTED ? "interrupted" : error->message);
}

static gboolean
build_one(gpointer data, GCancellable *cancellable, GError **error)
{
  gboolean built;
  return vn_image_build(data, &built, cancellable, error);
}

gboolean
vn_images_ensure(GPtrArray *names, GError **error)
{
  g_autofree char *agents = vn_paths_helpers();
  for (guint i = 0; i < names->len; i++) {
    const VnRecipe *recipe = vn_recipe_find(names->pdata[i]);
    if (recipe == NULL || vn_image_is_current(recipe, agents))
      continue;
    vn_images_say("is not built yet, or with another agent: building it", (gpointer)recipe->name);
    VnImageBuild build = {.recipe = recipe,
                          .agents = agents,
                          .progress = vn_images_say,
                          .data = (gpointer)recipe->name};
    if (!vn_images_run(build_one, &build, error)) {
      g_prefix_error(error, "image %s: ", recipe->name);
      return FALSE;
    }
  }
  return TRUE;
}
