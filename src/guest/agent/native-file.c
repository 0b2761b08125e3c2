/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Built-in operations on files. The short ones are done at once; those that read a whole file
 * read one chunk a turn, so that a large file keeps nobody waiting. */
#include "guest/agent/native.h"
#include "guest/agent/sha256.h"

#include <stdlib.h>
#include <string.h>

#define MODE_FILE   0644
#define MODE_FOLDER 0755

typedef struct {
  VnTask task;
  const char *path;
  VnOsFileId file;
  int64_t size;
  int found, is_directory, hashed;
  VnSha256 sha;
} File;

static void
fail(VnAgent *agent, File *file, const char *what, int error)
{
  char bytes[VN_PATH_MAX + 64];
  VnText text;
  vn_text_init(&text, bytes, sizeof bytes);
  vn_text_add(&text, what);
  vn_text_add(&text, file->path);
  vn_task_fail(agent, &file->task, bytes, error);
}

static void
end(VnAgent *agent, File *file, const char *what, int error)
{
  if (error == 0)
    vn_task_succeed(agent, &file->task);
  else
    fail(agent, file, what, error);
}

static File *
begin(VnTask *task, char **args)
{
  File *file = (File *)task;
  file->path = args[0];
  file->file = VN_OS_NO_FILE;
  return file;
}

static void
clear(VnTask *task)
{
  File *file = (File *)task;
  if (file->file != VN_OS_NO_FILE)
    vn_os_file_close(file->file);
}

/* Permission bits are written in octal, as everywhere. */
static int
take_mode(VnAgent *agent, VnTask *task, char **args, unsigned n_args, unsigned i, unsigned missing,
          unsigned *out)
{
  *out = missing;
  if (i >= n_args)
    return 0;
  *out = 0;
  for (const char *at = args[i]; *at != '\0'; at++) {
    *out = *out * 8 + (unsigned)(*at - '0');
    if (*at < '0' || *at > '7' || *out > 07777) {
      vn_task_refuse(agent, task, "the mode is not octal, as 0644", 0);
      return -1;
    }
  }
  return 0;
}

static void
report_size(VnAgent *agent, VnTask *task)
{
  vn_field_int(agent, "size", ((File *)task)->size);
}

const VnTaskClass vn_native_file_create_class = {.size = sizeof(File), .clear = clear};
const VnTaskClass vn_native_file_delete_class = {.size = sizeof(File), .clear = clear};
const VnTaskClass vn_native_file_mkdir_class = {.size = sizeof(File), .clear = clear};
const VnTaskClass vn_native_file_write_class = {
    .size = sizeof(File), .report = report_size, .clear = clear};
const VnTaskClass vn_native_file_append_class = {
    .size = sizeof(File), .report = report_size, .clear = clear};

void
vn_native_file_create(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  File *file = begin(task, args);
  unsigned mode;
  if (take_mode(agent, task, args, n_args, 1, MODE_FILE, &mode) == 0)
    end(agent, file, "can't create ",
        vn_os_file_open(file->path, VN_OS_CREATE_NEW, mode, &file->file));
}

void
vn_native_file_delete(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  (void)n_args;
  end(agent, begin(task, args), "can't delete ", vn_os_file_delete(args[0]));
}

void
vn_native_file_mkdir(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  File *file = begin(task, args);
  unsigned mode;
  VnOsStat info;
  if (take_mode(agent, task, args, n_args, 1, MODE_FOLDER, &mode) < 0)
    return;
  int error = vn_os_file_mkdir(file->path, mode);
  if (error != 0 && vn_os_file_stat(file->path, &info) == 0 && info.is_directory)
    error = 0;
  end(agent, file, "can't make the folder ", error);
}

static int
write_text(File *file, const char *path, VnOsOpen how, unsigned mode, const char *text)
{
  int error = vn_os_file_open(path, how, mode, &file->file);
  if (error != 0)
    return error;
  file->size = (int64_t)strlen(text);
  error = vn_os_file_write(file->file, text, (size_t)file->size);
  if (error == 0 && how == VN_OS_CREATE_NEW)
    error = vn_os_file_set_mode(file->file, mode);
  int close_error = vn_os_file_close(file->file);
  file->file = VN_OS_NO_FILE;
  return error != 0 ? error : close_error;
}

void
vn_native_file_write(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  File *file = begin(task, args);
  unsigned mode;
  if (take_mode(agent, task, args, n_args, 2, MODE_FILE, &mode) < 0)
    return;
  char *temporary = vn_transfer_temporary(file->path);
  if (temporary == NULL) {
    fail(agent, file, "no memory to write ", 0);
    return;
  }
  int error = write_text(file, temporary, VN_OS_CREATE_NEW, mode, args[1]);
  if (error == 0)
    error = vn_os_file_rename(temporary, file->path);
  if (error != 0)
    vn_os_file_delete(temporary);
  free(temporary);
  end(agent, file, "can't write ", error);
}

