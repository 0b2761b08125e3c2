/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows: start, time, waiting, the channel, sockets.
 *
 * WSAPoll waits for sockets only, so all that is waited for is one: the channel (a port's by way of
 * windows-port.c), the streams of processes (windows-process.c) and a pair by which the end of a
 * process wakes the agent.
 */
#include "guest/agent/windows-private.h"
#include "guest/agent/text.h"

#include <stdlib.h>
#include <string.h>

#define POLLS_FIRST 64u

static SOCKET wake_in = INVALID_SOCKET, wake_out = INVALID_SOCKET;
static struct pollfd *waiting; /* the caller's, and the wake socket */
static size_t waiting_capacity;

WCHAR *
vn_windows_wide(const char *text)
{
  int n = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
  WCHAR *wide = n <= 0 ? NULL : malloc((size_t)n * sizeof *wide);
  if (wide != NULL)
    MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, n);
  return wide;
}

void
vn_windows_narrow(const WCHAR *wide, char *out, size_t capacity)
{
  out[0] = '\0';
  WideCharToMultiByte(CP_UTF8, 0, wide, -1, out, (int)capacity, NULL, NULL);
  out[capacity - 1] = '\0';
}

static void
keep_from_children(SOCKET fd)
{
  SetHandleInformation((HANDLE)fd, HANDLE_FLAG_INHERIT, 0);
}

static void
dont_block(SOCKET fd)
{
  u_long on = 1;
  ioctlsocket(fd, FIONBIO, &on);
}

/* Another program may connect to the listener first: the two ends are compared. */
static int
connect_pair(SOCKET listener, SOCKET *out_ours, SOCKET theirs)
{
  struct sockaddr_in address, own, peer;
  int size = sizeof address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) != 0 ||
      connect(theirs, (struct sockaddr *)&address, size) != 0)
    return WSAGetLastError();
  SOCKET ours = accept(listener, NULL, NULL);
  if (ours == INVALID_SOCKET)
    return WSAGetLastError();
  int own_size = sizeof own, peer_size = sizeof peer;
  if (getpeername(ours, (struct sockaddr *)&peer, &peer_size) != 0 ||
      getsockname(theirs, (struct sockaddr *)&own, &own_size) != 0 ||
      own.sin_port != peer.sin_port) {
    closesocket(ours);
    return WSAECONNABORTED;
  }
  *out_ours = ours;
  return 0;
}

int
vn_windows_pair(SOCKET *out_ours, SOCKET *out_theirs)
{
  SOCKET listener = socket(AF_INET, SOCK_STREAM, 0);
  SOCKET theirs =
      WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, 0); /* for WriteFile: not overlapped */
  int error = listener == INVALID_SOCKET || theirs == INVALID_SOCKET
                  ? WSAGetLastError()
                  : connect_pair(listener, out_ours, theirs);
  if (listener != INVALID_SOCKET)
    closesocket(listener);
  if (error != 0) {
    if (theirs != INVALID_SOCKET)
      closesocket(theirs);
    return error;
  }
  keep_from_children(*out_ours);
  keep_from_children(theirs);
  dont_block(*out_ours);
  *out_theirs = theirs;
  return 0;
}

int
vn_os_init(const char *program, VnFd *channel)
{
  (void)program;
  WSADATA data;
  int error = WSAStartup(MAKEWORD(2, 2), &data);
  if (error == 0)
    error = vn_windows_pair(&wake_in, &wake_out);
  if (error != 0)
    return error;
  if (*channel != VN_NO_FD) {
    keep_from_children(*channel);
    dont_block(*channel);
  }
  return vn_windows_process_init();
}

void
vn_os_be_patient(int patient)
{
  (void)patient; /* there is one agent in a guest */
}

int64_t
vn_os_monotonic(void)
{
  LARGE_INTEGER frequency, now;
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&now);
  int64_t seconds = now.QuadPart / frequency.QuadPart, rest = now.QuadPart % frequency.QuadPart;
  return seconds * VN_SECOND + rest * VN_SECOND / frequency.QuadPart;
}

int
vn_os_set_clock(int64_t ns)
{
  /* FILETIME counts 100 ns since 1601. */
  uint64_t ticks = (uint64_t)ns / 100 + UINT64_C(116444736000000000);
  FILETIME file = {(DWORD)ticks, (DWORD)(ticks >> 32)};
  SYSTEMTIME time;
  return FileTimeToSystemTime(&file, &time) && SetSystemTime(&time) ? 0 : (int)GetLastError();
}

/* Its pool can't be added to, and takes notice of a restore by itself where it can. */
int
vn_os_stir(const void *bytes, size_t n)
{
  (void)bytes;
  (void)n;
  return 0;
}

