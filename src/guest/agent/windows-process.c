/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows: starting processes, and ending all their descendants.
 *
 * Each task is a job object, and what its processes start is in it, too. All are also in one job
 * of the agent's, which ends them when the agent ends. Before Windows 8 a process can be in one
 * job only: there, a task that is cancelled loses its own process and not its descendants.
 */
#include "guest/agent/windows-private.h"
#include "guest/agent/text.h"

#include <stdlib.h>
#include <string.h>

#define JOB_PROCESSES_MAX 1024u /* looked at when a job is stopped */

/* A process that we started: until it was reaped and its task forgot it. */
typedef struct Child Child;
struct Child {
  Child *next;
  HANDLE process, wait, job; /* process NULL: reaped; job NULL: forgotten */
  DWORD pid;
  WCHAR *script; /* a file to delete */
};

static Child *all;
static HANDLE everything; /* the job of all */
static int paused;

typedef LONG(NTAPI *NtProcess)(HANDLE process);

int
vn_windows_process_init(void)
{
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
  memset(&limits, 0, sizeof limits);
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  everything = CreateJobObjectW(NULL, NULL);
  if (everything == NULL || !SetInformationJobObject(everything, JobObjectExtendedLimitInformation,
                                                     &limits, sizeof limits))
    return (int)GetLastError();
  SetConsoleCtrlHandler(NULL, TRUE);
  return 0;
}

const char *const *
vn_os_shell(void)
{
  static const char *const shell[] = {"cmd.exe", "/d", "/c", NULL};
  return shell;
}

char **
vn_os_environment(void)
{
  static char **texts;
  if (texts != NULL)
    return texts;
  WCHAR *block = GetEnvironmentStringsW();
  size_t n = 0, k = 0;
  for (WCHAR *at = block; at != NULL && *at != 0; at += wcslen(at) + 1)
    n++;
  texts = calloc(n + 1, sizeof *texts);
  for (WCHAR *at = block; texts != NULL && at != NULL && *at != 0; at += wcslen(at) + 1) {
    size_t capacity = wcslen(at) * 3 + 1;
    char *text = malloc(capacity);
    if (text == NULL || *at == L'=') { /* folders of drives, cmd's own */
      free(text);
      continue;
    }
    vn_windows_narrow(at, text, capacity);
    texts[k++] = text;
  }
  FreeEnvironmentStringsW(block);
  return texts;
}

/* --- texts for CreateProcess --- */

/* One argument as CommandLineToArgvW takes it apart again. */
static char *
quote(char *out, const char *arg)
{
  size_t slashes = 0;
  int bare = *arg != '\0' && strpbrk(arg, " \t\n\v\"") == NULL;
  if (bare) {
    memcpy(out, arg, strlen(arg));
    return out + strlen(arg);
  }
  *out++ = '"';
  for (; *arg != '\0'; arg++) {
    slashes = *arg == '\\' ? slashes + 1 : 0;
    if (*arg == '"') {
      size_t before = 0;
      while (out[-1 - (ptrdiff_t)before] == '\\')
        before++;
      memset(out, '\\', before + 1);
      out += before + 1;
    }
    *out++ = *arg;
  }
  memset(out, '\\', slashes);
  out += slashes;
  *out++ = '"';
  return out;
}

static WCHAR *
command_line(char *const *argv)
{
  size_t room = 1;
  for (size_t i = 0; argv[i] != NULL; i++)
    room += 2 * strlen(argv[i]) + 3;
  char *line = malloc(room), *at = line;
  if (line == NULL)
    return NULL;
  for (size_t i = 0; argv[i] != NULL; i++) {
    if (i > 0)
      *at++ = ' ';
    at = quote(at, argv[i]);
  }
  *at = '\0';
  WCHAR *wide = vn_windows_wide(line);
  free(line);
  return wide;
}

static WCHAR *
environment_block(char *const *envp)
{
  size_t room = 2, used = 0;
  for (size_t i = 0; envp[i] != NULL; i++)
    room += strlen(envp[i]) + 1;
  WCHAR *block = calloc(room, sizeof *block);
  for (size_t i = 0; block != NULL && envp[i] != NULL; i++)
    used += (size_t)MultiByteToWideChar(CP_UTF8, 0, envp[i], -1, block + used, (int)(room - used));
  return block;
}

