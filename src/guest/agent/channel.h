/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way between agent and slave: one stream of frames, over what the technology has.
 *
 *   FD     a socket that the agent inherits; its end is the agent's end
 *   PORT   a port of the virtual machine, whose other end comes and goes: a line (frame/line.h)
 *   SPOOL  a folder that both see: files of whole frames (spool.c)
 *
 * Over the last two the slave begins, and each beginning voids what either side has not sent or not
 * read; then the agent says HELLO.
 */
#pragma once

#include "frame/line.h"
#include "guest/agent/os.h"

#define VN_CHANNEL_WIRE 8192u

typedef enum { VN_CHANNEL_FD, VN_CHANNEL_PORT, VN_CHANNEL_SPOOL } VnChannelKind;

typedef struct {
  VnChannelKind kind;
  VnFd fd;           /* VN_NO_FD: the port is not there yet, or it is a spool */
  const char *place; /* the port's name, the spool's folder */
  int ready;         /* polling fd tells when there is something */
  int64_t look;      /* else look again then */
  int64_t pause;     /* between looks */

  VnLineReader line;
  uint8_t wire[VN_CHANNEL_WIRE]; /* of what is sent: on its way into the port */
  size_t wire_start, wire_used;

  char token[VN_LINE_TOKEN + 1]; /* of the spool; empty: none yet */
  uint32_t next_in, next_out;    /* numbers of files */
  unsigned looks;                /* in vain, since something came */
} VnChannel;
