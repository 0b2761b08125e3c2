/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The technology `netns`: hosts and routers are Linux namespaces on this machine. */
#pragma once

#include "driver/driver.h"

extern const VnDriver vn_driver_netns;
