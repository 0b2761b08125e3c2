/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images of guests: where they lie, what stands in them, how they are looked up by name.
 *
 * The store is a folder ($VNEC_IMAGES, else $XDG_DATA_HOME/vnec/images). In it NAME is a symbolic
 * link to objects/ID, a folder with a manifest (image.ini, manifest.h) and the files that it names.
 * ID is the hash of the manifest, which holds the hash of each file: an object is named by its
 * content and never changes. Building again makes another object and turns the link at once, so
 * who has opened an image keeps what he opened. Objects that nothing names and nobody holds open
 * are removed.
 */
#pragma once

#include <gio/gio.h>

#define VN_IMAGE_NAME_MAX 64u   /* letters, digits, '-', '_' and '.', a letter or digit first */
#define VN_IMAGE_LIST_MAX 4096u /* images in a store */
#define VN_IMAGE_MANIFEST "image.ini"

#define VN_IMAGE_ERROR vn_image_error_quark()
GQuark vn_image_error_quark(void);
typedef enum {
  VN_IMAGE_ERROR_NAME,    /* no name for an image */
  VN_IMAGE_ERROR_MISSING, /* no image has it; the text says how to get one */
  VN_IMAGE_ERROR_EXISTS,
  VN_IMAGE_ERROR_DAMAGED, /* what lies in the store is not what was put there */
  VN_IMAGE_ERROR_REFUSED, /* a file that somebody gave isn't fit */
  VN_IMAGE_ERROR_PROGRAM, /* a program of the system is not there */
  VN_IMAGE_ERROR_FETCH,   /* packages can't be had */
  VN_IMAGE_ERROR_SILENT,  /* the guest's agent did not answer */
  VN_IMAGE_ERROR_FAILED,
} VnImageError;

typedef struct {
  char *name;
  char *id;                       /* 64 hexadecimal digits: of the content */
  char *folder;                   /* of the object: absolute, without symbolic links */
  char *technology, *os, *arch;   /* "qemu", "linux", "x86_64" */
  char *role;                     /* "host" or "router" */
  char *kernel, *initrd, *disk;   /* absolute paths; NULL: none */
  char *append;                   /* the kernel's command line, to be added to; NULL: none */
  char *bus, *nic;                /* of the disk: "virtio" or "ide"; network card: "virtio", … */
  gint64 memory;                  /* bytes that are enough */
  char *recipe, *inputs, *agent;  /* of a built one: "linux/1", hashes; NULL: somebody's own */
  int lock;                       /* holds the object while the image is open */
} VnGuestImage;

/* The image for a VM whose script names none. folder: its channel is a shared folder. */
const char *vn_image_default(gboolean router, gboolean folder);

/* Looks up a name and holds the object, so that neither `vnec image rm` nor a newer build removes
 * it before vn_image_free. The hashes of the files are not checked here (vn_image_verify). */
VnGuestImage *vn_image_open(const char *name, GError **error);
void vn_image_free(VnGuestImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnGuestImage, vn_image_free)

/* Are all files what the manifest says, and the manifest what the ID says? */
gboolean vn_image_verify(const VnGuestImage *image, GCancellable *cancellable, GError **error);

/* Names in the store, sorted; empty if there is none. */
GPtrArray *vn_image_names(GError **error);
/* Takes the name away; the object goes when nobody holds it. */
gboolean vn_image_remove(const char *name, GCancellable *cancellable, GError **error);

/* The words that an image's os, role, bus and nic are of; NULL-terminated, the first is what is
 * taken where nothing is said. */
typedef enum { VN_IMAGE_OS, VN_IMAGE_ROLE, VN_IMAGE_BUS, VN_IMAGE_NIC } VnImageWord;
const char *const *vn_image_words(VnImageWord which);

/* May it be a name? */
gboolean vn_image_name_check(const char *name, GError **error);
/* The store's folder, whether it is there or not. */
char *vn_image_store(void);
/* Where packages and apt's lists are kept: $XDG_CACHE_HOME/vnec. */
char *vn_image_cache(void);
