/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor of built-in tasks: a master, a slave and HOSTS agents that do nothing but pass bytes.
 *
 *   bench/floor-tasks HOSTS ROUNDS
 *
 * The master writes one batch of requests, the slave (a process of its own, as in VNEC) writes each
 * to an agent's socketpair, an agent looks at a path and answers, the slave gathers what is there
 * by epoll and writes it to the master in one piece. The next round starts when all have answered.
 * No namespaces, no frames, no scheduler, no store. Prints tasks a second. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOSTS_MAX 1024
#define REQUEST   100 /* bytes, as large as VNEC's for the same task */
#define ANSWER    150
#define SPIN_NS   50000 /* the master looks again for so long before it sleeps, as VNEC's does */

static char bytes[HOSTS_MAX * ANSWER];

static void
fail(const char *what)
{
  perror(what);
  exit(1);
}

static double
seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
put(int fd, size_t n)
{
  if (send(fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
    fail("send");
}

/* FALSE (0): the other end closed. */
static int
get(int fd, size_t n)
{
  double until = seconds() + SPIN_NS / 1e9;
  for (size_t there = 0; there < n;) {
    int flags = seconds() < until ? MSG_DONTWAIT : 0;
    ssize_t more = recv(fd, bytes, n - there, flags);
    if (more == 0)
      return 0;
    if (more < 0 && errno != EAGAIN)
      fail("recv");
    there += more > 0 ? (size_t)more : 0;
  }
  return 1;
}

static void
agent(int fd)
{
  struct stat info;
  while (recv(fd, bytes, REQUEST, 0) == REQUEST) {
    if (stat("/tmp", &info) != 0)
      fail("/tmp");
    put(fd, ANSWER);
  }
  _exit(0);
}

static void
start_agents(int epoll, int *fds, int hosts, int up)
{
  for (int i = 0; i < hosts; i++) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
      fail("socketpair");
    pid_t pid = fork();
    if (pid < 0)
      fail("fork");
    if (pid == 0) {
      for (int k = 0; k < i; k++)
        close(fds[k]);
      close(up);
      close(pair[0]);
      agent(pair[1]);
    }
    close(pair[1]);
    fds[i] = pair[0];
    struct epoll_event event = {.events = EPOLLIN, .data.fd = pair[0]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event) != 0)
      fail("epoll_ctl");
  }
}

static void
slave(int up, int hosts)
{
  static int fds[HOSTS_MAX];
  static struct epoll_event events[HOSTS_MAX];
  int epoll = epoll_create1(0);
  start_agents(epoll, fds, hosts, up);
  while (get(up, (size_t)hosts * REQUEST)) {
    for (int i = 0; i < hosts; i++)
      put(fds[i], REQUEST);
    for (int left = hosts, n; left > 0; left -= n) {
      n = epoll_wait(epoll, events, HOSTS_MAX, -1);
      for (int i = 0; i < n; i++)
        if (recv(events[i].data.fd, bytes, ANSWER, 0) != ANSWER)
          fail("recv");
      if (n < 0)
        fail("epoll_wait");
      put(up, (size_t)n * ANSWER);
    }
  }
  for (int i = 0; i < hosts; i++)
    close(fds[i]);
  while (wait(NULL) > 0)
    ;
  _exit(0);
}

int
main(int argc, char **argv)
{
  int hosts = argc > 2 ? atoi(argv[1]) : 0, rounds = argc > 2 ? atoi(argv[2]) : 0, pair[2];
  if (hosts < 1 || hosts > HOSTS_MAX || rounds < 1) {
    fprintf(stderr, "usage: floor-tasks HOSTS ROUNDS\n");
    return 2;
  }
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
    fail("socketpair");
  pid_t pid = fork();
  if (pid < 0)
    fail("fork");
  if (pid == 0) {
    close(pair[0]);
    slave(pair[1], hosts);
  }
  close(pair[1]);
  put(pair[0], (size_t)hosts * REQUEST); /* a round to warm up: the agents have started */
  if (!get(pair[0], (size_t)hosts * ANSWER))
    return 1;
  double started = seconds();
  for (int i = 0; i < rounds; i++) {
    put(pair[0], (size_t)hosts * REQUEST);
    if (!get(pair[0], (size_t)hosts * ANSWER))
      return 1;
  }
  printf("%.0f\n", (double)rounds * hosts / (seconds() - started));
  close(pair[0]);
  waitpid(pid, NULL, 0);
  return 0;
}
