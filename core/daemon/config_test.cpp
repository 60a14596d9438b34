#include "core/daemon/config.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace gantry::daemon {
namespace {

std::string error_of(std::string_view text) {
  const auto config = parse_config(text, "g.toml");
  return config ? "" : config.error().message();
}

TEST(Config, EveryKeyHasADefault) {
  const auto config = parse_config("", "");
  ASSERT_TRUE(config.ok());
  EXPECT_TRUE(config->has_role("server"));
  EXPECT_TRUE(config->has_role("agent"));
  EXPECT_EQ(config->data_dir, "/var/lib/gantry");
  EXPECT_EQ(config->instance_suffix(), "");
  EXPECT_EQ(config->memory_mib, 128);
}

TEST(Config, ReadsWhatIsSet) {
  const auto config = parse_config(R"(
[daemon]
roles = ["server"]
data_dir = "/tmp/x"
[api]
listen = "127.0.0.1:7000"
[limits]
memory_mib = 256
[log]
level = "debug"
format = "json"
[plugin.replicaset]
required = true
workers = 3
)",
                                   "g.toml");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_FALSE(config->has_role("agent"));
  EXPECT_EQ(config->listen, std::vector<std::string>{"127.0.0.1:7000"});
  EXPECT_NE(config->instance_suffix(), "");
  EXPECT_EQ(config->memory_mib, 256);
  const auto& plugin = config->plugins.at("replicaset");
  EXPECT_TRUE(plugin.required);
  EXPECT_EQ(plugin.table->unknown_keys().size(), 1u);
  EXPECT_EQ(**plugin.table->get_int("workers"), 3);
  EXPECT_TRUE(plugin.table->unknown_keys().empty());
}

