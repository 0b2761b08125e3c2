/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See spec.h. */
#include "drivers/libvirt/spec.h"

static const char *const file_names[] = {
#define X(name) #name,
    VN_VIRT_FILES(X)
#undef X
};

/* One line for each field: strings are owned, the rest are values. */
#define CLEAR_u(field)
#define CLEAR_x(field)
#define CLEAR_b(field)
#define CLEAR_s(field) g_clear_pointer(&spec->field, g_free);

void
vn_virt_spec_clear(VnVirtSpec *spec)
{
#define X(type, letter, field) CLEAR_##letter(field)
  VN_VIRT_SPEC_FIELDS(X)
#undef X
  for (guint i = 0; i < VN_VIRT_N_FILES; i++)
    g_clear_pointer(&spec->files[i], g_free);
  g_clear_pointer(&spec->words, g_strfreev);
}

#define PACK_u(value) g_variant_new_uint32(value)
#define PACK_x(value) g_variant_new_int64(value)
#define PACK_b(value) g_variant_new_boolean(value)
#define PACK_s(value) g_variant_new_string((value) != NULL ? (value) : "")

GVariant *
vn_virt_spec_pack(const VnVirtSpec *spec)
{
  GVariantBuilder all;
  g_variant_builder_init(&all, G_VARIANT_TYPE_VARDICT);
#define X(type, letter, field) \
  g_variant_builder_add(&all, "{sv}", #field, PACK_##letter(spec->field));
  VN_VIRT_SPEC_FIELDS(X)
#undef X
  for (guint i = 0; i < VN_VIRT_N_FILES; i++)
    if (spec->files[i] != NULL)
      g_variant_builder_add(&all, "{sv}", file_names[i], g_variant_new_string(spec->files[i]));
  g_variant_builder_add(&all, "{sv}", "macs",
                        g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64, spec->macs, spec->n_macs,
                                                  sizeof spec->macs[0]));
  if (spec->words != NULL)
    g_variant_builder_add(&all, "{sv}", "words",
                          g_variant_new_strv((const char *const *)spec->words, -1));
  return g_variant_builder_end(&all);
}

static gboolean
check(const VnVirtSpec *spec, GError **error)
{
  const char *why = NULL;
  gboolean container = g_strcmp0(spec->kind, VN_VIRT_KIND_CONTAINER) == 0; /* 0: not limited */
  if (spec->memory < VN_VIRT_MEMORY_MIN && !(container && spec->memory == 0))
    why = "has less than 16 MiB of memory";
  else if ((spec->cpus == 0 && !container) || spec->cpus > VN_VIRT_CPUS_MAX)
    why = "has no sensible number of processors";
  else if (spec->format > VN_VIRT_QCOW2)
    why = "has a disk of an unknown format";
  else if (spec->words != NULL && g_strv_length(spec->words) > VN_VIRT_WORDS_MAX)
    why = "has too many routes";
  if (why == NULL)
    return TRUE;
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED, "machine “%s” %s", spec->name,
              why);
  return FALSE;
}

gboolean
vn_virt_spec_unpack(GVariant *packed, VnVirtSpec *out, GError **error)
{
  gboolean found = TRUE;
#define X(type, letter, field) \
  found = found && g_variant_lookup(packed, #field, #letter, &out->field);
  VN_VIRT_SPEC_FIELDS(X)
#undef X
  for (guint i = 0; i < VN_VIRT_N_FILES; i++)
    (void)g_variant_lookup(packed, file_names[i], "s", &out->files[i]); /* may be absent */
  (void)g_variant_lookup(packed, "words", "^as", &out->words);          /* may be absent */
  g_autoptr(GVariant) macs = g_variant_lookup_value(packed, "macs", G_VARIANT_TYPE("at"));
  gsize n = 0;
  const guint64 *values = macs != NULL ? g_variant_get_fixed_array(macs, &n, sizeof *values) : NULL;
  if (!found || macs == NULL || n > VN_VIRT_NICS_MAX) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "a machine was badly described");
    return FALSE;
  }
  out->n_macs = (guint32)n;
  for (gsize i = 0; i < n; i++)
    out->macs[i] = values[i];
  return check(out, error);
}
