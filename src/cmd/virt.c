/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-virt: libvirt and the virtual machines of one experiment, for the slave that started it.
 * Not for people: it speaks over inherited sockets (drivers/libvirt/message.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/libvirt/den.h"
#include "drivers/libvirt/engine.h"
#include "drivers/libvirt/folder.h"
#include "drivers/libvirt/kvm.h"
#include "drivers/libvirt/nest.h"

static const char usage[] =
    "usage: vnec-virt CALLS EVENTS URI STATES FOLDER EXPERIMENT\n"
    "       vnec-virt --check  says whether namespaces can be made for machines\n"
    "       vnec-virt --containers  says whether containers can be run\n"
    "       vnec-virt --kvm    says whether KVM runs guests here\n"
    "       vnec-virt --folder SOCKET  makes a folder to share with a machine\n"
    "\n"
    "vnec-slave starts this program; it runs libvirt and the machines of one experiment.\n";

static int
show_kvm(void)
{
  const char *why;
  gboolean usable = vn_virt_kvm_usable(&why);
  puts(usable ? "usable" : why);
  return usable ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
show_check(gboolean (*check)(GError **error))
{
  g_autoptr(GError) error = NULL;
  if (check(&error))
    return EXIT_SUCCESS;
  puts(error->message);
  return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], "--check") == 0)
    return show_check(vn_virt_nest_check);
  if (argc == 2 && strcmp(argv[1], "--containers") == 0)
    return show_check(vn_virt_den_check);
  if (argc == 2 && strcmp(argv[1], "--kvm") == 0)
    return show_kvm();
  if (argc == 3 && strcmp(argv[1], "--folder") == 0)
    return vn_virt_folder_serve(atoi(argv[2]));
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    fputs(usage, stdout);
    return EXIT_SUCCESS;
  }
  if (argc != 7) {
    fputs(usage, stderr);
    return 2;
  }
  const VnVirtOptions options = {.calls = atoi(argv[1]),
                                 .events = atoi(argv[2]),
                                 .uri = argv[3],
                                 .states = argv[4][0] != '\0' ? argv[4] : NULL,
                                 .folder = argv[5],
                                 .salt = argv[6]};
  return vn_virt_engine_run(&options);
}
