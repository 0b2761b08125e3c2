/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of --emit=vnl that are about the workflow. Private to this folder. */
#pragma once

#include "emit/emit.h"

/* A string literal. */
void vn_vnl_text(const char *text, GString *out);
/* "{a, b}" */
void vn_vnl_set(const VnModel *model, const guint32 *vms, guint32 n, GString *out);
/* `use MODULE as NAME;` for each module of the library that a task's action is from. */
void vn_vnl_uses(const VnModel *model, GString *out);
/* The actions of the script itself and of modules beside it. */
void vn_vnl_actions(const VnModel *model, GString *out);
void vn_vnl_task(const VnModel *model, const VnTask *task, GString *out);
