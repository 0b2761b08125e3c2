/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fresh tokens of connections and sessions (frame/line.h). */
#pragma once

#include <glib.h>

#include "frame/line.h"

/* 0-9, a-f, and a NUL. FALSE: the kernel has no random numbers to give; errno tells. */
gboolean vn_token_make(char token[VN_LINE_TOKEN + 1]);