TEST(Config, MistakesNameThePlaceAndTheRule) {
  struct Case {
    std::string_view text, message;
  };
  const Case cases[] = {
      {"[api]\nlisten = 5\n", "g.toml:2:10: api.listen: expected an array of strings, found an integer"},
      {"[api]\nlisten = \"nowhere\"\n", "g.toml:2:10: api.listen: expected ADDRESS:PORT"},
      {"[api]\nlisten = \"a:99999\"\n", "g.toml:2:10: api.listen: expected ADDRESS:PORT"},
      {"[log]\nlevel = \"loud\"\n",
       "g.toml:2:9: log.level: expected one of \"debug\", \"info\", \"warn\", \"error\", found \"loud\""},
      {"[log]\ncolour = 1\n", "g.toml:2:1: log.colour: unknown key; [log] has level, format"},
      {"[simulation]\ntime = \"fast\"\n", "simulation.time: expected one of \"real\", \"manual\", found \"fast\""},
      {"[simulation]\nstart = \"tomorrow\"\n", "g.toml:2:9: simulation.start: expected a time such as"},
      {"[simulation]\ntime = \"manual\"\n[plugin.x]\nisolation = \"process\"\n",
       "g.toml:3:1: plugin.x.isolation: time"},
      {"[simulation]\ntime = \"manual\"\n[plugin.x]\nwatchdog = \"isolate\"\n", "g.toml:3:1: plugin.x.watchdog: time"},
      {"[simulation]\ntime = \"manual\"\n[daemon]\nroles = [\"agent\"]\n", "g.toml:2:8: simulation.time: an agent"},
      {"[lag]\n", "g.toml:1:2: lag: unknown key"},
      {"daemon = 1\n", "g.toml:1:10: daemon: expected a table, found an integer"},
      {"[daemon]\nroles = [\"king\"]\n", "daemon.roles: expected \"server\" or \"agent\", found \"king\""},
      {"[daemon]\nroles = []\n", "daemon.roles: at least one role"},
      {"[node]\nmax_pods = 0\n", "node.max_pods: expected an integer from 1 to 10000, found 0"},
      {"[limits]\nmemory_mib = 1\n", "limits.memory_mib: expected an integer from 16 to 1048576, found 1"},
      {"[plugin.x]\nsha256 = \"abc\"\n", "g.toml:2:10: plugin.x.sha256: expected 64 lower-case hexadecimal digits"},
      {"[plugin]\nx = 1\n", "plugin.x: expected a table"},
      {"[plugin.x]\nwatchdog = \"bite\"\n", "g.toml:2:12: plugin.x.watchdog: expected \"report\" or \"isolate\""},
      {"[plugin.x]\nreconcile_deadline_ms = -1\n", "plugin.x.reconcile_deadline_ms: expected a whole number"},
      {"[plugin.x]\nwatchdog_strikes = 0\n", "plugin.x.watchdog_strikes: expected a whole number"},
      {"[plugin.x]\nseccomp_allow = [1]\n", "g.toml:2:17: plugin.x.seccomp_allow: expected an array of names"},
      {"[plugin.x]\ncgroup = \"plugins\"\n", "plugin.x.cgroup: expected the absolute path of a cgroup's folder"},
      {"[plugin.x]\nreplaces = \"x\"\n", "plugin.x.replaces: expected the name of another plugin"},
      {"[network]\npod_cidr = \"10.42.0.0/33\"\n", "g.toml:2:12: network.pod_cidr: expected a range such as"},
      {"[network]\npod_cidr = \"10.42.0.0/31\"\n", "at most a /30, found \"10.42.0.0/31\""},
      {"[network]\npod_cidr = [\"10.42.0.0/16\", \"10.43.0.0/16\"]\n",
       "g.toml:2:12: network.pod_cidr: expected at most one range of IPv4 and one of IPv6"},
      {"[network]\npod_cidr = \"10.42.0.0/16\"\nnode_prefix = 15\n",
       "g.toml:3:15: network.node_prefix: expected 16 to 30 for 10.42.0.0/16, found 15"},
      {"[network]\npod_cidr = \"10.0.0.0/8\"\nnode_prefix = 25\n", "expected 8 to 24 for 10.0.0.0/8, found 25"},
      {"[network]\npod_cidr = \"fd00:42::/47\"\n",
       "network.node_prefix_ipv6: expected 47 to 63 for fd00:42::/47, found 64"},
      {"[network]\nservice_cidr = \"10.0.0.0/8\"\n",
       "g.toml:2:16: network.service_cidr: \"10.0.0.0/8\" must have a prefix from /12 to /30"},
      {"[network]\nnode_ports = \"1\"\n", "g.toml:2:14: network.node_ports: \"1\" is no range of ports"},
      {"[network]\npod_cidr = \"10.40.0.0/13\"\n",
       "network.service_cidr: expected addresses that no pod has, found \"10.43.0.0/16\", which meets "
       "network.pod_cidr \"10.40.0.0/13\""},
      {"[network]\nnode_prefix = 31\n", "network.node_prefix: expected an integer from 1 to 30, found 31"},
      {"[api]\nlisten = [\"127.0.0.1:7000\", \"127.0.0.1:7000\"]\n",
       "g.toml:2:10: api.listen: expected addresses that do not overlap, found \"127.0.0.1:7000\" and "
       "\"127.0.0.1:7000\""},
      {"[api]\nlisten = [\"0.0.0.0:7000\", \"127.0.0.1:07000\"]\n",
       "api.listen: expected addresses that do not overlap"},
      {"[api]\nlisten = [\"127.0.0.1:7000\", \"[::]:7000\"]\n", "api.listen: expected addresses that do not overlap"},
      {"[api]\nadvertise_address = \"not an address!!\"\n",
       "g.toml:2:21: api.advertise_address: expected an IP address such as \"192.0.2.1\", found \"not an address!!\""},
      {"[daemon]\ndata_dir = \"\"\n", "g.toml:2:12: daemon.data_dir: expected the path of a folder, found \"\""},
      {"[daemon]\nrun_dir = \"\"\n", "g.toml:2:11: daemon.run_dir: expected the path of a folder, found \"\""},
      {"[daemon]\ndata_dir = \"/a/b\"\nrun_dir = \"/a/./b/\"\n",
       "g.toml:3:11: daemon.run_dir: expected another folder than daemon.data_dir, found \"/a/./b/\""},
      {"[daemon]\nroles = \"agent\"\n", "g.toml: node.kubeconfig: an agent without the server role"},
      {"[plugins]\nrequire_signature = true\npublic_key = \"\"\n", "g.toml:3:14: plugins.public_key: "},
      {"[limits]\nmemory_mib = 64\nconnection_memory_mib = 65\n",
       "g.toml:3:25: limits.connection_memory_mib: expected at most limits.memory_mib, which is 64, found 65"},
      {"[limits]\nanonymous_memory_mib = 129\n", "anonymous_memory_mib: expected at most limits.memory_mib"},
      {"[limits]\nwatch_backlog_mib = 129\n", "watch_backlog_mib: expected at most limits.memory_mib"},
      {"[limits]\nanonymous_connections = 8193\n", "anonymous_connections: expected at most limits.connections"},
      {"[api\n", "g.toml:1:"},
  };
  for (const auto& c : cases) EXPECT_NE(error_of(c.text).find(c.message), std::string::npos) << error_of(c.text);
}

