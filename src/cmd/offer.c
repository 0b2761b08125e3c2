/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One question, one answer, in a loop of its own. */
#include "cmd/offer.h"

#include "cmd/paths.h"
#include "master/slave.h"

#define PATIENCE_S 20

typedef struct {
  GMainLoop *loop;
  GVariant *offer;
  GError *error;
} Question;

static void
on_frame(VnSlave *slave, const VnFrame *frame, gpointer data)
{
  Question *question = data;
  if (frame->kind != VN_MESSAGE_OFFER || question->offer != NULL)
    return;
  question->offer = vn_message_body(frame, &question->error);
  g_main_loop_quit(question->loop);
}

static void
on_turn_ended(VnSlave *slave, gpointer data)
{
}

static void
on_lost(VnSlave *slave, const char *why, gpointer data)
{
  Question *question = data;
  g_set_error_literal(&question->error, VN_SLAVE_ERROR, VN_SLAVE_ERROR_START, why);
  g_main_loop_quit(question->loop);
}

static gboolean
on_patience(gpointer data)
{
  Question *question = data;
  g_set_error_literal(&question->error, VN_SLAVE_ERROR, VN_SLAVE_ERROR_START,
                      "the slave does not answer");
  g_main_loop_quit(question->loop);
  return G_SOURCE_CONTINUE; /* removed below */
}

GVariant *
vn_offer_ask(GError **error)
{
  static const VnSlaveEvents events = {
      .frame = on_frame, .turn_ended = on_turn_ended, .lost = on_lost};
  g_autofree char *helpers = vn_paths_helpers();
  g_autofree char *program = g_build_filename(helpers, "vnec-slave", NULL);
  g_autoptr(VnSlave) slave = vn_slave_open("local", NULL, program, NULL, error);
  if (slave == NULL)
    return NULL;
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  Question question = {loop, NULL, NULL};
  guint patience = g_timeout_add_seconds(PATIENCE_S, on_patience, &question);
  vn_slave_set_events(slave, &events, &question);
  vn_session_send(vn_slave_session(slave), VN_MESSAGE_INVENTORY, 0, 1, NULL);
  g_main_loop_run(loop);
  g_source_remove(patience);
  vn_slave_set_events(slave, NULL, NULL);
  if (question.error != NULL)
    g_propagate_error(error, question.error);
  return question.offer;
}