/* A file in the folder for temporary ones. delete: it goes with its last handle. */
static HANDLE
temporary_file(const void *bytes, size_t n, const WCHAR *ending, int delete, WCHAR path[MAX_PATH])
{
  WCHAR folder[MAX_PATH];
  uint64_t random;
  DWORD put;
  SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, delete};
  vn_os_random(&random, sizeof random);
  if (GetTempPathW(MAX_PATH - 40, folder) == 0)
    return INVALID_HANDLE_VALUE;
  wcscpy(path, folder);
  wcscat(path, L"vnec-");
  size_t at = wcslen(path);
  for (unsigned i = 0; i < 16; i++)
    path[at++] = L"0123456789abcdef"[random >> (4 * i) & 15];
  path[at] = 0;
  wcscat(path, ending);
  DWORD flags = FILE_ATTRIBUTE_TEMPORARY | (delete ? FILE_FLAG_DELETE_ON_CLOSE : 0u);
  HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE,
                            &inherit, CREATE_NEW, flags, NULL);
  if (file == INVALID_HANDLE_VALUE)
    return file;
  if (!WriteFile(file, bytes, (DWORD)n, &put, NULL) || put != n) {
    CloseHandle(file);
    DeleteFileW(path);
    return INVALID_HANDLE_VALUE;
  }
  SetFilePointer(file, 0, NULL, FILE_BEGIN);
  return file;
}

static HANDLE
open_input(const VnOsCommand *command)
{
  WCHAR path[MAX_PATH];
  SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
  if (command->n_input > 0)
    return temporary_file(command->input, command->n_input, L".in", 1, path);
  return CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit,
                     OPEN_EXISTING, 0, NULL);
}

static const WCHAR *
script_ending(const char *interpreter)
{
  return strstr(interpreter, "powershell") != NULL || strstr(interpreter, "pwsh") != NULL ? L".ps1"
                                                                                          : L".cmd";
}

/* Writes the script and names it as the last argument. 0 or an error. */
static int
attach_script(const VnOsCommand *command, Child *child, char name[3 * MAX_PATH])
{
  WCHAR path[MAX_PATH];
  if (command->script == NULL)
    return 0;
  HANDLE file =
      temporary_file(command->script, command->n_script, script_ending(command->argv[0]), 0, path);
  if (file == INVALID_HANDLE_VALUE)
    return (int)GetLastError();
  CloseHandle(file);
  vn_windows_narrow(path, name, 3 * MAX_PATH);
  child->script = vn_windows_wide(name);
  size_t n = 0;
  while (command->argv[n] != NULL)
    n++;
  command->argv[n] = name;
  command->argv[n + 1] = NULL;
  return 0;
}

/* --- starting --- */

static VOID CALLBACK
on_ended(PVOID data, BOOLEAN timed_out)
{
  (void)data;
  (void)timed_out;
  vn_windows_wake();
}

static int
create(const VnOsCommand *command, Child *child, HANDLE input, HANDLE out, HANDLE err)
{
  WCHAR *line = command_line(command->argv), *environment = environment_block(command->envp);
  WCHAR *directory = command->directory == NULL ? NULL : vn_windows_wide(command->directory);
  STARTUPINFOW start;
  PROCESS_INFORMATION made;
  memset(&start, 0, sizeof start);
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = input;
  start.hStdOutput = out;
  start.hStdError = err;
  DWORD flags = CREATE_SUSPENDED | CREATE_NEW_PROCESS_GROUP | CREATE_UNICODE_ENVIRONMENT;
  int error = line == NULL || environment == NULL ? ERROR_NOT_ENOUGH_MEMORY : 0;
  if (error == 0 &&
      !CreateProcessW(NULL, line, NULL, NULL, TRUE, flags, environment, directory, &start, &made))
    error = (int)GetLastError();
  free(line);
  free(environment);
  free(directory);
  if (error != 0)
    return error;
  AssignProcessToJobObject(everything, made.hProcess);
  AssignProcessToJobObject(child->job, made.hProcess);
  ResumeThread(made.hThread);
  CloseHandle(made.hThread);
  child->process = made.hProcess;
  child->pid = made.dwProcessId;
  RegisterWaitForSingleObject(&child->wait, made.hProcess, on_ended, NULL, INFINITE,
                              WT_EXECUTEONLYONCE);
  return 0;
}

