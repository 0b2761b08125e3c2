/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `vnec image` and `vnec run` share: work on images with progress on standard error, that
 * Ctrl-C ends. */
#pragma once

#include "image/image.h"

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
