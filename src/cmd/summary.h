/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last words of a run, and the first of `vnec results DIR`: verdict, trials, the table of
 * measures. Read from the store, so that both say the same. */
#pragma once

#include "store/store.h"

void vn_summary_print(VnStore *store, gboolean colour);
