/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ports of a virtual machine (virtio-serial), found by the name that the machine's definition gives
 * them; and the pool of random numbers, which is as old as a restored machine's memory. */
#define _GNU_SOURCE
#include "guest/agent/os.h"
#include "guest/agent/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PORTS    "/sys/class/virtio-ports"
#define NAME_MAX_ 64

typedef struct {
  const char *name;
  char path[VN_PATH_MAX]; /* of the device; empty: not found */
} Search;

static int
has_name(const char *port, const char *name)
{
  char path[VN_PATH_MAX], bytes[NAME_MAX_ + 1];
  VnText text;
  VnOsFileId file;
  vn_text_init(&text, path, sizeof path);
  vn_text_add(&text, PORTS "/");
  vn_text_add(&text, port);
  vn_text_add(&text, "/name");
  if (text.overflow || vn_os_file_open(path, VN_OS_READ, 0, &file) != 0)
    return 0;
  int error;
  int64_t n = vn_os_file_read(file, bytes, sizeof bytes - 1, &error);
  vn_os_file_close(file);
  if (n > 0 && bytes[n - 1] == '\n')
    n--;
  return n > 0 && (size_t)n == strlen(name) && memcmp(bytes, name, (size_t)n) == 0;
}

static void
look_at(const char *port, void *data)
{
  Search *search = data;
  VnText path;
  if (search->path[0] != '\0' || !has_name(port, search->name))
    return;
  vn_text_init(&path, search->path, sizeof search->path);
  vn_text_add(&path, "/dev/");
  vn_text_add(&path, port);
}

int
vn_os_port_open(const char *name, VnFd *out)
{
  Search search = {.name = name};
  const char *path = name;
  if (strchr(name, '/') == NULL) {
    int error = vn_os_file_list(PORTS, look_at, &search);
    path = search.path;
    if (error != 0 || path[0] == '\0')
      return error != 0 ? error : ENODEV;
  }
  int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  *out = fd;
  return 0;
}

/* Of <linux/random.h>, which guests' libcs don't have. */
#define ADD_ENTROPY _IOW('R', 0x03, int[2])
#define RESEED      _IO('R', 0x07)
#define SEED_MOST   256u

/* Counted as entropy, because who sends it has good random numbers; without the privilege the bytes
 * are mixed in all the same. */
int
vn_os_stir(const void *bytes, size_t n)
{
  struct {
    int entropy_count; /* bits */
    int size;
    uint8_t bytes[SEED_MOST];
  } pool;
  int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC), error = 0;
  if (fd < 0)
    return errno;
  n = n < SEED_MOST ? n : SEED_MOST;
  pool.entropy_count = (int)n * 8;
  pool.size = (int)n;
  memcpy(pool.bytes, bytes, n);
  if (ioctl(fd, ADD_ENTROPY, &pool) < 0)
    error = write(fd, bytes, n) == (ssize_t)n ? 0 : errno;
  else
    ioctl(fd, RESEED); /* since Linux 4.14; before, in a few minutes by itself */
  close(fd);
  return error;
}
