/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_serve: the files below a directory, or one text, by HTTP/1.0 (RFC 1945). Each request
 * closes its connection and gives a line on stdout: method, path, status, size. */
#include "guest/agent/native-serve.h"

#include <string.h>

#define PATH_MAX_HERE 1024u

static void
write_head(VnClient *client, int status, int64_t size)
{
  static const struct {
    int status;
    const char *reason;
  } reasons[] = {{200, "OK"},
                 {400, "Bad Request"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"}};
  VnText text;
  vn_text_init(&text, client->buffer, sizeof client->buffer);
  vn_text_add(&text, "HTTP/1.0 ");
  vn_text_add_int(&text, status);
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (reasons[i].status == status) {
      vn_text_add(&text, " ");
      vn_text_add(&text, reasons[i].reason);
    }
  vn_text_add(&text, "\r\nServer: vnec\r\nConnection: close\r\nContent-Length: ");
  vn_text_add_int(&text, size);
  vn_text_add(&text, "\r\n\r\n");
  client->used = text.used;
  client->sent = 0;
  client->close_after = 1;
}

static int
hex(char digit)
{
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  digit = (char)(digit | 32);
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Undoes %XX, drops the query, refuses what leads out of the directory. 0, or a status. */
static int
decode_path(const char *url, char path[PATH_MAX_HERE])
{
  size_t n = 0;
  for (; *url != '\0' && *url != '?' && *url != '#'; url++) {
    int value = (unsigned char)*url;
    if (*url == '%') {
      int high = hex(url[1]), low = high < 0 ? -1 : hex(url[2]);
      if (low < 0 || (value = high * 16 + low) == 0)
        return 400;
      url += 2;
    }
    if (n + 1 == PATH_MAX_HERE)
      return 400;
    path[n++] = (char)value;
  }
  path[n] = '\0';
  if (path[0] != '/')
    return 400;
  for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2)
    if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
      return 403;
  return 0;
}

/* Opens what the path names, index.html of a folder. A status; 200: client->file and *out_size. */
static int
open_file(const VnServer *server, VnClient *client, const char *path, int64_t *out_size)
{
  char bytes[VN_PATH_MAX];
  VnText full;
  VnOsStat info;
  vn_text_init(&full, bytes, sizeof bytes);
  vn_text_add(&full, server->directory);
  vn_text_add(&full, path);
  int error = vn_os_file_stat(bytes, &info);
  if (error == 0 && info.is_directory) {
    vn_text_add(&full, "/index.html");
    error = vn_os_file_stat(bytes, &info);
  }
  if (error != 0 || full.overflow)
    return 404;
  if (!info.is_regular || vn_os_file_open(bytes, VN_OS_READ, 0, &client->file) != 0)
    return 403;
  *out_size = info.size;
  return 200;
}

static void
log_request(VnAgent *agent, VnServer *server, const char *method, const char *url, int status,
            int64_t size)
{
  char bytes[VN_CLIENT_BUFFER + 64];
  VnText text;
  vn_text_init(&text, bytes, sizeof bytes);
  vn_text_add(&text, method);
  vn_text_add(&text, " ");
  vn_text_add(&text, url);
  vn_text_add(&text, " ");
  vn_text_add_int(&text, status);
  vn_text_add(&text, " ");
  vn_text_add_int(&text, size);
  vn_text_add(&text, "\n");
  vn_task_output(agent, &server->task, 1, bytes, text.used);
}

static void
answer(VnAgent *agent, VnServer *server, VnClient *client)
{
  char path[PATH_MAX_HERE];
  char *method = client->head, *url = strchr(method, ' ');
  char empty[] = "";
  if (url == NULL)
    url = empty;
  else
    *url++ = '\0';
  url[strcspn(url, " \r\n")] = '\0';
  int64_t size = 0;
  int head_only = vn_text_equal(method, "HEAD");
  int status = head_only || vn_text_equal(method, "GET") ? decode_path(url, path) : 405;
  if (status == 0 && server->directory[0] != '\0')
    status = open_file(server, client, path, &size);
  else if (status == 0) {
    status = 200;
    client->rest = server->text;
    size = (int64_t)(client->n_rest = strlen(server->text));
  }
  if (head_only) {
    client->n_rest = 0;
    if (client->file != VN_OS_NO_FILE)
      vn_os_file_close(client->file);
    client->file = VN_OS_NO_FILE;
  }
  server->requests++;
  server->bytes += head_only ? 0 : size;
  log_request(agent, server, method, url, status, size);
  write_head(client, status, size);
}

static void
heard(VnAgent *agent, VnServer *server, VnClient *client, const uint8_t *bytes, size_t n)
{
  size_t room = sizeof client->head - 1 - client->n_head;
  size_t part = n < room ? n : room;
  memcpy(client->head + client->n_head, bytes, part);
  client->n_head += part;
  client->head[client->n_head] = '\0';
  if (strstr(client->head, "\r\n\r\n") != NULL || strstr(client->head, "\n\n") != NULL)
    answer(agent, server, client);
  else if (part < n || client->n_head == sizeof client->head - 1)
    write_head(client, 400, 0);
}

static void
report(VnAgent *agent, VnTask *task)
{
  vn_field_int(agent, "requests", ((VnServer *)task)->requests);
  vn_field_int(agent, "bytes", ((VnServer *)task)->bytes);
}

const VnTaskClass vn_native_http_serve_class = {
    .size = sizeof(VnServer),
    .watch = vn_server_watch,
    .event = vn_server_event,
    .report = report,
    .clear = vn_server_clear,
};

void
vn_native_http_serve(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  VnServer *server = (VnServer *)task;
  server->listener = VN_NO_FD;
  server->file = VN_OS_NO_FILE;
  server->directory = n_args > 1 ? args[1] : "";
  server->text = n_args > 2 ? args[2] : "";
  server->heard = heard;
  vn_server_start(agent, server, args[0]);
}
