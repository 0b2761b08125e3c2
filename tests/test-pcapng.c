/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Captures: what is written can be read by libpcap, filters do what they say. */
#include <glib/gstdio.h>
#include <pcap/pcap.h>
#include <string.h>

#include "hub/filter.h"
#include "hub/pcapng.h"

/* A frame that holds UDP from 10.0.0.1:1000 to 10.0.0.2:port; its tail counts up. */
static void
make_frame(guint8 *frame, guint size, guint16 port)
{
  static const guint8 head[] = {0x02, 0, 0,    0, 0, 2,  0x02, 0, 0, 0, 0,  1,
                                8,    0, 0x45, 0, 0, 40, 0,    0, 0, 0, 64, 17,
                                0,    0, 10,   0, 0, 1,  10,   0, 0, 2, 3,  0xe8};
  for (guint i = 0; i < size; i++)
    frame[i] = (guint8)i;
  memcpy(frame, head, sizeof head);
  frame[36] = (guint8)(port >> 8);
  frame[37] = (guint8)port;
}

static const gint64 first_time = G_GINT64_CONSTANT(1700000000123456789);

static GByteArray *
make_file(guint n)
{
  GByteArray *bytes = g_byte_array_new();
  const VnPcapngInfo info = {"segment lan", "test", "lan", "udp port 53"};
  vn_pcapng_begin(bytes, &info);
  for (guint i = 0; i < n; i++) {
    guint8 frame[256];
    guint size = 60 + i % 7;
    make_frame(frame, size, (guint16)i);
    guint before = bytes->len;
    vn_pcapng_frame(bytes, first_time + i, frame, size, size + i);
    g_assert_cmpuint(bytes->len - before, ==, vn_pcapng_frame_size(size));
  }
  vn_pcapng_end(bytes, first_time + n, n, 3);
  return bytes;
}

static void
test_reads_back(void)
{
  g_autoptr(GByteArray) bytes = make_file(20);
  g_assert_cmpuint(bytes->len % 4, ==, 0);
  g_autoptr(GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp("vnec-pcapng-XXXXXX", &error);
  g_assert_no_error(error);
  g_autofree char *path = g_build_filename(dir, "a.pcapng", NULL);
  g_assert_true(g_file_set_contents(path, (const char *)bytes->data, bytes->len, &error));

  char why[PCAP_ERRBUF_SIZE];
  pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
  g_assert_nonnull(pcap);
  g_assert_cmpint(pcap_datalink(pcap), ==, DLT_EN10MB);
  struct pcap_pkthdr *header;
  const guint8 *data;
  guint n = 0;
  while (pcap_next_ex(pcap, &header, &data) == 1) {
    guint8 frame[256];
    make_frame(frame, 60 + n % 7, (guint16)n);
    g_assert_cmpmem(data, header->caplen, frame, 60 + n % 7);
    g_assert_cmpuint(header->len, ==, 60 + n % 7 + n);
    gint64 time = (gint64)header->ts.tv_sec * 1000000000 + header->ts.tv_usec;
    g_assert_cmpint(time, ==, first_time + n);
    n++;
  }
  g_assert_cmpuint(n, ==, 20);
  pcap_close(pcap);
  g_assert_cmpint(g_remove(path), ==, 0);
  g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* The lengths at both ends of every block lead exactly to the end. */
static void
test_blocks(void)
{
  g_autoptr(GByteArray) bytes = make_file(3);
  guint32 types[8], length, again;
  guint at = 0, n = 0;
  while (at < bytes->len) {
    memcpy(&types[n++], bytes->data + at, 4);
    memcpy(&length, bytes->data + at + 4, 4);
    memcpy(&again, bytes->data + at + length - 4, 4);
    g_assert_cmpuint(length, ==, again);
    g_assert_cmpuint(length % 4, ==, 0);
    at += length;
  }
  g_assert_cmpuint(at, ==, bytes->len);
  static const guint32 expected[] = {0x0a0d0d0a, 1, 6, 6, 6, 5};
  g_assert_cmpmem(types, n * 4, expected, sizeof expected);
}

static void
test_long_texts(void)
{
  g_autofree char *text = g_strnfill(100000, 'x');
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  const VnPcapngInfo info = {text, text, text, text};
  vn_pcapng_begin(bytes, &info);
  g_assert_cmpuint(bytes->len, <, 5 * VN_PCAPNG_TEXT_MAX);
  g_assert_cmpuint(bytes->len % 4, ==, 0);
}

static void
test_filter(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnFilter) filter = vn_filter_compile("udp dst port 53", &error);
  g_assert_no_error(error);
  guint8 frame[60];
  make_frame(frame, sizeof frame, 53);
  g_assert_true(vn_filter_takes(filter, frame, sizeof frame, sizeof frame));
  make_frame(frame, sizeof frame, 54);
  g_assert_false(vn_filter_takes(filter, frame, sizeof frame, sizeof frame));
  g_assert_false(vn_filter_takes(filter, frame, 10, 60));

  g_autoptr(VnFilter) all = vn_filter_compile("", &error);
  g_assert_no_error(error);
  g_assert_true(vn_filter_takes(all, frame, sizeof frame, sizeof frame));
}

static void
test_bad_filter(void)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(vn_filter_compile("udp port port", &error));
  g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "udp port port"));
  g_clear_error(&error);
  g_autofree char *text = g_strnfill(VN_FILTER_TEXT_MAX + 1, ' ');
  g_assert_null(vn_filter_compile(text, &error));
  g_assert_nonnull(error);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pcapng/reads-back", test_reads_back);
  g_test_add_func("/pcapng/blocks", test_blocks);
  g_test_add_func("/pcapng/long-texts", test_long_texts);
  g_test_add_func("/filter/takes", test_filter);
  g_test_add_func("/filter/bad", test_bad_filter);
  return g_test_run();
}
