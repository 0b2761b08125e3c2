/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "driver/driver.h"

extern const VnDriver vn_driver_qemu;
extern const VnDriver vn_driver_lxc;
