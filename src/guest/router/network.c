/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NETWORK: what the topology computed, put into the guest's kernel. Setting what is set already
 * is success, so a frame may come twice. */
#include "guest/router/lease.h"
#include "guest/router/router.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX  (5u + VN_LEASE_ROUTES_MAX + 1u)
#define SYSCTL_MAX 160u

static const VnTaskClass network_class = {.size = sizeof(VnTask)};

/* Splits at single spaces, in place. 0: more words than any line has. */
static unsigned
split(char *line, char *words[WORDS_MAX])
{
  unsigned n = 0;
  while (n < WORDS_MAX) {
    words[n++] = line;
    line = strchr(line, ' ');
    if (line == NULL)
      return n;
    *line++ = '\0';
  }
  return 0;
}

static int
set_sysctl(const char *before, const char *iface, const char *after, const char *value)
{
  char bytes[SYSCTL_MAX];
  VnText path;
  VnOsFileId file;
  vn_text_init(&path, bytes, sizeof bytes);
  vn_text_add(&path, "/proc/sys/net/");
  vn_text_add(&path, before);
  vn_text_add(&path, iface);
  vn_text_add(&path, after);
  if (path.overflow || strchr(iface, '/') != NULL)
    return -1;
  int error = vn_os_file_open(bytes, VN_OS_APPEND, 0, &file);
  if (error != 0)
    return error;
  error = vn_os_file_write(file, value, strlen(value));
  vn_os_file_close(file);
  return error;
}

static int
apply_iface(char *line)
{
  char *words[WORDS_MAX];
  if (split(line, words) != 2)
    return -1;
  if (vn_text_equal(words[0], VN_ROUTER_EXTERNAL))
    return 0;
  int error = vn_iface_note(words[0], words[1]);
  if (error == 0) {
    set_sysctl("ipv4/conf/", vn_iface_real(words[0]), "/rp_filter", "0");
    error = vn_netlink_link_up(vn_iface_real(words[0]));
  }
  return error;
}

static int
apply_address(char *line)
{
  char *words[WORDS_MAX];
  if (split(line, words) != 2)
    return -1;
  const char *iface = vn_iface_real(words[0]);
  int error = vn_netlink_address(iface, words[1]);
  return error != 0 ? error : vn_netlink_link_up(iface);
}

static int
apply_route(char *line)
{
  char *words[WORDS_MAX];
  unsigned n = split(line, words);
  if (n == 3 && vn_text_equal(words[1], "dev"))
    return vn_netlink_route(vn_iface_real(words[2]), words[0], NULL);
  if (n == 5 && vn_text_equal(words[1], "via") && vn_text_equal(words[3], "dev"))
    return vn_netlink_route(vn_iface_real(words[4]), words[0], words[2]);
  return -1;
}

/* The kernel delays what it answers for others at random, up to a second, unless told not to. */
static int
apply_proxy(char *line)
{
  char *words[WORDS_MAX];
  if (split(line, words) != 2)
    return -1;
  const char *iface = vn_iface_real(words[0]);
  int six = strchr(words[1], ':') != NULL;
  int error = set_sysctl(six ? "ipv6/neigh/" : "ipv4/neigh/", iface, "/proxy_delay", "0");
  if (error == 0 && six)
    error = set_sysctl("ipv6/conf/", iface, "/proxy_ndp", "1");
  return error != 0 ? error : vn_netlink_proxy(iface, words[1]);
}

static int
apply_lease(char *line)
{
  char *words[WORDS_MAX];
  return vn_serve_lease(words, split(line, words));
}

static int
is_line(uint16_t tag)
{
  return tag == VN_TAG_ADDRESS || tag == VN_TAG_ROUTE || tag == VN_TAG_PROXY ||
         tag == VN_TAG_IFACE;
}

static int
names_external(const VnFrame *frame)
{
  static const char name[] = VN_ROUTER_EXTERNAL;
  uint32_t offset = 0, size;
  uint16_t tag;
  const uint8_t *bytes;
  while (vn_frame_next(frame, &offset, &tag, &bytes, &size) > 0)
    for (uint32_t i = 0; is_line(tag) && i + 4 <= size; i++)
      if (memcmp(bytes + i, name, sizeof name - 1) == 0)
        return 1;
  return 0;
}

/* Applies all fields of one tag. -2: an error was reported. */
static int
apply_all(VnAgent *agent, VnTask *task, const VnFrame *frame, VnFrameTag tag, int (*apply)(char *))
{
  unsigned n;
  const char *why;
  char **lines = vn_request_texts(frame, (uint16_t)tag, 0, &n, &why);
  if (lines == NULL) {
    vn_task_refuse(agent, task, why, 0);
    return -2;
  }
  int error = 0;
  for (unsigned i = 0; i < n && error == 0; i++) {
    char bytes[256];
    VnText what;
    vn_text_init(&what, bytes, sizeof bytes);
    vn_text_add(&what, "can't set ");
    vn_text_add(&what, lines[i]);
    error = apply(lines[i]);
    if (error != 0)
      vn_task_fail(agent, task, bytes, error < 0 ? 0 : error);
  }
  free(lines);
  return error == 0 ? 0 : -2;
}

static int
switch_forwarding_on(void)
{
  int error = set_sysctl("ipv4/ip_forward", "", "", "1");
  if (error != 0)
    return error;
  /* A guest without IPv6 has no such files, and needs none. A subnet that spans several segments
   * has ways in and out that differ, so no filter asks for the way back. */
  set_sysctl("ipv6/conf/all/forwarding", "", "", "1");
  set_sysctl("ipv6/conf/all/proxy_ndp", "", "", "1");
  set_sysctl("ipv4/conf/all/send_redirects", "", "", "0");
  set_sysctl("ipv4/conf/all/rp_filter", "", "", "0");
  return 0;
}

/* 0: netlink is open. */
static int
prepare(const VnFrame *frame, const char **out_what)
{
  *out_what = "can't open netlink";
  int error = vn_netlink_open();
  if (error != 0)
    return error;
  *out_what = "can't open the external interface";
  if (names_external(frame))
    error = vn_router_open_external();
  if (error == 0) {
    *out_what = "can't switch forwarding on";
    error = switch_forwarding_on();
  }
  if (error != 0)
    vn_netlink_close();
  return error;
}

void
vn_router_network(VnAgent *agent, const VnFrame *frame)
{
  VnTask *task = vn_task_new(agent, &network_class, frame);
  if (task == NULL)
    return;
  const char *what;
  int error = prepare(frame, &what);
  if (error != 0) {
    vn_task_fail(agent, task, what, error);
    return;
  }
  if (apply_all(agent, task, frame, VN_TAG_IFACE, apply_iface) == 0 &&
      apply_all(agent, task, frame, VN_TAG_ADDRESS, apply_address) == 0 &&
      apply_all(agent, task, frame, VN_TAG_ROUTE, apply_route) == 0 &&
      apply_all(agent, task, frame, VN_TAG_PROXY, apply_proxy) == 0 &&
      apply_all(agent, task, frame, VN_TAG_LEASE, apply_lease) == 0)
    vn_task_succeed(agent, task);
  vn_netlink_close();
}
