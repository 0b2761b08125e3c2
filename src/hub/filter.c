/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libpcap compiles to classic BPF, which is what Linux takes on a socket: the two structures are
 * the same but for their names. */
#include "hub/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/socket.h>

#include "hub/pcapng.h"

struct VnFilter {
  struct bpf_program program;
};

static gboolean
compile(struct bpf_program *program, const char *text, GError **error)
{
  pcap_t *pcap = pcap_open_dead(DLT_EN10MB, (int)VN_PCAPNG_SNAPLEN);
  if (pcap == NULL) {
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "out of memory");
    return FALSE;
  }
  gboolean good = pcap_compile(pcap, program, text, 1, PCAP_NETMASK_UNKNOWN) == 0;
  if (!good)
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "capture filter “%s”: %s", text,
                pcap_geterr(pcap));
  pcap_close(pcap);
  return good;
}

VnFilter *
vn_filter_compile(const char *text, GError **error)
{
  if (strlen(text) > VN_FILTER_TEXT_MAX) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "capture filter: longer than %u bytes", VN_FILTER_TEXT_MAX);
    return NULL;
  }
  VnFilter *filter = g_new0(VnFilter, 1);
  if (!compile(&filter->program, text, error)) {
    g_free(filter);
    return NULL;
  }
  return filter;
}

void
vn_filter_free(VnFilter *filter)
{
  if (filter == NULL)
    return;
  pcap_freecode(&filter->program);
  g_free(filter);
}

gboolean
vn_filter_takes(const VnFilter *filter, const guint8 *bytes, guint32 captured, guint32 original)
{
  struct pcap_pkthdr header = {.caplen = captured, .len = original};
  return pcap_offline_filter(&filter->program, &header, bytes) != 0;
}

gboolean
vn_filter_attach(const VnFilter *filter, int fd, GError **error)
{
  struct sock_fprog program = {.len = (unsigned short)filter->program.bf_len,
                               .filter = (struct sock_filter *)filter->program.bf_insns};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0)
    return TRUE;
  int code = errno;
  g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "attaching the capture filter: %s",
              g_strerror(code));
  return FALSE;
}
