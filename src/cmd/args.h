/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GOption lacks. */
#pragma once

#include <glib.h>

/* A copy of argv where a value that stands right behind a short option ("-Dn=5", "-Werror") is an
 * argument of its own, as GOption wants it. options: the letters that take a value. Nothing is
 * touched after "--". Free with g_strfreev. */
char **vn_args_split(char **argv, const char *options);
