// ComponentStatuses as HTTP: of each part of the control plane one that nobody wrote.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

class PartsTest : public ServerTest {
 protected:
  Options options() override {
    auto out = ServerTest::options();
    out.parts = {{"scheduler", [] { return true; }},
                 {"controller-manager", [] { return false; }, [] { return std::string("asleep"); }}};
    return out;
  }
  static constexpr const char* kAll = "/api/v1/componentstatuses";
};

TEST_F(PartsTest, AreReadAndNotWritten) {
  const auto all = ask("GET", kAll);
  ASSERT_EQ(all.code, 200) << all.body;
  EXPECT_EQ(all.text({"kind"}), "ComponentStatusList");
  EXPECT_EQ(all.header("Warning"), "299 - \"v1 ComponentStatus is deprecated in v1.19+\"");
  const auto items = all.json().at("items").as_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(text_at(items[0], {"metadata", "name"}), "controller-manager");
  EXPECT_EQ(boost::json::serialize(items[1].at("conditions")),
            R"([{"type":"Healthy","status":"True","message":"ok"}])");
  const auto one = ask("GET", std::string(kAll) + "/controller-manager");
  ASSERT_EQ(one.code, 200);
  EXPECT_EQ(one.text({"kind"}), "ComponentStatus");
  EXPECT_EQ(boost::json::serialize(one.json().at("conditions")),
            R"([{"type":"Healthy","status":"False","error":"asleep"}])");
  EXPECT_EQ(one.header("Warning"), "299 - \"v1 ComponentStatus is deprecated in v1.19+\"");
  EXPECT_EQ(ask("GET", std::string(kAll) + "/other").code, 404);
  for (const char* method : {"POST", "DELETE"}) EXPECT_EQ(ask(method, kAll, "{}").code, 405) << method;
  EXPECT_EQ(ask("GET", std::string(kAll) + "?watch=1").code, 405);
}

TEST_F(PartsTest, AreSelectedAndShownInEachForm) {
  EXPECT_EQ(
      ask("GET", std::string(kAll) + "?fieldSelector=metadata.name%3Dscheduler").json().at("items").as_array().size(),
      1U);
  EXPECT_EQ(ask("GET", std::string(kAll) + "?labelSelector=a%3Db").json().at("items").as_array().size(), 0U);
  const auto table = ask("GET", kAll, "", "", kTable);
  EXPECT_EQ(boost::json::serialize(table.json().at("rows").at(0).at("cells")),
            R"(["controller-manager","Unhealthy","","asleep"])");
  for (const char* form : {"application/yaml", "application/vnd.kubernetes.protobuf"}) {
    EXPECT_EQ(ask("GET", kAll, "", "", form).code, 200) << form;
    EXPECT_EQ(ask("GET", std::string(kAll) + "/scheduler", "", "", form).code, 200) << form;
  }
}

}  // namespace
}  // namespace gantry::apiserver
