/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Completion of small networks: what is added, which addresses, which routes, which mistakes. */
#include "topology-build.h"

static void
assert_codes(Net *net, const char *expected)
{
  g_autofree char *codes = net_codes(net);
  g_assert_cmpstr(codes, ==, expected);
}

/* "10.92.1.21/32 left, 10.92.1.22/32 ext r1.2": a router's table in the paper's form. */
static char *
table_of(const Net *net, const char *name)
{
  const VnTopology *topology = &net->model.topology;
  guint32 vm = net_find(net, name);
  GString *text = g_string_new(NULL);
  for (guint32 r = 0; r < topology->n_routes; r++) {
    const VnRoute *route = &topology->routes[r];
    char prefix[VN_PREFIX_TEXT_MAX], gateway[VN_ADDRESS_TEXT_MAX];
    if (route->vm != vm)
      continue;
    g_string_append_printf(text, "%s%s ", text->len > 0 ? ", " : "",
                           vn_prefix_format(&route->prefix, prefix));
    if (route->kind == VN_ROUTE_EXTERNAL)
      g_string_append_printf(text, "ext %s", topology->vms[route->peer].name);
    else
      g_string_append(text, topology->segments[topology->ifaces[route->iface].segment].name);
    if (route->kind == VN_ROUTE_GATEWAY)
      g_string_append_printf(text, " via %s", vn_address_format(&route->gateway, gateway));
  }
  return g_string_free(text, FALSE);
}

static void
assert_table(const Net *net, const char *name, const char *expected)
{
  g_autofree char *table = table_of(net, name);
  g_assert_cmpstr(table, ==, expected);
}

static void
test_hello(void)
{
  Net net;
  net_init(&net);
  guint32 lan = net_segment(&net, "lan", "10.0.0.0/24");
  net_host(&net, "alice", lan, NULL);
  net_host(&net, "bob", lan, NULL);
  g_assert_true(net_complete(&net));
  assert_codes(&net, "VN212");
  const VnTopology *topology = &net.model.topology;
  g_assert_cmpuint(topology->n_vms, ==, 3);
  g_assert_cmpuint(topology->segments[lan].tech, ==, VN_TECH_NETNS);
  g_assert_cmpstr(net_address(&net, 0), ==, "10.0.0.1");
  g_assert_cmpstr(net_address(&net, 1), ==, "10.0.0.2");
  g_assert_cmpstr(net_address(&net, 2), ==, "10.0.0.254");
  char mac[VN_MAC_TEXT_MAX];
  g_assert_cmpstr(vn_mac_format(topology->ifaces[1].mac, mac), ==, "02:00:00:01:00:00");
  assert_table(&net, "bob", "0.0.0.0/0 lan via 10.0.0.254");
  assert_table(&net, "lan.router", "10.0.0.0/24 lan");
  net_clear(&net);
}

/* The three segments of the paper's Tables 1 and 2; s2 may be at another site. */
static void
build_tables(Net *net, guint32 site_of_s2)
{
  net_init(net);
  net_site(net, "remote");
  g_assert_true(vn_prefix_parse("10.92.1.0/24", &net->model.topology.network4));
  guint32 s1 = net_segment(net, "s1", NULL), s2 = net_segment(net, "s2", NULL),
          s3 = net_segment(net, "s3", NULL);
  g_array_index(net->segments, VnSegment, s2).site = site_of_s2;
  net_host(net, "h1", s1, "10.92.1.21");
  net_host(net, "h2", s2, "10.92.1.22");
  net_host(net, "h3", s3, "10.92.1.23");
  guint32 r1 = net_vm(net, "R1", VN_VM_ROUTER);
  net_join(net, r1, s1, NULL);
  net_join(net, r1, s2, NULL);
  net_join(net, r1, s3, NULL);
}

static void
test_paper_table_1(void)
{
  Net net;
  build_tables(&net, 0);
  g_assert_true(net_complete(&net));
  assert_codes(&net, "");
  assert_table(&net, "R1", "10.92.1.21/32 s1, 10.92.1.22/32 s2, 10.92.1.23/32 s3");
  assert_table(&net, "h1", "");
  g_assert_cmpuint(net.model.topology.n_proxies, ==, 6);
  net_clear(&net);
}

