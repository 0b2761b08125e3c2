/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files into and out of VMs: PUT and DATA frames down, GET down and DATA frames up, one OUTCOME.
 *
 * Sending stops while the session's queue is full and goes on when it was drained. Pulled files
 * land below files/TRIAL/HOST in the results folder. */
#include "frame/status.h"
#include "master/remote-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX    (G_GINT64_CONSTANT(16) << 30)
#define LAST_CHUNK  1 /* flag of DATA */
#define PUT_SLACK   256 /* of a frame's fields beside the path */

struct Transfer {
  guint64 id;
  VnRemote *remote;
  guint32 node, vm;
  int fd;
  char *path; /* pull: the file that is being written; removed if it can't be had */
  gboolean push;
  gint64 left;   /* push: bytes to send */
  gboolean sent; /* push: the last chunk was queued */
  char *error;   /* of our side; the agent's outcome is still awaited */
};

void
vn_transfer_free(gpointer data)
{
  Transfer *transfer = data;
  if (transfer->fd >= 0)
    close(transfer->fd);
  if (transfer->path != NULL)
    (void)unlink(transfer->path); /* half a file, or none */
  g_free(transfer->path);
  g_free(transfer->error);
  g_free(transfer);
}

static Transfer *
transfer_new(VnRemote *remote, guint32 node, guint32 vm, int fd, gboolean push)
{
  Transfer *transfer = g_new0(Transfer, 1);
  transfer->id = vn_remote_next_id(remote);
  transfer->remote = remote;
  transfer->node = node;
  transfer->vm = vm;
  transfer->fd = fd;
  transfer->push = push;
  g_hash_table_insert(remote->transfers, &transfer->id, transfer);
  return transfer;
}

/* Removes it, then tells the node. */
static void
transfer_end(Transfer *transfer, const char *error)
{
  VnRemote *remote = transfer->remote;
  guint32 node = transfer->node;
  g_hash_table_steal(remote->transfers, &transfer->id);
  int fd = transfer->fd;
  transfer->fd = -1;
  g_autofree char *told = g_strdup(transfer->error != NULL ? transfer->error : error);
  if (fd >= 0 && close(fd) != 0 && told == NULL)
    told = g_strdup_printf("writing the file: %s", g_strerror(errno));
  if (told == NULL)
    g_clear_pointer(&transfer->path, g_free);
  vn_transfer_free(transfer);
  vn_remote_answered(remote, node, told);
}

static VnSession *
session_of(Transfer *transfer)
{
  return vn_remote_session(transfer->remote, transfer->vm);
}

static void
cancel_at_agent(Transfer *transfer)
{
  VnSession *session = session_of(transfer);
  if (session == NULL)
    return;
  (void)vn_session_begin(session, VN_FRAME_CANCEL, 0, transfer->vm, transfer->id, 0);
  vn_session_commit(session);
}

/* ---- push ---- */

/* FALSE: the file can't be read as far as it was long. */
static gboolean
send_chunk(Transfer *transfer, VnSession *session)
{
  guint8 bytes[VN_FRAME_CHUNK];
  gsize wanted = (gsize)MIN(transfer->left, (gint64)sizeof(bytes)), got = 0;
  while (got < wanted) {
    gssize n = read(transfer->fd, bytes + got, wanted - got);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    got += (gsize)n;
  }
  transfer->left -= (gint64)got;
  transfer->sent = transfer->left == 0;
  VnFrameWriter *writer =
      vn_session_begin(session, VN_FRAME_DATA, transfer->sent ? LAST_CHUNK : 0, transfer->vm,
                       transfer->id, got + PUT_SLACK);
  vn_frame_put(writer, VN_TAG_BYTES, bytes, got);
  vn_session_commit(session);
  return TRUE;
}

/* As much as the queue takes. */
static void
push_on(Transfer *transfer)
{
  VnSession *session = session_of(transfer);
  while (session != NULL && !transfer->sent && transfer->error == NULL &&
         vn_session_queued(session) < VN_SESSION_QUEUE_HIGH) {
    if (!send_chunk(transfer, session)) {
      transfer->error = g_strdup("the file became shorter while it was copied");
      cancel_at_agent(transfer);
    }
  }
}

static int
open_source(VnRemote *remote, const char *source, struct stat *info, char **out_error)
{
  g_autofree char *path = g_canonicalize_filename(source, remote->config.folder);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && fstat(fd, info) == 0 && S_ISREG(info->st_mode) && info->st_size <= FILE_MAX)
    return fd;
  *out_error = g_strdup_printf("reading %s: %s", path,
                               fd < 0                     ? g_strerror(errno)
                               : S_ISREG(info->st_mode) ? "the file is too large"
                                                        : "it is no regular file");
  if (fd >= 0)
    close(fd);
  return -1;
}

