/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows: the virtual machine's port.
 *
 * A port is a file, and what waits for sockets can't wait for it. So two threads move bytes between
 * the port and one end of a pair of sockets, whose other end is the agent's channel. Both stop when
 * there is nobody on the machine's side: a read that fails is tried again, and so is a write, which
 * holds the agent back as a full port does. What is then stale is told apart by the line
 * (frame/line.h).
 */
#include "guest/agent/windows-private.h"
#include "guest/agent/text.h"

#include <stdlib.h>
#include <string.h>

#define PUMP_BYTES 8192u
#define PAUSE_MS   20u /* while nobody is there */

typedef struct {
  HANDLE port, event;
  SOCKET socket;
  char bytes[PUMP_BYTES];
} Pump;

/* One for each direction; there is one port in an agent's life. */
static Pump from_port, to_port;

/* How many bytes an operation moved that was begun; 0: none, or it failed. */
static DWORD
moved(const Pump *pump, OVERLAPPED *operation, BOOL begun)
{
  DWORD n = 0;
  if (!begun && GetLastError() != ERROR_IO_PENDING)
    return 0;
  return GetOverlappedResult(pump->port, operation, &n, TRUE) ? n : 0;
}

static DWORD WINAPI
pump_from_port(LPVOID data)
{
  Pump *pump = data;
  for (;;) {
    OVERLAPPED operation = {.hEvent = pump->event};
    DWORD n = moved(pump, &operation,
                    ReadFile(pump->port, pump->bytes, PUMP_BYTES, NULL, &operation));
    if (n == 0)
      Sleep(PAUSE_MS);
    for (DWORD at = 0; at < n;) {
      int put = send(pump->socket, pump->bytes + at, (int)(n - at), 0);
      if (put <= 0)
        return 1; /* the agent ended */
      at += (DWORD)put;
    }
  }
}

static DWORD WINAPI
pump_to_port(LPVOID data)
{
  Pump *pump = data;
  int n;
  while ((n = recv(pump->socket, pump->bytes, PUMP_BYTES, 0)) > 0)
    for (DWORD at = 0; at < (DWORD)n;) {
      OVERLAPPED operation = {.hEvent = pump->event};
      DWORD put = moved(pump, &operation,
                        WriteFile(pump->port, pump->bytes + at, (DWORD)n - at, NULL, &operation));
      if (put == 0)
        Sleep(PAUSE_MS);
      at += put;
    }
  return 0;
}

/* "vnec.0" is \\.\Global\vnec.0, as the driver of such ports names them. */
static HANDLE
open_port(const char *name)
{
  char path[VN_PATH_MAX];
  VnText text;
  vn_text_init(&text, path, sizeof path);
  if (strpbrk(name, "\\/:") == NULL)
    vn_text_add(&text, "\\\\.\\Global\\");
  vn_text_add(&text, name);
  WCHAR *wide = text.overflow ? NULL : vn_windows_wide(path);
  HANDLE port = wide == NULL ? INVALID_HANDLE_VALUE
                             : CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, 0, NULL,
                                           OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
  DWORD error = GetLastError();
  free(wide);
  SetLastError(error);
  return port;
}

static int
start_pump(Pump *pump, HANDLE port, SOCKET socket, LPTHREAD_START_ROUTINE run)
{
  pump->port = port;
  pump->socket = socket;
  pump->event = CreateEventW(NULL, TRUE, FALSE, NULL);
  HANDLE thread = pump->event == NULL ? NULL : CreateThread(NULL, 0, run, pump, 0, NULL);
  if (thread == NULL)
    return (int)GetLastError();
  CloseHandle(thread);
  return 0;
}

int
vn_os_port_open(const char *name, VnFd *out)
{
  SOCKET ours, theirs;
  HANDLE port = open_port(name);
  if (port == INVALID_HANDLE_VALUE)
    return (int)GetLastError();
  int error = vn_windows_pair(&ours, &theirs);
  if (error != 0) {
    CloseHandle(port);
    return error;
  }
  error = start_pump(&from_port, port, theirs, pump_from_port);
  if (error == 0)
    error = start_pump(&to_port, port, theirs, pump_to_port);
  if (error != 0) { /* one thread may use them already: they stay until the agent's end */
    vn_os_close(&ours);
    return error;
  }
  *out = ours;
  return 0;
}