static void
test_paper_table_2(void)
{
  Net net;
  build_tables(&net, 1);
  g_assert_true(net_complete(&net));
  assert_codes(&net, "VN213");
  assert_table(&net, "R1", "10.92.1.21/32 s1, 10.92.1.22/32 ext R1.2, 10.92.1.23/32 s3");
  assert_table(&net, "R1.2", "10.92.1.21/32 ext R1, 10.92.1.22/32 s2, 10.92.1.23/32 ext R1");
  const VnTopology *topology = &net.model.topology;
  g_assert_true(topology->vms[3].external);
  g_assert_cmpuint(topology->vms[4].split_of, ==, 3);
  g_assert_cmpuint(topology->vms[3].n_ifaces, ==, 2);
  g_assert_cmpuint(topology->vms[4].n_ifaces, ==, 1);
  /* On each segment one router answers for both hosts elsewhere. */
  g_assert_cmpuint(topology->n_proxies, ==, 6);
  for (guint32 p = 0; p < topology->n_proxies; p++) {
    const VnIface *iface = &topology->ifaces[topology->proxies[p].iface];
    g_assert_cmpuint(iface->vm, ==, iface->segment == 1 ? 4 : 3);
  }
  net_clear(&net);
}

/* Figures 1 and 2: VMware on a remote machine, VMware here, Virtual PC on the remote machine. */
static void
test_paper_figures(void)
{
  Net net;
  net_init(&net);
  net.model.paper_rules = TRUE;
  guint32 here = net_site(&net, "here"), remote = net_site(&net, "remote");
  guint32 vmware = net_image(&net, "debian", VN_TECH_VMWARE),
          virtualpc = net_image(&net, "w98", VN_TECH_VIRTUALPC);
  g_assert_true(vn_prefix_parse("10.92.1.0/24", &net.model.topology.network4));
  guint32 site[] = {remote, here, remote}, image[] = {virtualpc, vmware, vmware};
  const char *segments[] = {"left", "middle", "right"}, *hosts[] = {"win2", "linux", "win1"},
             *addresses[] = {"10.92.1.7", "10.92.1.4", "10.92.1.6"};
  for (guint k = 0; k < 3; k++) {
    guint32 s = net_segment(&net, segments[k], NULL);
    g_array_index(net.segments, VnSegment, s).site = site[k];
  }
  for (guint k = 0; k < 3; k++) {
    guint32 vm = net_host(&net, hosts[k], k, addresses[k]);
    g_array_index(net.vms, VnVm, vm).image = image[k];
  }
  guint32 r1 = net_vm(&net, "r1", VN_VM_ROUTER);
  for (guint k = 0; k < 3; k++)
    net_join(&net, r1, k, NULL);
  g_assert_true(net_complete(&net));
  assert_codes(&net, "VN213 VN213");
  assert_table(&net, "r1", "10.92.1.4/32 ext r1.2, 10.92.1.6/32 ext r1.3, 10.92.1.7/32 left");
  assert_table(&net, "r1.2", "10.92.1.4/32 middle, 10.92.1.6/32 ext r1.3, 10.92.1.7/32 ext r1");
  assert_table(&net, "r1.3", "10.92.1.4/32 ext r1.2, 10.92.1.6/32 right, 10.92.1.7/32 ext r1");
  g_assert_false(vn_topology_check_deployable(&net.model, net.sink));
  assert_codes(&net, "VN401 VN401 VN213 VN213");
  net_clear(&net);
}

/* a -ra- backbone -rb- b, with two leaves behind rb that are halves of one prefix. */
static void
test_routed(void)
{
  Net net;
  net_init(&net);
  guint32 backbone = net_segment(&net, "backbone", "10.9.0.0/24"),
          a = net_segment(&net, "a", "10.1.0.0/24"), b0 = net_segment(&net, "b0", "10.2.0.0/24"),
          b1 = net_segment(&net, "b1", "10.2.1.0/24");
  guint32 ra = net_vm(&net, "ra", VN_VM_ROUTER), rb = net_vm(&net, "rb", VN_VM_ROUTER);
  net_join(&net, ra, a, NULL);
  net_join(&net, ra, backbone, NULL);
  net_join(&net, rb, b0, NULL);
  net_join(&net, rb, b1, NULL);
  net_join(&net, rb, backbone, NULL);
  net_host(&net, "x", backbone, NULL);
  g_assert_true(net_complete(&net));
  assert_codes(&net, "");
  assert_table(&net, "ra",
               "10.1.0.0/24 a, 10.9.0.0/24 backbone, 10.2.0.0/23 backbone via 10.9.0.253");
  assert_table(&net, "rb",
               "10.1.0.0/24 backbone via 10.9.0.254, 10.2.0.0/24 b0, 10.2.1.0/24 b1, "
               "10.9.0.0/24 backbone");
  assert_table(&net, "x", "0.0.0.0/0 backbone via 10.9.0.254");
  net_clear(&net);
}