static void
let_inherit(SOCKET fd)
{
  SetHandleInformation((HANDLE)fd, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
}

static int
create_with_streams(const VnOsCommand *command, Child *child, VnFd ours[2], const char **out_step)
{
  SOCKET theirs[2] = {INVALID_SOCKET, INVALID_SOCKET};
  *out_step = "can't make streams for";
  int error = vn_windows_pair(&ours[0], &theirs[0]);
  if (error == 0)
    error = vn_windows_pair(&ours[1], &theirs[1]);
  HANDLE input = error != 0 ? INVALID_HANDLE_VALUE : open_input(command);
  if (error == 0 && input == INVALID_HANDLE_VALUE)
    error = (int)GetLastError();
  if (error == 0) {
    *out_step = "can't run";
    let_inherit(theirs[0]);
    let_inherit(theirs[1]);
    error = create(command, child, input, (HANDLE)theirs[0], (HANDLE)theirs[1]);
  }
  if (input != INVALID_HANDLE_VALUE)
    CloseHandle(input);
  for (unsigned i = 0; i < 2; i++) {
    vn_os_close(&theirs[i]);
    if (error != 0)
      vn_os_close(&ours[i]);
  }
  return error;
}

static void
free_child(Child *child)
{
  if (child->job != NULL)
    CloseHandle(child->job);
  if (child->script != NULL)
    DeleteFileW(child->script);
  free(child->script);
  free(child);
}

int
vn_os_spawn(const VnOsCommand *command, VnOsProcess *out, VnFd out_streams[2],
            const char **out_step)
{
  char script[3 * MAX_PATH];
  Child *child = calloc(1, sizeof *child);
  *out_step = "can't keep the script of";
  if (child == NULL)
    return ERROR_NOT_ENOUGH_MEMORY;
  child->job = CreateJobObjectW(NULL, NULL);
  out_streams[0] = out_streams[1] = VN_NO_FD;
  int error = child->job == NULL ? (int)GetLastError() : attach_script(command, child, script);
  if (error == 0)
    error = create_with_streams(command, child, out_streams, out_step);
  if (error != 0) {
    free_child(child);
    return error;
  }
  child->next = all;
  all = child;
  out->pid = child->pid;
  out->mark = (uintptr_t)child->job;
  return 0;
}

/* --- the end of processes --- */

static void
remove_if_over(Child **at)
{
  Child *child = *at;
  if (child->process != NULL || child->job != NULL)
    return;
  *at = child->next;
  free_child(child);
}

int
vn_os_reap(VnOsEnded *out)
{
  for (Child **at = &all; *at != NULL; at = &(*at)->next) {
    Child *child = *at;
    DWORD code;
    if (child->process == NULL || WaitForSingleObject(child->process, 0) != WAIT_OBJECT_0)
      continue;
    out->pid = child->pid;
    out->code = GetExitCodeProcess(child->process, &code) ? (int)code : -1;
    out->signal = 0;
    UnregisterWait(child->wait);
    CloseHandle(child->process);
    child->process = NULL;
    remove_if_over(at);
    return 1;
  }
  return 0;
}

void
vn_os_forget(const VnOsProcess *process)
{
  for (Child **at = &all; *at != NULL; at = &(*at)->next)
    if ((uintptr_t)(*at)->job == process->mark) {
      CloseHandle((*at)->job);
      (*at)->job = NULL;
      remove_if_over(at);
      return;
    }
}

int
vn_os_has_children(void)
{
  return all != NULL;
}

static unsigned
count(HANDLE job)
{
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION info;
  return QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &info, sizeof info,
                                   NULL)
             ? info.ActiveProcesses
             : 0;
}

/* Windows stops single threads only, but its lowest layer has always had this. */
static void
stop_or_continue(HANDLE job, const char *function)
{
  static union {
    JOBOBJECT_BASIC_PROCESS_ID_LIST list;
    uint8_t room[sizeof(JOBOBJECT_BASIC_PROCESS_ID_LIST) + JOB_PROCESSES_MAX * sizeof(ULONG_PTR)];
  } ids;
  NtProcess act = (NtProcess)(void *)GetProcAddress(GetModuleHandleW(L"ntdll"), function);
  if (act == NULL ||
      !QueryInformationJobObject(job, JobObjectBasicProcessIdList, &ids, sizeof ids, NULL))
    return;
  for (DWORD i = 0; i < ids.list.NumberOfProcessIdsInList; i++) {
    HANDLE process = OpenProcess(PROCESS_SUSPEND_RESUME, FALSE, (DWORD)ids.list.ProcessIdList[i]);
    if (process != NULL) {
      act(process);
      CloseHandle(process);
    }
  }
}

static unsigned
act_on(HANDLE job, VnOsTreeAction action)
{
  unsigned n = count(job);
  switch (action) {
  case VN_OS_KILL:
    TerminateJobObject(job, 1);
    break;
  case VN_OS_STOP:
    stop_or_continue(job, "NtSuspendProcess");
    break;
  case VN_OS_CONTINUE:
    stop_or_continue(job, "NtResumeProcess");
    break;
  case VN_OS_ASK:
  case VN_OS_COUNT:
    break;
  }
  return n;
}

unsigned
vn_os_tree(const VnOsProcess *process, VnOsTreeAction action)
{
  if (action == VN_OS_ASK)
    GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, (DWORD)process->pid);
  return act_on((HANDLE)(uintptr_t)process->mark, action);
}

void
vn_os_kill_group(const VnOsProcess *process)
{
  TerminateJobObject((HANDLE)(uintptr_t)process->mark, 1);
  for (Child *child = all; child != NULL; child = child->next)
    if (child->pid == (DWORD)process->pid && child->process != NULL)
      TerminateProcess(child->process, 1); /* where it could not be put in its job */
}

/* Stops are counted by Windows, so each is done once. */
unsigned
vn_os_all(VnOsTreeAction action)
{
  if ((action == VN_OS_STOP && paused) || (action == VN_OS_CONTINUE && !paused))
    return count(everything);
  if (action == VN_OS_STOP || action == VN_OS_CONTINUE)
    paused = action == VN_OS_STOP;
  return act_on(everything, action);
}

unsigned
vn_os_all_running(void)
{
  return paused ? 0 : count(everything);
}
