/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configurations of slaves: what is right is read, what is wrong is named. */
#include <string.h>

#include "slave/config.h"

static void
refuse(const char *text, const char *why)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(vn_config_parse(text, strlen(text), "a.conf", &error));
  g_assert_cmpstr(error->message, ==, why);
}

#define XP "[vm xp]\ntechnology=vmware\nfile=/x.vmx\nos=windows\n"

static void
test_right(void)
{
  static const char text[] = "# a comment\n[slave]\nname = lab-3\nagents=/opt/vnec\n\n" XP
                             "role=router\n[vm two]\ntechnology=virtualbox\nfile=/2\nos=linux\n"
                             "snapshot=clean";
  g_autoptr(GError) error = NULL;
  g_autoptr(VnConfig) config = vn_config_parse(text, strlen(text), "a.conf", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(config->name, ==, "lab-3");
  g_assert_cmpstr(config->agents, ==, "/opt/vnec");
  g_assert_cmpuint(config->vms->len, ==, 2);
  const VnConfigVm *vm = &g_array_index(config->vms, VnConfigVm, 0);
  g_assert_cmpstr(vm->name, ==, "xp");
  g_assert_cmpstr(vm->role, ==, "router");
  g_assert_cmpstr(vm[1].role, ==, "host");
  g_assert_cmpstr(vm[1].snapshot, ==, "clean");
}

static void
test_empty(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnConfig) config = vn_config_parse("", 0, "a.conf", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(config->name, ==, g_get_host_name());
  g_assert_cmpuint(config->vms->len, ==, 0);
}

static void
test_wrong(void)
{
  refuse("[slave]\nnames=x", "a.conf: [slave]: there is no key “names”");
  refuse("[slave]\nname=", "a.conf: [slave]: name is empty");
  refuse("[slave]\nagents=rel", "a.conf: [slave]: agents must be an absolute path");
  refuse("[host a]\n", "a.conf: [host a]: there is no such group; [slave] and [vm NAME] are");
  refuse("[vm a]\n", "a.conf: [vm a]: technology is missing");
  refuse("[vm  ]\ntechnology=vmware", "a.conf: [vm  ]: the VM needs a name: [vm NAME]");
  refuse("[vm a]\ntechnology=vmwar", "a.conf: [vm a]: technology: “vmwar” is none");
  refuse("[vm a]\ntechnology=netns",
         "a.conf: [vm a]: technology: VMs of netns are made on demand, not listed");
  refuse("[vm a]\ntechnology=vmware\nfile=x", "a.conf: [vm a]: file must be an absolute path");
  refuse("[vm a]\ntechnology=vmware\nfile=/x", "a.conf: [vm a]: os is missing");
  refuse(XP "role=switch", "a.conf: [vm xp]: role must be host or router");
  refuse(XP "[vm   xp]\ntechnology=vmware\nfile=/y\nos=windows",
         "a.conf: [xp]: there is another VM of that name");
  refuse("[vm \xff]\n", "a.conf: is not UTF-8");
}

static void
test_files(void)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(vn_config_load("/nonexistent/slave.conf", &error));
  g_assert_nonnull(strstr(error->message, "/nonexistent/slave.conf"));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/config/right", test_right);
  g_test_add_func("/config/empty", test_empty);
  g_test_add_func("/config/wrong", test_wrong);
  g_test_add_func("/config/files", test_files);
  return g_test_run();
}
