/* SPDX-License-Identifier: GPL-3.0-or-later */
/* By <elf.h>. A section is found by its name; what it says is copied out. */
#include "image/elf.h"

#include <elf.h>
#include <string.h>

#include "image/image.h"

typedef struct {
  const guint8 *bytes;
  gsize size;
} Part;

static gboolean
refuse(GError **error)
{
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED,
              "no 64-bit ELF file for x86, or a broken one");
  return FALSE;
}

/* FALSE: it isn't within the whole. */
static gboolean
part_of(const Part *whole, guint64 offset, guint64 size, Part *out)
{
  if (offset > whole->size || size > whole->size - offset)
    return FALSE;
  *out = (Part){whole->bytes + offset, size};
  return TRUE;
}

static gboolean
section_at(const Part *file, const Elf64_Ehdr *head, guint i, Elf64_Shdr *out)
{
  Part part;
  if (!part_of(file, head->e_shoff + (guint64)i * sizeof *out, sizeof *out, &part))
    return FALSE;
  memcpy(out, part.bytes, sizeof *out);
  return TRUE;
}

/* Text at an offset of a table, ended within it; NULL: none. */
static const char *
text_at(const Part *table, guint64 offset)
{
  if (offset >= table->size || memchr(table->bytes + offset, 0, table->size - offset) == NULL)
    return NULL;
  return (const char *)table->bytes + offset;
}

static gboolean
open_elf(GBytes *bytes, Part *out_file, Elf64_Ehdr *out_head)
{
  gsize size;
  const guint8 *data = g_bytes_get_data(bytes, &size);
  *out_file = (Part){data, size};
  if (size < sizeof *out_head || size > VN_ELF_SIZE_MAX)
    return FALSE;
  memcpy(out_head, data, sizeof *out_head);
  return memcmp(out_head->e_ident, ELFMAG, SELFMAG) == 0 &&
         out_head->e_ident[EI_CLASS] == ELFCLASS64 && out_head->e_ident[EI_DATA] == ELFDATA2LSB &&
         out_head->e_machine == EM_X86_64 && out_head->e_shentsize == sizeof(Elf64_Shdr) &&
         out_head->e_shoff <= size;
}

/* The section's content: size 0 if there is none of that name. FALSE: the file is broken. */
static gboolean
find_section(const Part *file, const Elf64_Ehdr *head, const char *name, Elf64_Shdr *out_section,
             Part *out)
{
  Elf64_Shdr section;
  Part names;
  *out = (Part){NULL, 0};
  if (!section_at(file, head, head->e_shstrndx, &section) ||
      !part_of(file, section.sh_offset, section.sh_size, &names))
    return FALSE;
  for (guint i = 0; i < head->e_shnum; i++) {
    if (!section_at(file, head, i, out_section))
      return FALSE;
    const char *has = text_at(&names, out_section->sh_name);
    if (has != NULL && strcmp(has, name) == 0 && out_section->sh_type != SHT_NOBITS)
      return part_of(file, out_section->sh_offset, out_section->sh_size, out);
  }
  return TRUE;
}

char **
vn_elf_module_needs(GBytes *bytes, GError **error)
{
  static const char key[] = "depends=";
  Part file, info;
  Elf64_Ehdr head;
  Elf64_Shdr section;
  if (!open_elf(bytes, &file, &head) || !find_section(&file, &head, ".modinfo", &section, &info)) {
    refuse(error);
    return NULL;
  }
  const char *text;
  for (gsize at = 0; (text = text_at(&info, at)) != NULL; at += strlen(text) + 1)
    if (g_str_has_prefix(text, key))
      return text[strlen(key)] == '\0' ? g_new0(char *, 1)
                                       : g_strsplit(text + strlen(key), ",", VN_ELF_NEEDS_MAX);
  return g_new0(char *, 1);
}

/* .dynamic is an array of tags; names stand in the section that it links to. */
static gboolean
read_needs(const Part *file, const Elf64_Ehdr *head, GPtrArray *needs)
{
  Elf64_Shdr section, names_section;
  Part dynamic, names;
  if (!find_section(file, head, ".dynamic", &section, &dynamic))
    return FALSE;
  if (dynamic.size == 0)
    return TRUE;
  if (!section_at(file, head, section.sh_link, &names_section) ||
      !part_of(file, names_section.sh_offset, names_section.sh_size, &names))
    return FALSE;
  for (gsize at = 0; at + sizeof(Elf64_Dyn) <= dynamic.size; at += sizeof(Elf64_Dyn)) {
    Elf64_Dyn entry;
    memcpy(&entry, dynamic.bytes + at, sizeof entry);
    if (entry.d_tag != DT_NEEDED)
      continue;
    const char *name = text_at(&names, entry.d_un.d_val);
    if (name == NULL || strchr(name, '/') != NULL || needs->len >= VN_ELF_NEEDS_MAX)
      return FALSE;
    g_ptr_array_add(needs, g_strdup(name));
  }
  return TRUE;
}

char **
vn_elf_library_needs(GBytes *bytes, char **out_loader, GError **error)
{
  Part file, loader;
  Elf64_Ehdr head;
  Elf64_Shdr section;
  g_autoptr(GPtrArray) needs = g_ptr_array_new_with_free_func(g_free);
  if (!open_elf(bytes, &file, &head) || !read_needs(&file, &head, needs) ||
      !find_section(&file, &head, ".interp", &section, &loader)) {
    refuse(error);
    return NULL;
  }
  g_ptr_array_add(needs, NULL);
  *out_loader = g_strdup(text_at(&loader, 0));
  return (char **)g_ptr_array_free(g_steal_pointer(&needs), FALSE);
}
