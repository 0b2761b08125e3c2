/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random scripts that follow the grammar: every form of every declaration, meaning nothing. */
#pragma once

#include <glib.h>

/* noise: comments and odd white space between tokens. Owned by the caller. */
char *random_script(GRand *rand, gboolean noise);
