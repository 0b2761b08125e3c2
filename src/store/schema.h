/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of a results database, as SQL. People query them: doc/results.md describes every
 * column, and a change that is not an addition raises VN_STORE_VERSION. */
#pragma once

#define VN_STORE_VERSION        1
#define VN_STORE_APPLICATION_ID 0x564e4543 /* "VNEC" */

extern const char vn_store_schema[];
