/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer target: whatever a master or another slave sends, its bodies and batches are read
 * within their bytes, and what is decoded keeps the promises that drivers rely on. */
#include <stdlib.h>
#include <string.h>

#include "slave/decode.h"
#include "slave/link.h"
#include "wire/session.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_vms(GVariant *body)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(GError) error = NULL;
  VnVmBatch batch = {0};
  gboolean good = vn_decode_vms(body, arena, &batch, &error);
  if (good != (error == NULL))
    abort();
  for (guint i = 0; good && i < batch.n; i++) {
    const VnDriverVm *vm = &batch.vms[i];
    if (vm->id >= VN_SLAVE_IDS_MAX || vm->name[0] == '\0')
      abort();
    for (guint j = 0; j < vm->n_ifaces; j++) {
      if (strlen(vm->ifaces[j].name) >= sizeof vm->ifaces[j].name)
        abort();
    }
    for (guint j = 0; j < vm->n_routes; j++) {
      if (vm->routes[j].iface != VN_DRIVER_EXTERNAL && vm->routes[j].iface >= vm->n_ifaces)
        abort();
    }
  }
  vn_vm_batch_clear(&batch);
}

static void
check_segments(GVariant *body)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(GError) error = NULL;
  VnSegmentBatch batch = {0};
  if (vn_decode_segments(body, arena, &batch, &error) != (error == NULL))
    abort();
}

static void
check_body(guint16 kind, const guint8 *data, gsize size)
{
  g_autofree guint8 *bytes = g_malloc(size + 64);
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, size + 64);
  vn_frame_begin(&writer, kind, 0, 0, 0);
  vn_frame_put(&writer, VN_TAG_BODY, data, size);
  gsize whole = vn_frame_end(&writer);
  VnFrame frame;
  if (whole == 0 || vn_frame_decode(bytes, whole, &frame) != 0)
    return;
  g_autoptr(GVariant) body = vn_message_body(&frame, NULL);
  if (body != NULL && kind == VN_MESSAGE_VMS)
    check_vms(body);
  else if (body != NULL && kind == VN_MESSAGE_SEGMENTS)
    check_segments(body);
}

static void
check_batch(const guint8 *data, gsize size)
{
  g_autofree guint8 *batch = g_memdup2(data, size);
  gsize offset = 0, bytes = 0;
  VnPacket packet;
  while (vn_link_next(batch, size, &offset, &packet)) {
    if (packet.bytes < batch + VN_LINK_HEAD || packet.bytes + packet.size > batch + size)
      abort();
    memset(packet.bytes - VN_LINK_HEAD, 0, VN_LINK_HEAD + packet.size);
    bytes += packet.size;
  }
  if (bytes > size)
    abort();
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  if (size == 0)
    return 0;
  check_body((guint16)(VN_MESSAGE_OPEN + data[0] % 32), data + 1, size - 1);
  check_batch(data + 1, size - 1);
  g_autofree char *name = NULL;
  guint32 from, to;
  (void)vn_link_parse_join(data + 1, size - 1, &name, &from, &to);
  return 0;
}
