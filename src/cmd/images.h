/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `vnec image` and `vnec run` share: work on images with progress on standard error, that
 * Ctrl-C ends. */
#pragma once

#include <gio/gio.h>

#include "cmd/script.h"

#define VN_IMAGES_EXIT_HELP                                                                        \
  "Exit status: 0 done, 1 the image is damaged, refused or silent, 2 misuse,\n"                    \
  "4 something that was needed failed (packages, disk, programs), 130 interrupted."

typedef gboolean (*VnImagesJob)(gpointer data, GCancellable *cancellable, GError **error);

/* Runs the job in a thread; SIGINT and SIGTERM cancel it (G_IO_ERROR_CANCELLED). */
gboolean vn_images_run(VnImagesJob job, gpointer data, GError **error);
/* A VnImageProgress; data: the image's name. */
void vn_images_say(const char *text, gpointer name);
/* Says it, gives the exit status. */
int vn_images_failed(const char *verb, const GError *error);

/* Builds the images that are named and that VNEC has recipes for, where they are not there or
 * their agent is not the present one. */
gboolean vn_images_ensure(GPtrArray *names, GError **error);
/* The same for all that the script's machines of this computer are made from. Gives an exit
 * status; what failed has been said. */
int vn_images_prepare(const char *verb, const VnScript *script);

/* Two actions of `vnec image`. */
int vn_image_check_action(int argc, char **argv);
int vn_image_add_action(int argc, char **argv);
