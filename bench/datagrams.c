/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datagrams FROM TO ADDRESS SIZE SECONDS: how many UDP packets of SIZE bytes (with IP's head) a
 * second get from one network namespace (a path) to another, where they have ADDRESS. At most
 * WINDOW are under way, so the path is saturated and not overrun. Prints the number last. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 256, BATCH = 64, SEND = 32, PORT = 9999, HEADS = 28, LARGEST = 2048 };

typedef struct {
  _Atomic long received;
  _Atomic int listening;
} Shared;

static void
die(const char *what)
{
  fprintf(stderr, "datagrams: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double
now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int
open_in(const char *space)
{
  int there = open(space, O_RDONLY | O_CLOEXEC);
  if (there < 0 || setns(there, CLONE_NEWNET) != 0)
    die(space);
  close(there);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int buffer = 8 << 20;
  if (fd < 0)
    die("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  return fd;
}

static void
receive(const char *space, Shared *shared)
{
  static char buffers[BATCH][LARGEST];
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH];
  int fd = open_in(space);
  if (bind(fd, (const struct sockaddr *)&here, sizeof here) != 0)
    die("bind");
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){buffers[i], LARGEST};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  atomic_store(&shared->listening, 1);
  for (;;) {
    int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (n > 0)
      atomic_fetch_add(&shared->received, n);
  }
}

static void
wait_for_path(int fd, size_t size, Shared *shared)
{
  static char buffer[LARGEST];
  for (int i = 0; i < 100 && atomic_load(&shared->received) == 0; i++) {
    (void)!send(fd, buffer, size, 0);
    usleep(50000);
  }
  if (atomic_load(&shared->received) == 0) {
    errno = ETIMEDOUT;
    die("no packet arrives");
  }
  usleep(200000);
}

/* Packets that arrived. What is under way for 50 ms without news is lost. */
static long
blast(int fd, size_t size, double seconds, Shared *shared, double *out_took)
{
  static char buffer[LARGEST];
  struct iovec part = {buffer, size};
  struct mmsghdr messages[SEND];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < SEND; i++) {
    messages[i].msg_hdr.msg_iov = &part;
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  long base = atomic_load(&shared->received), last = base, sent = 0, lost = 0;
  double begin = now(), news = begin, time = begin;
  for (; time - begin < seconds; time = now()) {
    long received = atomic_load(&shared->received);
    if (received != last) {
      last = received;
      news = time;
    }
    long under_way = sent - (received - base) - lost;
    if (under_way >= WINDOW && time - news > 0.05) {
      lost += under_way;
      news = time;
    } else if (under_way >= WINDOW) {
      sched_yield();
    } else {
      long room = WINDOW - under_way;
      int n = sendmmsg(fd, messages, (unsigned)(room > SEND ? SEND : room), 0);
      sent += n > 0 ? n : 0;
    }
  }
  *out_took = time - begin;
  return atomic_load(&shared->received) - base;
}

int
main(int argc, char **argv)
{
  if (argc != 6 || atoi(argv[4]) <= HEADS || atoi(argv[4]) > LARGEST) {
    fprintf(stderr, "datagrams FROM TO ADDRESS SIZE SECONDS\n");
    return 2;
  }
  size_t size = (size_t)atoi(argv[4]) - HEADS;
  Shared *shared =
      mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    die("mmap");
  pid_t receiver = fork();
  if (receiver == 0)
    receive(argv[2], shared);
  while (!atomic_load(&shared->listening))
    usleep(1000);
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  int fd = open_in(argv[1]);
  if (inet_pton(AF_INET, argv[3], &there.sin_addr) != 1 ||
      connect(fd, (const struct sockaddr *)&there, sizeof there) != 0)
    die(argv[3]);
  wait_for_path(fd, size, shared);
  double took = 1;
  long n = blast(fd, size, atof(argv[5]), shared, &took);
  kill(receiver, SIGKILL);
  waitpid(receiver, NULL, 0);
  printf("%.0f\n", (double)n / took);
  return 0;
}
