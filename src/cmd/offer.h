/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a slave of this machine says that it offers: the answer to INVENTORY. */
#pragma once

#include <glib.h>

/* A GVariant of OFFER's type; NULL with error. Starts a slave for the question; a moment in which
 * its drivers also remove what an earlier one was not able to. */
GVariant *vn_offer_ask(GError **error);
