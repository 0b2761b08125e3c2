/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The manifest of an image, a key file:
 *
 *   [image]     format=1 technology= os= arch= role= memory=BYTES append= bus= nic=
 *               recipe= inputs= agent=     of a built one
 *   [files]     kernel= initrd= disk=      names in the image's folder, those that there are
 *   [sha256]    NAME=HEX                   of each of them
 *   [packages]  NAME=VERSION               what a built one is made from
 *
 * It holds no time and no path: the same content gives the same bytes.
 */
#pragma once

#include "image/image.h"

#define VN_MANIFEST_FORMAT    1
#define VN_MANIFEST_SIZE_MAX  (64u * 1024u)
#define VN_MANIFEST_TEXT_MAX  4096u /* of one value */
#define VN_MANIFEST_FILES_MAX 3u

/* Fills all but name, id and lock from the manifest in `folder`. */
gboolean vn_manifest_read(const char *folder, VnGuestImage *image, GError **error);
/* The same from a manifest's text; `folder` is for the paths and the error. */
gboolean vn_manifest_parse(const char *text, gsize size, const char *folder, VnGuestImage *image,
                           GError **error);
/* The manifest's bytes: hashes the image's files (absolute paths within one folder).
 * packages: pairs name, version; NULL: none. */
char *vn_manifest_text(const VnGuestImage *image, GPtrArray *packages, GCancellable *cancellable,
                       GError **error);
/* The ID of a manifest. */
char *vn_manifest_id(const char *text, gsize size);
/* Compares each file with its hash in the manifest. */
gboolean vn_manifest_verify(const VnGuestImage *image, GCancellable *cancellable, GError **error);
/* SHA-256 of a file, as hexadecimal text. */
char *vn_manifest_hash_file(const char *path, GCancellable *cancellable, GError **error);
