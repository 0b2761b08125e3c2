/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The netns driver through its table, with real namespaces, real agents and real packets. */
#include <string.h>

#include "tests/netns-lab.h"

static void
test_hello(void)
{
  g_autoptr(Lab) lab = lab_flat(2);
  lab_on(lab, 0, 2);
  g_assert_cmpint(lab_ping(lab, 0, "10.1.0.3", "3"), ==, 3);
  g_assert_cmpint(lab_ping(lab, 1, "10.1.0.2", "3"), ==, 3);
  g_autofree char *name = NULL;
  g_assert_cmpint(lab_sh(lab, 1, "hostname; id -u; ls /", &name), ==, 0);
  g_test_message("%s", name);
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_test_init(&argc, &argv, NULL);
  if (!vn_driver_netns.prepare(&error)) {
    g_print("1..0 # SKIP %s\n", error->message);
    return 77;
  }
  g_test_add_func("/netns/hello", test_hello);
  return g_test_run();
}