static void
test_both_families(void)
{
  Net net;
  net_init(&net);
  guint32 a = net_segment(&net, "a", "10.1.0.0/24"), b = net_segment(&net, "b", "fd00:1::/64");
  VnPrefix six;
  g_assert_true(vn_prefix_parse("fd00::/64", &six));
  g_array_index(net.segments, VnSegment, a).prefix6 = six;
  net_host(&net, "x", a, NULL);
  net_host(&net, "y", b, NULL);
  guint32 r = net_vm(&net, "r", VN_VM_ROUTER);
  net_join(&net, r, a, NULL);
  net_join(&net, r, b, NULL);
  g_assert_true(net_complete(&net));
  const VnIface *ifaces = net.model.topology.ifaces;
  char text[VN_ADDRESS_TEXT_MAX];
  g_assert_cmpstr(net_address(&net, 0), ==, "10.1.0.1");
  g_assert_cmpstr(vn_address_format(&ifaces[0].address6, text), ==, "fd00::1");
  g_assert_cmpuint(ifaces[1].address4.family, ==, 0);
  g_assert_cmpstr(vn_address_format(&ifaces[1].address6, text), ==, "fd00:1::1");
  assert_table(&net, "x", "0.0.0.0/0 a via 10.1.0.254, ::/0 a via fd00::ffff:ffff:ffff:ffff");
  assert_table(&net, "r", "10.1.0.0/24 a, fd00::/64 a, fd00:1::/64 b");
  net_clear(&net);
}

/* Without prefixes: /24s from 10.64.0.0/10 around what the script uses; larger where needed. */
static void
test_prefixes(void)
{
  Net net;
  net_init(&net);
  guint32 a = net_segment(&net, "a", NULL), big = net_segment(&net, "big", NULL),
          given = net_segment(&net, "given", "10.64.4.0/22"),
          last = net_segment(&net, "last", NULL);
  net_host(&net, "x", a, NULL);
  for (guint i = 0; i < 300; i++)
    net_host(&net, vn_arena_printf(net.arena, "h[%u]", i), big, NULL);
  g_assert_true(net_complete(&net));
  const VnSegment *segments = net.model.topology.segments;
  char text[VN_PREFIX_TEXT_MAX];
  g_assert_cmpstr(vn_prefix_format(&segments[a].prefix4, text), ==, "10.64.0.0/24");
  g_assert_cmpstr(vn_prefix_format(&segments[big].prefix4, text), ==, "10.64.2.0/23");
  g_assert_cmpstr(vn_prefix_format(&segments[given].prefix4, text), ==, "10.64.4.0/22");
  g_assert_cmpstr(vn_prefix_format(&segments[last].prefix4, text), ==, "10.64.8.0/24");
  net_clear(&net);
}

