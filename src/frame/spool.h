/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and bounds of a channel that is a shared folder. What they mean is told in
 * guest/agent/spool.c and doc/protocol.md. */
#pragma once

#include "frame/frame.h"
#include "frame/line.h"

#define VN_SPOOL_SESSION   "session"
#define VN_SPOOL_DOWN      'd'
#define VN_SPOOL_UP        'u'
#define VN_SPOOL_TEMPORARY ".t"
#define VN_SPOOL_FILE      (VN_FRAME_MAX + 4u) /* bytes of one: the largest frame */
#define VN_SPOOL_WINDOW    16u                 /* files of a direction at once */
