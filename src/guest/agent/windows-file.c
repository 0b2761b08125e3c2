/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows: files and folders. Permission bits mean nothing here but "read-only". */
#include "guest/agent/windows-private.h"
#include "guest/agent/text.h"

#include <stdlib.h>

#define WRITE_BITS 0222u

int
vn_os_file_open(const char *path, VnOsOpen how, unsigned mode, VnOsFileId *out)
{
  static const struct {
    DWORD access, creation;
  } ways[] = {
      [VN_OS_READ] = {GENERIC_READ, OPEN_EXISTING},
      [VN_OS_CREATE] = {GENERIC_WRITE, CREATE_ALWAYS},
      [VN_OS_APPEND] = {FILE_APPEND_DATA, OPEN_ALWAYS},
      [VN_OS_CREATE_NEW] = {GENERIC_WRITE, CREATE_NEW},
  };
  (void)mode;
  WCHAR *wide = vn_windows_wide(path);
  if (wide == NULL)
    return ERROR_NOT_ENOUGH_MEMORY;
  HANDLE file =
      CreateFileW(wide, ways[how].access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                  NULL, ways[how].creation, FILE_ATTRIBUTE_NORMAL, NULL);
  int error = file == INVALID_HANDLE_VALUE ? (int)GetLastError() : 0;
  free(wide);
  if (error == 0)
    *out = (VnOsFileId)file;
  return error;
}

int64_t
vn_os_file_read(VnOsFileId file, void *bytes, size_t n, int *out_error)
{
  DWORD got = 0;
  BOOL done = ReadFile((HANDLE)file, bytes, (DWORD)n, &got, NULL);
  *out_error = done ? 0 : (int)GetLastError();
  return done ? (int64_t)got : -1;
}

int
vn_os_file_write(VnOsFileId file, const void *bytes, size_t n)
{
  DWORD put = 0;
  if (!WriteFile((HANDLE)file, bytes, (DWORD)n, &put, NULL))
    return (int)GetLastError();
  return put == n ? 0 : ERROR_DISK_FULL;
}

int
vn_os_file_close(VnOsFileId file)
{
  return CloseHandle((HANDLE)file) ? 0 : (int)GetLastError();
}

int
vn_os_file_set_mode(VnOsFileId file, unsigned mode)
{
  FILE_BASIC_INFO info;
  if ((mode & WRITE_BITS) != 0)
    return 0;
  if (!GetFileInformationByHandleEx((HANDLE)file, FileBasicInfo, &info, sizeof info))
    return (int)GetLastError();
  info.FileAttributes |= FILE_ATTRIBUTE_READONLY;
  return SetFileInformationByHandle((HANDLE)file, FileBasicInfo, &info, sizeof info)
             ? 0
             : (int)GetLastError();
}

int
vn_os_file_rename(const char *from, const char *to)
{
  WCHAR *wide_from = vn_windows_wide(from), *wide_to = vn_windows_wide(to);
  int error = wide_from == NULL || wide_to == NULL ? ERROR_NOT_ENOUGH_MEMORY : 0;
  if (error == 0 && !MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING))
    error = (int)GetLastError();
  free(wide_from);
  free(wide_to);
  return error;
}

int
vn_os_file_delete(const char *path)
{
  WCHAR *wide = vn_windows_wide(path);
  if (wide == NULL)
    return ERROR_NOT_ENOUGH_MEMORY;
  DWORD attributes = GetFileAttributesW(wide);
  int folder = attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
  int error = (folder ? RemoveDirectoryW(wide) : DeleteFileW(wide)) ? 0 : (int)GetLastError();
  free(wide);
  return error;
}

int
vn_os_file_mkdir(const char *path, unsigned mode)
{
  (void)mode;
  WCHAR *wide = vn_windows_wide(path);
  int error = wide == NULL                   ? ERROR_NOT_ENOUGH_MEMORY
              : CreateDirectoryW(wide, NULL) ? 0
                                             : (int)GetLastError();
  free(wide);
  return error;
}

int
vn_os_file_stat(const char *path, VnOsStat *out)
{
  WIN32_FILE_ATTRIBUTE_DATA data;
  WCHAR *wide = vn_windows_wide(path);
  if (wide == NULL)
    return ERROR_NOT_ENOUGH_MEMORY;
  int error = GetFileAttributesExW(wide, GetFileExInfoStandard, &data) ? 0 : (int)GetLastError();
  free(wide);
  if (error != 0)
    return error;
  out->size = (int64_t)data.nFileSizeHigh << 32 | data.nFileSizeLow;
  out->is_directory = (data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  out->is_regular = !out->is_directory && (data.dwFileAttributes & FILE_ATTRIBUTE_DEVICE) == 0;
  out->mode = data.dwFileAttributes & FILE_ATTRIBUTE_READONLY ? 0444 : 0644;
  return 0;
}

int
vn_os_file_list(const char *path, void (*visit)(const char *name, void *data), void *data)
{
  char pattern[VN_PATH_MAX], name[3 * MAX_PATH];
  VnText text;
  WIN32_FIND_DATAW found;
  vn_text_init(&text, pattern, sizeof pattern);
  vn_text_add(&text, path);
  vn_text_add(&text, "\\*");
  WCHAR *wide = vn_windows_wide(pattern);
  if (wide == NULL)
    return ERROR_NOT_ENOUGH_MEMORY;
  HANDLE search = FindFirstFileW(wide, &found);
  int error = search == INVALID_HANDLE_VALUE ? (int)GetLastError() : 0;
  free(wide);
  if (error != 0)
    return error;
  do {
    vn_windows_narrow(found.cFileName, name, sizeof name);
    if (!vn_text_equal(name, ".") && !vn_text_equal(name, ".."))
      visit(name, data);
  } while (FindNextFileW(search, &found));
  FindClose(search);
  return 0;
}
