/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of a query as an aligned table, CSV (RFC 4180) or JSON (an array of objects). */
#pragma once

#include "store/store.h"

typedef enum { VN_TABLE_TEXT, VN_TABLE_CSV, VN_TABLE_JSON } VnTableForm;

/* Prints on standard output. */
gboolean vn_table_print(VnStore *store, const char *sql, VnTableForm form, GError **error);