void
vn_os_random(void *bytes, size_t n)
{
  static uint64_t state; /* only tells our own things apart */
  for (size_t i = 0; i < n; i++) {
    state = (state ^ (uint64_t)vn_os_monotonic() ^ GetCurrentProcessId()) *
                UINT64_C(6364136223846793005) +
            1442695040888963407u;
    ((uint8_t *)bytes)[i] = (uint8_t)(state >> 56);
  }
}

const char *
vn_os_error_text(int error)
{
  static char text[512];
  WCHAR wide[256];
  if (FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, (DWORD)error,
                     0, wide, 256, NULL) == 0)
    return "an error that Windows has no text for";
  vn_windows_narrow(wide, text, sizeof text);
  for (size_t n = strlen(text); n > 0 && strchr("\r\n. ", text[n - 1]) != NULL; n--)
    text[n - 1] = '\0';
  return text;
}

void
vn_windows_wake(void)
{
  send(wake_out, "", 1, 0);
}

static int
make_room(size_t n)
{
  if (n <= waiting_capacity)
    return 1;
  size_t capacity = n < POLLS_FIRST ? POLLS_FIRST : n * 2;
  struct pollfd *more = realloc(waiting, capacity * sizeof *more);
  if (more == NULL)
    return 0;
  waiting = more;
  waiting_capacity = capacity;
  return 1;
}

/* Sockets for which nothing is waited are left out: WSAPoll refuses them. */
void
vn_os_poll(struct pollfd *polls, size_t n, int64_t until)
{
  char drained[64];
  size_t used = 0, at = 0;
  int64_t left = until == VN_NEVER ? 0 : until - vn_os_monotonic();
  int wait = until == VN_NEVER ? -1 : left <= 0 ? 0 : (int)((left + VN_MS - 1) / VN_MS);
  if (until != VN_NEVER && left / VN_MS > INT32_MAX / 2)
    wait = INT32_MAX / 2;
  for (size_t i = 0; i < n; i++)
    polls[i].revents = 0;
  if (!make_room(n + 1))
    return;
  waiting[used++] = (struct pollfd){.fd = wake_in, .events = POLLIN};
  for (size_t i = 0; i < n; i++)
    if (polls[i].events != 0)
      waiting[used++] = polls[i];
  if (WSAPoll(waiting, (ULONG)used, wait) <= 0)
    return;
  if (waiting[0].revents != 0)
    while (recv(wake_in, drained, sizeof drained, 0) > 0)
      ;
  for (size_t i = 0; i < n; i++)
    if (polls[i].events != 0)
      polls[i].revents = waiting[++at].revents;
}

int64_t
vn_os_stream_read(VnFd fd, void *bytes, size_t n, int *out_error)
{
  int got = recv(fd, bytes, (int)n, 0);
  int error = got < 0 ? WSAGetLastError() : 0;
  *out_error = vn_os_would_block(error) ? 0 : error;
  return got;
}

int64_t
vn_os_channel_read(VnFd fd, void *bytes, size_t n, int wait, int *out_error)
{
  struct pollfd one = {.fd = fd, .events = POLLIN};
  if (wait)
    vn_os_poll(&one, 1, VN_NEVER);
  return vn_os_stream_read(fd, bytes, n, out_error);
}

int64_t
vn_os_channel_write(VnFd fd, const void *bytes, size_t n, int *out_error)
{
  int put = send(fd, bytes, (int)n, 0);
  int error = put < 0 ? WSAGetLastError() : 0;
  *out_error = vn_os_would_block(error) ? 0 : error;
  return put;
}

void
vn_os_close(VnFd *fd)
{
  if (*fd != VN_NO_FD)
    closesocket(*fd);
  *fd = VN_NO_FD;
}

VnFd
vn_os_socket(int family, int type, int protocol, int *out_error)
{
  SOCKET fd = socket(family, type, protocol);
  *out_error = fd == INVALID_SOCKET ? WSAGetLastError() : 0;
  if (fd != INVALID_SOCKET) {
    keep_from_children(fd);
    dont_block(fd);
  }
  return fd;
}

VnFd
vn_os_accept(VnFd listener, int *out_error)
{
  SOCKET fd = accept(listener, NULL, NULL);
  *out_error = fd == INVALID_SOCKET ? WSAGetLastError() : 0;
  if (fd != INVALID_SOCKET) {
    keep_from_children(fd);
    dont_block(fd);
  }
  return fd;
}

int
vn_os_socket_error(void)
{
  return WSAGetLastError();
}

int
vn_os_would_block(int error)
{
  return error == WSAEWOULDBLOCK || error == WSAEINPROGRESS;
}