void
vn_transfer_push(VnRemote *remote, guint32 node, guint32 vm, const char *source,
                 const char *target)
{
  struct stat info;
  g_autofree char *error = NULL;
  VnSession *session = vn_remote_session(remote, vm);
  int fd = session != NULL ? open_source(remote, source, &info, &error) : -1;
  if (fd < 0) {
    vn_remote_answered(remote, node, error != NULL ? error : "its machine went away");
    return;
  }
  Transfer *transfer = transfer_new(remote, node, vm, fd, TRUE);
  transfer->left = info.st_size;
  VnFrameWriter *writer = vn_session_begin(session, VN_FRAME_PUT, 0, vm, transfer->id,
                                           strlen(target) + PUT_SLACK);
  vn_frame_put_text(writer, VN_TAG_PATH, target);
  vn_frame_put_int(writer, VN_TAG_MODE, info.st_mode & 0777);
  vn_frame_put_int(writer, VN_TAG_SIZE, info.st_size);
  vn_session_commit(session);
  push_on(transfer);
}

void
vn_transfer_drained(VnRemote *remote, VnSlave *slave)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, remote->transfers);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Transfer *transfer = value;
    if (transfer->push && remote->vms[transfer->vm].side->slave == slave)
      push_on(transfer);
  }
}

/* ---- pull ---- */

void
vn_transfer_pull(VnRemote *remote, guint32 node, guint32 vm, const char *source,
                 const char *target)
{
  g_autoptr(GError) error = NULL;
  VnSession *session = vn_remote_session(remote, vm);
  g_autofree char *relative =
      g_strdup_printf("files/%" G_GINT64_FORMAT "/%s/%s", remote->config.trial,
                      remote->model->topology.vms[vm].name, target);
  int fd = session != NULL ? vn_store_create_file(remote->config.store, relative, &error) : -1;
  if (fd < 0) {
    vn_remote_answered(remote, node, error != NULL ? error->message : "its machine went away");
    return;
  }
  Transfer *transfer = transfer_new(remote, node, vm, fd, FALSE);
  transfer->path = g_build_filename(vn_store_folder(remote->config.store), relative, NULL);
  VnFrameWriter *writer = vn_session_begin(session, VN_FRAME_GET, 0, vm, transfer->id,
                                           strlen(source) + PUT_SLACK);
  vn_frame_put_text(writer, VN_TAG_PATH, source);
  vn_frame_put_int(writer, VN_TAG_LIMIT, FILE_MAX);
  vn_session_commit(session);
}

static void
take_data(Transfer *transfer, const VnFrame *frame)
{
  guint32 size;
  const guint8 *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
  while (bytes != NULL && size > 0 && transfer->error == NULL) {
    gssize n = write(transfer->fd, bytes, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      transfer->error = g_strdup_printf("writing the file: %s", g_strerror(errno));
      cancel_at_agent(transfer);
      return;
    }
    bytes += n;
    size -= (guint32)n;
  }
}

/* ---- what the agent says ---- */

static char *
failure_text(const VnFrame *frame)
{
  guint32 size = 0;
  const guint8 *text = vn_frame_find(frame, VN_TAG_ERROR, &size);
  return text != NULL ? g_utf8_make_valid((const char *)text, (gssize)size)
                      : g_strdup("the file could not be copied");
}

void
vn_transfer_frame(VnRemote *remote, Transfer *transfer, const VnFrame *frame)
{
  if (frame->kind == VN_FRAME_DATA && !transfer->push) {
    take_data(transfer, frame);
    return;
  }
  if (frame->kind != VN_FRAME_OUTCOME && frame->kind != VN_FRAME_REFUSED)
    return;
  gboolean well = frame->kind == VN_FRAME_OUTCOME &&
                  vn_frame_int(frame, VN_TAG_STATUS, VN_OUTCOME_REFUSED) == VN_OUTCOME_EXITED &&
                  vn_frame_int(frame, VN_TAG_EXIT_CODE, 0) == 0;
  g_autofree char *error = well ? NULL : failure_text(frame);
  transfer_end(transfer, error);
}

typedef struct {
  guint32 node, vm;
} Which;

static gboolean
is_which(gpointer key, gpointer value, gpointer data)
{
  const Transfer *transfer = value;
  const Which *which = data;
  return (which->node == VN_NO_ID || transfer->node == which->node) &&
         (which->vm == VN_NO_ID || transfer->vm == which->vm);
}

void
vn_transfer_cancel(VnRemote *remote, guint32 node)
{
  Which which = {node, VN_NO_ID};
  Transfer *transfer;
  while ((transfer = g_hash_table_find(remote->transfers, is_which, &which)) != NULL) {
    cancel_at_agent(transfer);
    g_hash_table_remove(remote->transfers, &transfer->id);
  }
}

void
vn_transfer_vm_lost(VnRemote *remote, guint32 vm, const char *why)
{
  Which which = {VN_NO_ID, vm};
  Transfer *transfer;
  while ((transfer = g_hash_table_find(remote->transfers, is_which, &which)) != NULL)
    transfer_end(transfer, why);
}
