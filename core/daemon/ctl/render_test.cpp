#include "core/daemon/ctl/render.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace gantry::ctl {
namespace {

const char* const kImages = R"({"images":[
  {"id":"sha256:0123456789abcdef0123","names":["a.local/x:1","a.local/x:latest"],"digests":["a.local/x@sha256:99"],"size":4212345},
  {"id":"sha256:fedcba98765432100000","names":[],"digests":[],"size":12}]})";

const char* const kPlugins = R"({"plugins":[
  {"name":"oci","path":"/p/oci.so","version":"1.0.0","vendor":"Gantry","description":"Runs containers",
   "interfaces":["gantry.runtime/1","gantry.x/1"],"phase":"Running","message":"","required":true,
   "isolation":"Process","crash":"it was at work"},
  {"name":"broken","path":"/p/broken.so","version":"","vendor":"","description":"","interfaces":[],
   "phase":"Failed","message":"not a shared object","required":false,"isolation":"None","crash":""}]})";

TEST(Render, Images) {
  const auto answer = boost::json::parse(kImages);
  EXPECT_EQ(render_images(answer, Format::kTable),
            "NAME               IMAGE ID       SIZE\n"
            "a.local/x:1        0123456789ab   4.2MB\n"
            "a.local/x:latest   0123456789ab   4.2MB\n"
            "<none>             fedcba987654   12B\n");
  EXPECT_EQ(render_images(answer, Format::kName), "a.local/x:1\na.local/x:latest\nsha256:fedcba98765432100000\n");
  EXPECT_NE(render_images(answer, Format::kWide).find("a.local/x@sha256:99\n"), std::string::npos);
  EXPECT_EQ(render_images(boost::json::parse("{}"), Format::kTable), "No images found.\n");
}

TEST(Render, Plugins) {
  const auto answer = boost::json::parse(kPlugins);
  EXPECT_EQ(render_plugins(answer, Format::kTable),
            "NAME     VERSION   PHASE     ISOLATION                INTERFACES\n"
            "oci      1.0.0     Running   Process,EndedTheDaemon   gantry.runtime/1,gantry.x/1\n"
            "broken   <none>    Failed    None                     <none>\n");
  EXPECT_NE(render_plugins(answer, Format::kWide).find("not a shared object\n"), std::string::npos);
  const auto* plugin = find_plugin(answer, "oci");
  ASSERT_NE(plugin, nullptr);
  EXPECT_NE(render_plugin(*plugin).find("Required:         yes\n"), std::string::npos) << render_plugin(*plugin);
  EXPECT_NE(render_plugin(*plugin).find("Ended Daemon:     it was at work\n"), std::string::npos);
  EXPECT_EQ(find_plugin(answer, "absent"), nullptr);
}

TEST(Render, StatusBearsWhatIsMissing) {
  EXPECT_EQ(render_status(boost::json::parse(
                "{\"ready\":true,\"pid\":7,\"uptimeSeconds\":125,\"roles\":[\"server\",\"agent\"]}")),
            "Version:      <none>\nReady:        yes\nPID:          7\nUptime:       2m5s\nRoles:        server,agent\n"
            "Node:         <none>\nAPI:          <none>\nKubeconfig:   <none>\nData:         <none>\n");
  EXPECT_NO_FATAL_FAILURE(render_status(boost::json::parse("[]")));
}

TEST(Render, SizesAndDurations) {
  EXPECT_EQ(human_size(0), "0B");
  EXPECT_EQ(human_size(999), "999B");
  EXPECT_EQ(human_size(1000), "1.0kB");
  EXPECT_EQ(human_size(123'456'789), "123MB");
  EXPECT_EQ(human_size(5'000'000'000'000'000), "5000TB");
  EXPECT_EQ(human_duration(0), "0s");
  EXPECT_EQ(human_duration(119), "119s");
  EXPECT_EQ(human_duration(120), "2m");
  EXPECT_EQ(human_duration(601), "10m");
  EXPECT_EQ(human_duration(4 * 3600 + 120), "4h2m");
  EXPECT_EQ(human_duration(30 * 86400), "30d");
}

}  // namespace
}  // namespace gantry::ctl