void
vn_native_file_append(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  (void)n_args;
  File *file = begin(task, args);
  end(agent, file, "can't write ", write_text(file, file->path, VN_OS_APPEND, MODE_FILE, args[1]));
}

/* --- reading a chunk a turn --- */

static int64_t
read_chunk(VnAgent *agent, File *file)
{
  int error;
  int64_t n = vn_os_file_read(file->file, agent->chunk, sizeof agent->chunk, &error);
  if (n < 0)
    fail(agent, file, "can't read ", error);
  return n;
}

static void
start_reading(VnAgent *agent, VnTask *task, char **args)
{
  File *file = begin(task, args);
  VnOsStat info;
  int error = vn_os_file_stat(file->path, &info);
  if (error == 0 && info.is_directory) {
    fail(agent, file, "is a folder, not a file: ", 0);
    return;
  }
  if (error == 0)
    error = vn_os_file_open(file->path, VN_OS_READ, 0, &file->file);
  if (error != 0)
    fail(agent, file, "can't read ", error);
  else
    task->class_->timer(agent, task, task->started);
}

static void
read_more(VnAgent *agent, VnTask *task, int64_t now)
{
  File *file = (File *)task;
  int64_t n = read_chunk(agent, file);
  if (n < 0)
    return;
  file->size += n;
  vn_task_output(agent, task, 1, agent->chunk, (size_t)n);
  if (n == 0 || file->size >= task->limit)
    vn_task_succeed(agent, task);
  else
    task->wake = now;
}

const VnTaskClass vn_native_file_read_class = {
    .size = sizeof(File), .timer = read_more, .report = report_size, .clear = clear};

void
vn_native_file_read(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  (void)n_args;
  start_reading(agent, task, args);
}

static void
hash_more(VnAgent *agent, VnTask *task, int64_t now)
{
  File *file = (File *)task;
  if (file->size == 0)
    vn_sha256_init(&file->sha);
  int64_t n = read_chunk(agent, file);
  if (n < 0)
    return;
  vn_sha256_add(&file->sha, agent->chunk, (size_t)n);
  file->size += n;
  file->hashed = n == 0;
  if (file->hashed)
    vn_task_succeed(agent, task);
  else
    task->wake = now;
}

static void
report_checksum(VnAgent *agent, VnTask *task)
{
  File *file = (File *)task;
  if (!file->hashed)
    return;
  uint8_t digest[VN_SHA256_SIZE];
  char bytes[2 * VN_SHA256_SIZE + 1];
  VnText text;
  vn_sha256_end(&file->sha, digest);
  vn_text_init(&text, bytes, sizeof bytes);
  vn_text_add_hex(&text, digest, sizeof digest);
  vn_field_text(agent, "sha256", bytes);
  vn_field_int(agent, "size", file->size);
}

const VnTaskClass vn_native_file_checksum_class = {
    .size = sizeof(File), .timer = hash_more, .report = report_checksum, .clear = clear};

void
vn_native_file_checksum(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  (void)n_args;
  start_reading(agent, task, args);
}

/* --- questions --- */

static void
report_exists(VnAgent *agent, VnTask *task)
{
  File *file = (File *)task;
  vn_field_bool(agent, "exists", file->found);
  if (!file->found)
    return;
  vn_field_int(agent, "size", file->size);
  vn_field_bool(agent, "directory", file->is_directory);
}

const VnTaskClass vn_native_file_exists_class = {
    .size = sizeof(File), .report = report_exists, .clear = clear};

void
vn_native_file_exists(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  (void)n_args;
  File *file = begin(task, args);
  VnOsStat info;
  file->found = vn_os_file_stat(file->path, &info) == 0;
  if (file->found) {
    file->size = info.size;
    file->is_directory = info.is_directory;
  }
  vn_task_succeed(agent, task);
}

typedef struct {
  VnAgent *agent;
  File *file;
  VnText lines;
} Listing;

/* Names are gathered into one output; a folder with more than fits is cut there. */
static void
add_name(const char *name, void *data)
{
  Listing *listing = data;
  size_t before = listing->lines.used;
  listing->file->size++;
  vn_text_add(&listing->lines, name);
  vn_text_add(&listing->lines, "\n");
  if (listing->lines.overflow)
    listing->lines.used = before;
}

static void
report_count(VnAgent *agent, VnTask *task)
{
  vn_field_int(agent, "count", ((File *)task)->size);
}

const VnTaskClass vn_native_file_list_class = {
    .size = sizeof(File), .report = report_count, .clear = clear};

void
vn_native_file_list(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  (void)n_args;
  File *file = begin(task, args);
  Listing listing = {.agent = agent, .file = file};
  vn_text_init(&listing.lines, (char *)agent->chunk, sizeof agent->chunk);
  int error = vn_os_file_list(file->path, add_name, &listing);
  if (error == 0)
    vn_task_output(agent, task, 1, agent->chunk, listing.lines.used);
  end(agent, file, "can't list ", error);
}
