#include "core/node/pod/pod_files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct PodFilesTest : ::testing::Test {
  PodFilesTest() {
    char name[] = "/tmp/gantry-podfiles-XXXXXX";
    dir = ::mkdtemp(name);
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_namespace_("ns");
  }
  ~PodFilesTest() override { fs::remove_all(dir); }
  fs::path dir;
  corev1::Pod pod;
};

TEST_F(PodFilesTest, HostNames) {
  EXPECT_EQ(pod_hostname(pod), "web");
  pod.mutable_metadata()->set_name(std::string(61, 'a') + "-.b");
  EXPECT_EQ(pod_hostname(pod), std::string(61, 'a'));
  pod.mutable_spec()->set_hostname("h");
  pod.mutable_spec()->set_subdomain("sub");
  EXPECT_EQ(pod_hostname(pod), "h");
  pod.mutable_spec()->set_set_hostname_as_fqdn(true);
  EXPECT_EQ(pod_hostname(pod), "h.sub.ns.svc.cluster.local");
}

TEST_F(PodFilesTest, HostsFile) {
  pod.mutable_spec()->set_subdomain("sub");
  auto& alias = *pod.mutable_spec()->add_host_aliases();
  alias.set_ip("1.2.3.4");
  alias.add_hostnames("a");
  alias.add_hostnames("b");
  const auto path = write_hosts_file(pod, {"10.42.0.5"}, dir);
  ASSERT_TRUE(path.ok());
  const auto text = read_text(*path);
  EXPECT_TRUE(text.starts_with("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
  EXPECT_TRUE(text.ends_with(
      "10.42.0.5\tweb.sub.ns.svc.cluster.local\tweb\n\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n"));
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(path->c_str(), &before), 0);
  ASSERT_TRUE(write_hosts_file(pod, {"10.42.0.5"}, dir).ok());
  ASSERT_EQ(::stat(path->c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  pod.mutable_spec()->set_host_network(true);
  EXPECT_TRUE(read_text(*write_hosts_file(pod, {"10.42.0.5"}, dir))
                  .starts_with("# Kubernetes-managed hosts file (host network).\n"));
}

TEST_F(PodFilesTest, DnsOfTheHostAndOfThePod) {
  std::ofstream(dir / "resolv.conf")
      << "# c\nnameserver 1.1.1.1\nnameserver 2.2.2.2\nsearch a b\noptions ndots:5 rotate\n";
  auto& own = *pod.mutable_spec()->mutable_dns_config();
  own.add_nameservers("2.2.2.2");
  own.add_nameservers("3.3.3.3");
  own.add_nameservers("4.4.4.4");
  own.add_searches("c");
  auto& option = *own.add_options();
  option.set_name("ndots");
  option.set_value("2");
  auto config = dns_config(pod, dir / "resolv.conf");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->servers, (std::vector<std::string>{"1.1.1.1", "2.2.2.2", "3.3.3.3"}));
  EXPECT_EQ(config->searches, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(config->options, (std::vector<std::string>{"rotate", "ndots:2"}));
  pod.mutable_spec()->set_dns_policy("None");
  EXPECT_EQ(dns_config(pod, dir / "resolv.conf")->servers, (std::vector<std::string>{"2.2.2.2", "3.3.3.3", "4.4.4.4"}));
  pod.mutable_spec()->set_dns_policy("Default");
  EXPECT_TRUE(dns_config(pod, dir / "none").ok());
}

TEST_F(PodFilesTest, TerminationLog) {
  const auto path = make_termination_log(dir, "c", "1a2b");
  ASSERT_TRUE(path.ok());
  EXPECT_EQ(*path, (dir / "containers/c/1a2b").string());
  EXPECT_EQ(read_termination_log(*path), "");
  std::ofstream(*path) << std::string(5000, 'x') << "end\xff\xe2\x82\xac";
  const auto text = read_termination_log(*path);
  EXPECT_TRUE(text.ends_with("xend\xEF\xBF\xBD\xe2\x82\xac"));
  EXPECT_EQ(text.size(), 4098u);
  // A container may put anything there.
  fs::remove(*path);
  fs::create_symlink("/etc/passwd", *path);
  EXPECT_EQ(read_termination_log(*path), "");
  EXPECT_FALSE(make_termination_log(dir, "c", "1a2b").ok());
  EXPECT_EQ(read_termination_log((dir / "none").string()), "");
}

}  // namespace
}  // namespace gantry::node
