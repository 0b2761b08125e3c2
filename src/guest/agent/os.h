/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The seam between the agent and the operating system: all that is not plain C99 or BSD sockets.
 *
 * One implementation is linked: posix-*.c (Linux, with fallbacks for other POSIX systems) or
 * windows.c. Functions return 0 or an error number of this system (vn_os_error_text knows it)
 * unless they say otherwise. Nothing here knows tasks or frames. Single-threaded.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
typedef SOCKET VnFd;
#define VN_NO_FD      INVALID_SOCKET
#define VN_OS_REFUSED WSAECONNREFUSED
#define VN_OS_MISSING ERROR_FILE_NOT_FOUND
#define MSG_NOSIGNAL 0
#else
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
typedef int VnFd;
#define VN_NO_FD      (-1)
#define VN_OS_REFUSED ECONNREFUSED
#define VN_OS_MISSING ENOENT
#endif

#define VN_MS       INT64_C(1000000) /* in the ns that all times are in */
#define VN_SECOND   INT64_C(1000000000)
#define VN_NEVER    INT64_MAX
#define VN_PATH_MAX 4096

/* Once, before all else: signals, limits, the standard descriptors. Moves *channel, if there is
 * one, out of the way of those. */
int vn_os_init(const char *program, VnFd *channel);

/* Many agents work at once: each would wake into the middle of another's work. A patient one waits
 * its turn instead, so that answers gather and are fetched together. Alone it must not wait: on a
 * busy machine every request would take as long as the others' share of time. */
void vn_os_be_patient(int patient);

int64_t vn_os_monotonic(void);
int vn_os_set_clock(int64_t ns_since_1970);
/* Into the pool of random numbers, which starts anew from it. */
int vn_os_stir(const void *bytes, size_t n);
void vn_os_random(void *bytes, size_t n);
const char *vn_os_error_text(int error);

/* Waits for events, the end of a child, or `until` (monotonic; VN_NEVER). */
void vn_os_poll(struct pollfd *polls, size_t n, int64_t until);

/* --- the channel, and the streams of processes --- */
/* Bytes read or written; 0 of a read: closed; -1 with *out_error 0: would block. */
int64_t vn_os_channel_read(VnFd fd, void *bytes, size_t n, int wait, int *out_error);
int64_t vn_os_channel_write(VnFd fd, const void *bytes, size_t n, int *out_error);
int64_t vn_os_stream_read(VnFd fd, void *bytes, size_t n, int *out_error);
/* A port of the virtual machine, by its name, or a device by its path; not blocking. An error where
 * it is not there (yet). */
int vn_os_port_open(const char *name, VnFd *out);

/* --- descriptors --- */
void vn_os_close(VnFd *fd); /* and sets it to VN_NO_FD */
/* A socket that does not block; VN_NO_FD with *out_error. */
VnFd vn_os_socket(int family, int type, int protocol, int *out_error);
VnFd vn_os_accept(VnFd listener, int *out_error);
int vn_os_socket_error(void);     /* of the last call that failed */
int vn_os_would_block(int error); /* also: a connect is under way */

/* --- processes --- */
typedef struct {
  char **argv; /* with room for one more: the script's path */
  char **envp;
  const char *directory; /* NULL: the agent's own */
  const void *input;     /* standard input; NULL: empty */
  size_t n_input;
  const void *script; /* NULL: none; else put where the process can open it, its path appended */
  size_t n_script;
} VnOsCommand;

typedef struct {
  int64_t pid;
  uint64_t mark; /* what all its descendants carry */
  VnFd kept[2];  /* POSIX: our copies of its stdout and stderr */
} VnOsProcess;

/* Starts it without a shell. out_streams: stdout and stderr, not blocking. On failure *out_step
 * says what was being done. */
int vn_os_spawn(const VnOsCommand *command, VnOsProcess *out, VnFd out_streams[2],
                const char **out_step);
/* The task is over: what was kept for it goes. The process itself may still run. */
void vn_os_forget(const VnOsProcess *process);
/* Adds the environment that a bare guest lacks; gives the agent's own, NULL-terminated. */
char **vn_os_environment(void);
/* What runs a script that names no interpreter; NULL-terminated, at most VN_OS_SHELL_WORDS. */
#define VN_OS_SHELL_WORDS 3u
const char *const *vn_os_shell(void);

typedef struct {
  int64_t pid;
  int code, signal; /* signal 0: it ended by itself */
} VnOsEnded;
/* 1: *out is the next process that ended, 0: none. Reaps orphans on the way. */
int vn_os_reap(VnOsEnded *out);
/* Might a process of ours, or an orphan of one, still exist? */
int vn_os_has_children(void);

typedef enum { VN_OS_ASK, VN_OS_KILL, VN_OS_STOP, VN_OS_CONTINUE, VN_OS_COUNT } VnOsTreeAction;
/* For the process and all descendants; says how many there are, those not yet reaped included. */
unsigned vn_os_tree(const VnOsProcess *process, VnOsTreeAction action);
/* Kills what is left in its own process group: quick, for the process itself not yet reaped. */
void vn_os_kill_group(const VnOsProcess *process);
/* For all processes but the agent where it is the guest's first process, else for all that it
 * started. */
unsigned vn_os_all(VnOsTreeAction action);
/* How many of those are not stopped. */
unsigned vn_os_all_running(void);

/* --- files --- */
typedef intptr_t VnOsFileId; /* the int or HANDLE */
#define VN_OS_NO_FILE ((VnOsFileId)-1)

typedef enum { VN_OS_READ, VN_OS_CREATE, VN_OS_APPEND, VN_OS_CREATE_NEW } VnOsOpen;
int vn_os_file_open(const char *path, VnOsOpen how, unsigned mode, VnOsFileId *out);
int64_t vn_os_file_read(VnOsFileId file, void *bytes, size_t n, int *out_error);
int vn_os_file_write(VnOsFileId file, const void *bytes, size_t n); /* all of them */
int vn_os_file_close(VnOsFileId file);
int vn_os_file_set_mode(VnOsFileId file, unsigned mode);
int vn_os_file_rename(const char *from, const char *to); /* replaces */
int vn_os_file_delete(const char *path);                 /* a file or an empty folder */
int vn_os_file_mkdir(const char *path, unsigned mode);
typedef struct {
  int64_t size;
  unsigned mode;
  int is_directory, is_regular;
} VnOsStat;
int vn_os_file_stat(const char *path, VnOsStat *out);
/* Calls visit with each name, not "." and "..". */
int vn_os_file_list(const char *path, void (*visit)(const char *name, void *data), void *data);

/* --- facts --- */
typedef struct {
  char os[32], release[96], machine[32], hostname[256];
} VnOsNames;
void vn_os_names(VnOsNames *out);
int64_t vn_os_memory(void); /* bytes, 0: unknown */
int64_t vn_os_uptime(void); /* ns, -1: unknown */
int vn_os_cpus(void);
/* Calls visit with each address of an interface that is not loopback: "eth0", "10.0.0.1". */
void vn_os_addresses(void (*visit)(const char *iface, const char *address, void *data), void *data);
/* Does a socket listen on this TCP port, on any address? -1: can't be said. */
int vn_os_listening(unsigned port);
/* LINK: the engine plugged an interface in or unplugged it. The guest's side follows upwards only:
 * to take it down would lose its routes. */
int vn_os_link(const char *name, int up);
