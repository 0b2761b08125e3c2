/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and bodies of messages. A body is checked once, here, as a whole: after that its readers
 * may rely on the type. What the values mean is checked by whoever acts on them. */
#include "wire/session.h"

#include <string.h>

G_DEFINE_QUARK(vn - session - error - quark, vn_session_error)

const char *
vn_message_text(guint16 kind)
{
  switch (kind) {
#define VN_FRAME(id, number, direction, help) \
  case number:                                \
    return #id;
#include "frame/messages.def"
#undef VN_FRAME
#define VN_MESSAGE(id, number, direction, type, help) \
  case number:                                        \
    return #id;
#include "wire/messages.def"
#undef VN_MESSAGE
  default: /* a number from the wire, not an enum */
    return "?";
  }
}

const char *
vn_message_type(guint16 kind)
{
  switch (kind) {
#define VN_MESSAGE(id, number, direction, type, help) \
  case number:                                        \
    return type[0] != '\0' ? type : NULL;
#include "wire/messages.def"
#undef VN_MESSAGE
  default: /* a number from the wire, not an enum */
    return NULL;
  }
}

static GVariant *
malformed(guint16 kind, const char *why, GError **error)
{
  g_set_error(error, VN_SESSION_ERROR, VN_SESSION_ERROR_MALFORMED, "message %s (0x%x): %s",
              vn_message_text(kind), kind, why);
  return NULL;
}

GVariant *
vn_message_body(const VnFrame *frame, GError **error)
{
  const char *type = vn_message_type(frame->kind);
  if (type == NULL)
    return malformed(frame->kind, "has no body", error);
  guint32 size;
  const guint8 *bytes = vn_frame_find(frame, VN_TAG_BODY, &size);
  if (bytes == NULL)
    return malformed(frame->kind, "its body is missing", error);

  g_autoptr(GBytes) copy = g_bytes_new(bytes, size); /* aligned, and outlives the frame */
  g_autoptr(GVariant) body =
      g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(type), copy, FALSE));
  if (!g_variant_is_normal_form(body))
    return malformed(frame->kind, "its body is not of the type that it must have", error);
  if (G_BYTE_ORDER == G_BIG_ENDIAN)
    return g_variant_byteswap(body);
  return g_steal_pointer(&body);
}
