/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a script's declarations and not of a step: captures that see nothing (VN315),
 * orders that follow from others (VN316), what nothing uses (VN317). */
#pragma once

#include "base/diag.h"
#include "tests/naive/naive.h"

typedef struct {
  guint32 code, at; /* at: where the declaration begins */
} NaivePlace;

/* Appends NaivePlace, one for each thing. Actions are not looked into: those of script.h name no
 * machine. */
void naive_plain(const Naive *naive, GArray *out);