TEST(Config, ARunFolderHasRoomForTheSocketsPath) {
  const std::string fits = "/" + std::string(93, 'x');
  EXPECT_EQ(error_of("[daemon]\nrun_dir = \"" + fits + "\"\n"), "");
  EXPECT_EQ(error_of("[daemon]\nrun_dir = \"" + fits + "x\"\n"),
            "g.toml:2:11: daemon.run_dir: expected a path of at most 94 bytes, for the unix socket in it, found 95");
}

TEST(Config, WhatIsNoContradictionIsTaken) {
  for (const std::string_view text :
       {"[api]\nlisten = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\n", "[api]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n",
        "[api]\nlisten = [\"127.0.0.1:1\", \"127.0.0.2:1\", \"[::1]:1\"]\n", "[api]\nadvertise_address = \"fd00::1\"\n",
        "[network]\npod_cidr = \"10.42.0.0/30\"\n", "[network]\npod_cidr = [\"fd00:42::/48\", \"10.42.0.0/16\"]\n",
        "[network]\npod_cidr = \"fd00:42::/48\"\nnode_prefix_ipv6 = 48\n",
        "[limits]\nmemory_mib = 64\nconnection_memory_mib = 64\n"}) {
    EXPECT_EQ(error_of(text), "") << text;
  }
}

// Who lowers the whole does not have to name every share of it.
TEST(Config, SharesNotNamedFitIntoTheWhole) {
  const auto config = parse_config("[limits]\nmemory_mib = 16\nconnections = 100\n", "g.toml");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->connection_memory_mib, 16);
  EXPECT_EQ(config->anonymous_memory_mib, 8);
  EXPECT_EQ(config->anonymous_connections, 100);
  EXPECT_TRUE(parse_config(print_config(*config), "g.toml").ok());
}

TEST(Config, ARangeNarrowerThanANodesBelongsToOne) {
  const auto config = parse_config("[network]\npod_cidr = \"10.42.0.0/28\"\n", "g.toml");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->node_prefix, 28);
  EXPECT_EQ(config->node_prefix_ipv6, 64);
  EXPECT_TRUE(parse_config(print_config(*config), "g.toml").ok());
}

// The core names no plugin: the package does, for whoever does not.
TEST(Config, PluginsOfThePackageAreThoseOfANodeThatNamesNone) {
  constexpr std::string_view kPackage = "[network]\nplugin = \"a\"\noverlay = \"b\"\n[runtime]\nplugin = \"c\"\n";
  const auto with = [&](std::string_view text) {
    auto config = parse_config(text, "g.toml", kPackage);
    EXPECT_TRUE(config.ok());
    EXPECT_EQ(config->file, "g.toml");
    return config->network_plugin + "," + config->overlay_plugin + "," + config->runtime_plugin;
  };
  EXPECT_EQ(with(""), "a,b,c");
  EXPECT_EQ(with("[network]\noverlay = \"x\"\n"), "a,x,c");
  EXPECT_EQ(with("[network]\nplugin = \"x\"\n"), "x,,c") << "another network may need no overlay";
  EXPECT_EQ(with("[network]\noverlay = \"x\"\nplugin = \"y\"\n[runtime]\nplugin = \"z\"\n"), "y,x,z");
  const auto none = parse_config("", "g.toml");
  EXPECT_EQ(none->network_plugin + none->overlay_plugin + none->runtime_plugin, "");
  const auto wrong = parse_config("", "g.toml", "[network]\nplugin = 1\n");
  EXPECT_NE(wrong.error().message().find("defaults.toml:2:10: network.plugin: expected"), std::string::npos);
}

std::string file_mistake(std::string_view text) {
  const auto config = parse_config(text, "g.toml");
  EXPECT_TRUE(config.ok());
  const auto mistakes = file_mistakes(*config);
  EXPECT_LE(mistakes.size(), 1u);
  return mistakes.empty() ? "" : mistakes[0];
}

