/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The error domain that all drivers share. */
#include "driver/driver.h"

G_DEFINE_QUARK(vn-driver-error-quark, vn_driver_error)
