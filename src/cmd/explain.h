/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The long texts of diagnostics: doc/explain/CODE.md, compiled in, so that vnecc works alone. */
#pragma once

#include "base/diag.h"

/* Markdown; NULL if the code has no text. */
const char *vn_explain(VnDiagCode code);