static void
test_given_addresses_are_kept(void)
{
  Net net;
  net_init(&net);
  guint32 lan = net_segment(&net, "lan", "10.0.0.0/29");
  net_host(&net, "a", lan, NULL);
  net_host(&net, "b", lan, "10.0.0.2");
  net_host(&net, "c", lan, NULL);
  net_host(&net, "d", lan, "10.0.0.6");
  net_host(&net, "e", lan, NULL);
  g_assert_true(net_complete(&net));
  const char *expected[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.6", "10.0.0.4", "10.0.0.5"};
  for (guint32 i = 0; i < 6; i++)
    g_assert_cmpstr(net_address(&net, i), ==, expected[i]);
  net_clear(&net);
}

static void
test_bad_addresses(void)
{
  Net net;
  net_init(&net);
  guint32 lan = net_segment(&net, "lan", "10.0.0.0/24");
  net_host(&net, "a", lan, "10.0.0.9");
  net_host(&net, "b", lan, "10.0.0.9");
  net_host(&net, "c", lan, "10.0.1.1");
  net_host(&net, "d", lan, "10.0.0.255");
  net_host(&net, "e", lan, "10.0.0.0");
  net_host(&net, "f", lan, "224.0.0.1");
  net_host(&net, "g", lan, "fd00::1");
  guint32 r = net_vm(&net, "r", VN_VM_ROUTER);
  net_join(&net, r, lan, NULL);
  g_assert_false(net_complete(&net));
  assert_codes(&net, "VN205 VN206 VN210 VN210 VN210 VN206");
  net_clear(&net);
}

static void
test_bad_prefixes(void)
{
  Net net;
  net_init(&net);
  net_segment(&net, "a", "10.0.0.0/16");
  net_segment(&net, "b", "10.0.7.0/24");
  net_segment(&net, "c", "224.0.0.0/24");
  guint32 d = net_segment(&net, "d", "10.2.0.0/30");
  for (guint i = 0; i < 3; i++)
    net_host(&net, vn_arena_printf(net.arena, "h[%u]", i), d, NULL);
  g_assert_false(net_complete(&net));
  assert_codes(&net, "VN212 VN208 VN212 VN210 VN212 VN212 VN207");
  net_clear(&net);
}

static void
test_macs(void)
{
  Net net;
  net_init(&net);
  guint32 lan = net_segment(&net, "lan", "10.0.0.0/24");
  guint64 macs[] = {0x020000010000, 0, 0x020000010000, 0x010000000001};
  for (guint k = 0; k < 4; k++) {
    net_host(&net, vn_arena_printf(net.arena, "h[%u]", k), lan, NULL);
    g_array_index(net.ifaces, VnIface, k).mac = macs[k];
  }
  g_assert_false(net_complete(&net));
  assert_codes(&net, "VN212 VN209 VN210");
  g_assert_cmphex(net.model.topology.ifaces[1].mac, ==, 0x060000000001);
  net_clear(&net);
}

static void
test_rules(void)
{
  Net net;
  net_init(&net);
  net.model.paper_rules = TRUE;
  guint32 segment[8];
  for (guint k = 0; k < 8; k++)
    segment[k] = net_segment(&net, vn_arena_printf(net.arena, "s[%u]", k), NULL);
  guint32 host = net_host(&net, "h", segment[0], NULL);
  net_join(&net, host, segment[1], NULL);
  guint32 r = net_vm(&net, "r", VN_VM_ROUTER);
  for (guint k = 0; k < 4; k++)
    net_join(&net, r, segment[k], NULL);
  guint32 twice = net_vm(&net, "twice", VN_VM_ROUTER);
  net_join(&net, twice, segment[5], NULL);
  net_join(&net, twice, segment[5], NULL);
  g_assert_false(net_complete(&net));
  assert_codes(&net, "VN204 VN201 VN202 VN216");
  net_clear(&net);
}

/* The technology's own limits hold for each part of a router, and mixed segments are refused. */
static void
test_technologies(void)
{
  Net net;
  net_init(&net);
  guint32 vmware = net_image(&net, "debian", VN_TECH_VMWARE),
          virtualpc = net_image(&net, "w98", VN_TECH_VIRTUALPC);
  guint32 lan = net_segment(&net, "lan", NULL), sim = net_segment(&net, "sim", NULL);
  g_array_index(net.segments, VnSegment, sim).tech = VN_TECH_SIM;
  net_host_of(&net, "a", lan, vmware);
  net_host(&net, "plain", lan, NULL);
  net_host_of(&net, "b", lan, virtualpc);
  net_host_of(&net, "c", sim, vmware);
  g_assert_false(net_complete(&net));
  assert_codes(&net, "VN203 VN203");
  net_clear(&net);
}

static void
test_limits_of_parts(void)
{
  Net net;
  net_init(&net);
  guint32 r = net_vm(&net, "r", VN_VM_ROUTER), q = net_vm(&net, "q", VN_VM_ROUTER);
  for (guint k = 0; k < 9; k++) {
    guint32 s = net_segment(&net, vn_arena_printf(net.arena, "s[%u]", k), NULL);
    g_array_index(net.segments, VnSegment, s).tech = k < 3 ? VN_TECH_VMWARE : VN_TECH_NETNS;
    net_join(&net, r, s, NULL);
  }
  guint32 s = net_segment(&net, "fourth", NULL);
  g_array_index(net.segments, VnSegment, s).tech = VN_TECH_VMWARE;
  for (guint32 k = 0; k < 3; k++)
    net_join(&net, q, k, NULL);
  net_join(&net, q, s, NULL);
  g_assert_false(net_complete(&net));
  assert_codes(&net, "VN202");
  net_clear(&net);
}

static void
test_capabilities(void)
{
  Net net;
  net_init(&net);
  guint32 lan = net_segment(&net, "lan", NULL), pc = net_segment(&net, "pc", NULL);
  g_array_index(net.segments, VnSegment, pc).tech = VN_TECH_VIRTUALPC;
  g_array_index(net.segments, VnSegment, pc).capture = TRUE;
  guint32 host = net_host(&net, "h", lan, NULL), other = net_host(&net, "x", pc, NULL);
  g_array_index(net.vms, VnVm, host).vm = "debian";
  VnTask tasks[] = {
      {.name = "fine",
       .targets = &host,
       .n_targets = 1,
       .control = VN_CONTROL_SUSPEND,
       .span = {100, 101}},
      {.name = "wrong",
       .targets = &other,
       .n_targets = 1,
       .control = VN_CONTROL_SUSPEND,
       .span = {101, 102}},
  };
  net.model.tasks = tasks;
  net.model.n_tasks = G_N_ELEMENTS(tasks);
  g_assert_false(net_complete(&net));
  assert_codes(&net, "VN402 VN402 VN402");
  net_clear(&net);
}

/* A link of a router that went to a part of it is that part's; the whole can't be switched off. */
static void
test_tasks_of_split_routers(void)
{
  Net net;
  build_tables(&net, 1);
  guint32 r1 = 3;
  VnExpr on_s2 = {.kind = VN_EXPR_CONST, .value = {.kind = VN_VALUE_SEGMENT, .id = 1}};
  const VnExpr *args[] = {&on_s2};
  guint32 h1 = 0;
  VnTask tasks[] = {
      {.name = "cut", .targets = &r1, .n_targets = 1, .control = VN_CONTROL_LINK_DOWN,
       .args = args, .n_args = 1},
      {.name = "off", .targets = &r1, .n_targets = 1, .control = VN_CONTROL_POWER_OFF,
       .span = {100, 101}},
      {.name = "not there", .targets = &h1, .n_targets = 1, .control = VN_CONTROL_LINK_DOWN,
       .args = args, .n_args = 1},
  };
  net.model.tasks = tasks;
  net.model.n_tasks = G_N_ELEMENTS(tasks);
  g_assert_false(net_complete(&net));
  assert_codes(&net, "VN109 VN213 VN402");
  g_assert_cmpuint(tasks[0].targets[0], ==, net_find(&net, "R1.2"));
  net_clear(&net);
}

/* 100,000 hosts and 1,000 leaves behind their own routers on a backbone. */
static void
test_large(void)
{
  Net net;
  net_init(&net);
  guint32 backbone = net_segment(&net, "backbone", "10.0.0.0/16");
  for (guint k = 0; k < 1000; k++) {
    guint32 leaf = net_segment(&net, vn_arena_printf(net.arena, "leaf[%u]", k), NULL);
    guint32 r = net_vm(&net, vn_arena_printf(net.arena, "r[%u]", k), VN_VM_ROUTER);
    net_join(&net, r, leaf, NULL);
    net_join(&net, r, backbone, NULL);
    for (guint i = 0; i < 100; i++)
      net_host(&net, vn_arena_printf(net.arena, "h[%u][%u]", k, i), leaf, NULL);
  }
  g_test_timer_start();
  g_assert_true(net_complete(&net));
  g_test_message("101,001 machines, %u routes: %.3f s", net.model.topology.n_routes,
                 g_test_timer_elapsed());
  g_assert_cmpuint(net.model.topology.n_routes, ==, 100000 + 1000 * 1001);
  net_clear(&net);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/topology/hello", test_hello);
  g_test_add_func("/topology/paper/table-1", test_paper_table_1);
  g_test_add_func("/topology/paper/table-2", test_paper_table_2);
  g_test_add_func("/topology/paper/figures", test_paper_figures);
  g_test_add_func("/topology/routed", test_routed);
  g_test_add_func("/topology/both-families", test_both_families);
  g_test_add_func("/topology/prefixes", test_prefixes);
  g_test_add_func("/topology/given-addresses", test_given_addresses_are_kept);
  g_test_add_func("/topology/bad-addresses", test_bad_addresses);
  g_test_add_func("/topology/bad-prefixes", test_bad_prefixes);
  g_test_add_func("/topology/macs", test_macs);
  g_test_add_func("/topology/rules", test_rules);
  g_test_add_func("/topology/technologies", test_technologies);
  g_test_add_func("/topology/limits-of-parts", test_limits_of_parts);
  g_test_add_func("/topology/capabilities", test_capabilities);
  g_test_add_func("/topology/tasks-of-split-routers", test_tasks_of_split_routers);
  g_test_add_func("/topology/large", test_large);
  return g_test_run();
}
