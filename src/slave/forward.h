/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets between routers: off the external interface of one, onto that of another, here or on
 * another slave.
 *
 * One thread an experiment moves them, in batches, and nothing waits for anybody: what an interface
 * or a link does not take at once is dropped and counted. All calls may come from any thread.
 */
#pragma once

#include "driver/driver.h"
#include "slave/ways.h"

typedef struct VnForward VnForward;

VnForward *vn_forward_new(const char *experiment, GError **error);
void vn_forward_free(VnForward *forward);
/* Moves nothing more and closes all descriptors. */
void vn_forward_stop(VnForward *forward);

/* Takes the descriptor; it replaces the one that the router had. */
gboolean vn_forward_add_external(VnForward *forward, guint32 router,
                                 const VnDriverExternal *external, GError **error);
void vn_forward_remove_external(VnForward *forward, guint32 router);
gboolean vn_forward_add_way(VnForward *forward, guint32 from, const VnPrefix *prefix, VnWay way);
/* path empty: the site is this slave's own. FALSE: there are too many sites. */
gboolean vn_forward_add_peer(VnForward *forward, guint32 site, const char *path, guint32 own_site);
/* A link that came from another slave; takes it. FALSE: that site is no peer (it may become one:
 * who connected tries again). */
gboolean vn_forward_join(VnForward *forward, guint32 from_site, guint32 to_site, int fd);
/* Packets of a router's interface that got no further than its slave: off it, and onto it. */
void vn_forward_missed(VnForward *forward, guint32 router, guint64 off, guint64 onto);
/* Adds to an a(st) what was moved and what was dropped, since the start. */
void vn_forward_counters(VnForward *forward, GVariantBuilder *builder);
