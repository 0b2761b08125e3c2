/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files the steps name: what their actions read and write, the destination of a push, the
 * source of a pull. Only paths that are known before the run; absolute and without `.` and `..`. */
#pragma once

#include "analyze/pass.h"

typedef struct {
  guint32 step;
  gboolean writes;
  const char *path; /* one pointer for one path */
} VnFileUse;

typedef struct {
  GArray *uses; /* of VnFileUse; of a VM: uses[vm_row[v] … vm_row[v + 1]), by path, then by step;
                   once for each step and path */
  guint32 *vm_row;
} VnFiles;

/* In the analysis' arena, but for `uses`, which vn_files_clear frees. */
VnFiles vn_files_of(VnAnalysis *analysis);
void vn_files_clear(VnFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VnFiles, vn_files_clear)
/* The end of the uses of one path that begin at `from`, before `end`. */
guint32 vn_files_same_path(const VnFiles *files, guint32 from, guint32 end);