TEST(Config, FilesThatItNamesMustBeReadable) {
  EXPECT_EQ(file_mistake(""), "");
  EXPECT_EQ(file_mistake("[api]\ntoken_file = \"/nowhere/tokens\"\n"),
            "g.toml:2:14: api.token_file: /nowhere/tokens: cannot be read");
  EXPECT_EQ(file_mistake("[api]\ntoken_file = \"/tmp\"\n"), "g.toml:2:14: api.token_file: /tmp: is not a regular file");
  EXPECT_EQ(file_mistake("[api]\ntoken_file = \"/dev/null\"\n"),
            "g.toml:2:14: api.token_file: /dev/null: is not a regular file");
  EXPECT_EQ(file_mistake("[plugins]\nrequire_signature = true\npublic_key = \"/nowhere/key\"\n"),
            "g.toml:3:14: plugins.public_key: /nowhere/key cannot be read");
  EXPECT_EQ(file_mistake("[daemon]\nroles = \"agent\"\n[node]\nkubeconfig = \"/nowhere/k\"\n"),
            "g.toml:4:14: node.kubeconfig: /nowhere/k cannot be read");
}

TEST(Config, AllMistakesAreReported) {
  const auto message = error_of("[log]\nlevel = 1\nformat = 2\n");
  EXPECT_NE(message.find("log.level"), std::string::npos);
  EXPECT_NE(message.find("log.format"), std::string::npos);
}

TEST(Config, WhatTheDaemonKnowsOfPlugins) {
  const auto config = parse_config(
      "[plugin.x]\nisolation = \"process\"\nseccomp = true\nseccomp_allow = [\"mount\", \"setns\"]\n"
      "cgroup = \"/sys/fs/cgroup/memory/plugins\"\nmemory_limit_mib = 64\nreplaces = \"y\"\n"
      "reconcile_deadline_ms = 250\nwatchdog_strikes = 7\nwatchdog = \"isolate\"\n",
      "g.toml");
  ASSERT_TRUE(config.ok()) << config.error().message();
  const auto again = parse_config(print_config(*config), "g.toml");
  ASSERT_TRUE(again.ok()) << again.error().message();
  for (const auto& plugin : {config->plugins.at("x"), again->plugins.at("x")}) {
    EXPECT_EQ(plugin.isolation.seccomp_allow, (std::vector<std::string>{"mount", "setns"}));
    EXPECT_EQ(plugin.isolation.cgroup, "/sys/fs/cgroup/memory/plugins");
    EXPECT_EQ(plugin.replaces, "y");
    EXPECT_EQ(plugin.watch.deadline_ms, 250);
    EXPECT_EQ(plugin.watch.strikes, 7u);
    EXPECT_TRUE(plugin.watch.isolate);
    EXPECT_TRUE(plugin.table->unknown_keys().empty());
  }
}

TEST(Config, AFileThatCanNotBeReadSaysWhy) {
  const auto absent = load_config("/nowhere/g.toml");
  EXPECT_EQ(absent.error().code(), 404);
  EXPECT_EQ(absent.error().message(),
            "/nowhere/g.toml: No such file or directory; give --config FILE or leave it out for the defaults");
  const auto folder = load_config("/tmp");
  EXPECT_EQ(folder.error().code(), 500);
  EXPECT_EQ(folder.error().message(), "/tmp: Is a directory");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const auto busy = load_config("/etc/passwd");
  std::vector<Status> unread;
  const auto found = plugin::PluginHost::discover({"/tmp"}, unread);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(busy.error().code(), 503);
  EXPECT_EQ(busy.error().message(), "/etc/passwd: Too many open files");
  EXPECT_TRUE(found.empty());
  ASSERT_EQ(unread.size(), 1u);
  EXPECT_EQ(unread[0].code(), 503);
}

TEST(Config, APluginsTableHasAPlace) {
  const auto config = parse_config("[plugin.a]\nn = 1\n[plugin.b]\n", "g.toml");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->plugins.at("a").place, "g.toml:1:1: plugin.a");
  EXPECT_EQ(config->plugins.at("b").place, "g.toml:3:1: plugin.b");
}

TEST(Config, PrintedConfigurationParsesToTheSame) {
  const auto config = parse_config(
      "[daemon]\ndata_dir = \"/tmp/a'b\\\"c\"\n[plugin.x]\ncolour = \"red\"\n[plugin.x.sub]\nn = 1\n", "g.toml");
  ASSERT_TRUE(config.ok());
  const auto printed = print_config(*config);
  const auto again = parse_config(printed, "g.toml");
  ASSERT_TRUE(again.ok()) << printed << again.error().message();
  EXPECT_EQ(again->data_dir, config->data_dir);
  EXPECT_EQ(**again->plugins.at("x").table->get_string("colour"), "red");
  EXPECT_EQ(print_config(*again), printed);
}

}  // namespace
}  // namespace gantry::daemon
