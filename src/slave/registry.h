/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The drivers that are built in. */
#pragma once

#include "driver/driver.h"

const VnDriver *const *vn_registry(gsize *out_n);
