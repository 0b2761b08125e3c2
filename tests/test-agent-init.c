/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent as the first process of a guest: in pid, mount, user and network namespaces of its
 * own, with its own /proc, as the netns driver starts it. */
#include <stdio.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/agent-peer.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

static char *program;
static pid_t init_pid; /* of the agent, as this test sees it */

/* In the new pid namespace's first process: its own /proc, then the agent. */
static void
become_agent(int channel)
{
  char number[16];
  g_snprintf(number, sizeof number, "%d", channel);
  if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
      mount("proc", "/proc", "proc", 0, NULL) == 0)
    execl(program, program, "--channel-fd", number, NULL);
  _exit(126);
}

static Peer *
start(void)
{
  int pair[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
  init_pid = fork(); /* the pid namespace is for children: peer_enter_namespace's successor */
  if (init_pid == 0) {
    close(pair[0]);
    become_agent(pair[1]);
  }
  close(pair[1]);
  return peer_adopt(pair[0]);
}

static void
ended_well(Peer *peer)
{
  int status;
  peer_free(peer);
  g_assert_cmpint(waitpid(init_pid, &status, 0), ==, init_pid);
  g_assert_true(WIFEXITED(status));
  g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static char *
output_of(Peer *peer, const char *text)
{
  PeerTask *task = peer_script(peer, 0, text);
  peer_wait(peer, task);
  return g_strdup(task->out->str);
}

static PeerTask *
control(Peer *peer, VnFrameKind kind)
{
  Request request = peer_begin(peer, kind, peer_id(peer));
  PeerTask *task = peer_send(&request);
  peer_wait(peer, task);
  g_assert_cmpint(task->exit_code, ==, 0);
  return task;
}

/* All of it in one guest: the kernel lets a pid namespace begin only once for a process here. */
static void
first_process(void)
{
  Peer *peer = start();
  g_autofree char *own = output_of(peer, "cat /proc/1/comm; echo $PPID");
  g_assert_cmpstr(own, ==, "vnec-taskrunner\n1\n");

  /* Orphans are reaped: no zombie stays. */
  g_autofree char *orphans = output_of(
      peer, "for i in 1 2 3 4 5; do (sh -c 'exit 0' & ) ; done; (sleep 0.05 &); sleep 0.2");
  g_usleep(200000);
  g_autofree char *zombies = output_of(peer, "grep -l '^State:.Z' /proc/[0-9]*/status | wc -l");
  g_assert_cmpstr(zombies, ==, "0\n");

  /* Signals that would end a program do nothing, from inside and from outside. */
  g_autofree char *unhurt = output_of(peer, "kill -TERM 1; kill -HUP 1; kill -INT 1; kill -USR1 1; "
                                            "kill -9 1; echo sent");
  g_assert_cmpstr(unhurt, ==, "sent\n");
  g_assert_cmpint(kill(init_pid, SIGTERM) | kill(init_pid, SIGHUP), ==, 0);

  /* What a task left behind is stopped, goes on and ends with the others. */
  g_autofree char *left = output_of(peer, "env -i setsid sh -c 'while :; do :; done' & echo");
  PeerTask *busy = peer_script(peer, 0, "while :; do :; done");
  PeerTask *native = peer_native(peer, FALSE, "sleep", "1000000000000", NULL);
  control(peer, VN_FRAME_PAUSE);
  g_autofree char *seen =
      output_of(peer, "grep -l '^State:.T' /proc/[0-9]*/status | wc -l"); /* new ones may start */
  g_assert_cmpstr(seen, ==, "2\n");
  control(peer, VN_FRAME_CONTINUE);
  g_autofree char *going = output_of(peer, "grep -l '^State:.T' /proc/[0-9]*/status | wc -l");
  g_assert_cmpstr(going, ==, "0\n");
  control(peer, VN_FRAME_RESET);
  peer_wait(peer, busy);
  peer_wait(peer, native);
  g_assert_cmpint(busy->status, ==, VN_OUTCOME_CANCELLED);
  g_assert_cmpint(native->status, ==, VN_OUTCOME_CANCELLED);
  g_autofree char *alone = output_of(peer, "set -- /proc/[0-9]*; echo $#");
  g_assert_cmpstr(alone, ==, "2\n"); /* the agent and the shell */

  /* What forks all the time, in sessions of its own, doesn't outrun its end. */
  PeerTask *bomb = peer_script(peer, SECOND / 2,
                               "for i in 1 2 3 4 5 6 7 8; do\n"
                               "  setsid sh -c 'while :; do (sleep 0.1 &); done' &\n"
                               "done; sleep 1000");
  peer_wait(peer, bomb);
  g_assert_cmpint(bomb->status, ==, VN_OUTCOME_TIMED_OUT);
  g_assert_null(bomb->error);
  g_autofree char *survivors = output_of(peer, "set -- /proc/[0-9]*; echo $#");
  g_assert_cmpstr(survivors, ==, "2\n");

  Request request = peer_begin(peer, VN_FRAME_EXIT, 0);
  peer_send(&request);
  while (peer_turn(peer, 100))
    ;
  ended_well(peer);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  const char *build = g_getenv("VNEC_BUILDDIR");
  program =
      g_build_filename(build != NULL ? build : ".", "libexec", "vnec", "vnec-taskrunner", NULL);
  if (!peer_enter_namespace() || unshare(CLONE_NEWPID) < 0) {
    g_print("1..0 # SKIP no user or pid namespaces here\n");
    return 0;
  }
  g_test_add_func("/agent-init/first-process", first_process);
  int result = g_test_run();
  g_free(program);
  /* Nothing can be started in a pid namespace whose first process has ended, so the leak check of
   * a sanitized build, which wants a thread of its own at exit, must not run. */
  fflush(stdout);
  _exit(result);
}
