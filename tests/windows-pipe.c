/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stands in for a virtual machine's port on Windows: a named pipe, opened like a port and without a
 * socket behind it, whose other side is one connection after another to 127.0.0.1:PORT.
 *
 *   windows-pipe.exe \\.\pipe\NAME PORT
 */
#include <winsock2.h>

#include <stdlib.h>
#include <string.h>
#include <windows.h>

static HANDLE pipe_end;
static SOCKET host = INVALID_SOCKET; /* of the present connection */

static DWORD
moved(OVERLAPPED *operation, BOOL begun)
{
  DWORD n = 0;
  if (!begun && GetLastError() != ERROR_IO_PENDING)
    return 0;
  return GetOverlappedResult(pipe_end, operation, &n, TRUE) ? n : 0;
}

/* What the guest says while nobody is connected is lost, as half a frame may be. */
static DWORD WINAPI
from_guest(LPVOID data)
{
  char bytes[512];
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  for (;;) {
    OVERLAPPED operation = {.hEvent = event};
    DWORD n = moved(&operation, ReadFile(pipe_end, bytes, sizeof bytes, NULL, &operation));
    if (n == 0)
      exit(0); /* the agent ended */
    for (DWORD at = 0; at < n;) {
      int put = send(host, bytes + at, (int)(n - at), 0);
      at += put > 0 ? (DWORD)put : n;
    }
  }
}

static void
serve(int port)
{
  char bytes[512];
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((u_short)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  SOCKET fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    exit(0); /* the test is over */
  host = fd;
  int n;
  while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
    for (DWORD at = 0; at < (DWORD)n;) {
      OVERLAPPED operation = {.hEvent = event};
      at += moved(&operation, WriteFile(pipe_end, bytes + at, (DWORD)n - at, NULL, &operation));
    }
  closesocket(fd);
  CloseHandle(event);
}

int
main(int argc, char **argv)
{
  WSADATA data;
  if (argc != 3 || WSAStartup(MAKEWORD(2, 2), &data) != 0)
    return 2;
  pipe_end = CreateNamedPipeA(argv[1], PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE, 1,
                              4096, 4096, 0, NULL);
  if (pipe_end == INVALID_HANDLE_VALUE)
    return 1;
  OVERLAPPED operation = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
  if (!ConnectNamedPipe(pipe_end, &operation) && GetLastError() == ERROR_IO_PENDING)
    WaitForSingleObject(operation.hEvent, INFINITE);
  CreateThread(NULL, 0, from_guest, NULL, 0, NULL);
  for (;;)
    serve(atoi(argv[2]));
}
