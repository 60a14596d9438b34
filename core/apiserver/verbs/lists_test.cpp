// Lists: pages, selectors, versions, and the forms answers come in.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

class ListsTest : public ServerTest {
 protected:
  store::SqliteOptions store_options() override {
    store::SqliteOptions out;
    out.history_entries = 16;
    return out;
  }
  void make(int from, int to) {
    for (int i = from; i < to; ++i) {
      made(kMaps, config_map("m" + std::to_string(i), i % 2 == 0 ? R"(,"labels":{"parity":"even"})" : ""));
    }
  }
  static std::vector<std::string> names(const Answer& answer) {
    std::vector<std::string> out;
    const auto document = answer.json();
    const Json* items = find(document, {"items"});
    if (items == nullptr) return out;
    for (const auto& item : items->as_array()) out.emplace_back(text_at(item, {"metadata", "name"}));
    return out;
  }
};

using Names = std::vector<std::string>;

TEST_F(ListsTest, ComeInPagesOfOneRevision) {
  make(0, 5);
  const std::string path = std::string(kMaps) + "?limit=2";
  auto page = ask("GET", path);
  EXPECT_EQ(page.code, 200);
  EXPECT_EQ(page.text({"kind"}), "ConfigMapList");
  EXPECT_EQ(page.text({"apiVersion"}), "v1");
  EXPECT_EQ(names(page), (Names{"m0", "m1"}));
  EXPECT_EQ(int_at(page.json(), {"metadata", "remainingItemCount"}), 3);
  EXPECT_EQ(find(page.json(), {"items"})->at(0).as_object().contains("kind"), false);
  const auto version = page.text({"metadata", "resourceVersion"});
  made(kMaps, config_map("m00"));
  page = ask("GET", path + "&continue=" + page.text({"metadata", "continue"}));
  EXPECT_EQ(names(page), (Names{"m2", "m3"}));
  EXPECT_EQ(page.text({"metadata", "resourceVersion"}), version);
  page = ask("GET", path + "&continue=" + page.text({"metadata", "continue"}));
  EXPECT_EQ(names(page), (Names{"m4"}));
  EXPECT_EQ(page.text({"metadata", "continue"}), "");
  EXPECT_EQ(find(page.json(), {"metadata", "remainingItemCount"}), nullptr);
}

TEST_F(ListsTest, TokensExpireAndAreChecked) {
  make(0, 3);
  const auto page = ask("GET", std::string(kMaps) + "?limit=1");
  const auto token = page.text({"metadata", "continue"});
  make(3, 40);
  store_->compact(store_->revision());
  const auto old = ask("GET", std::string(kMaps) + "?limit=1&continue=" + token);
  EXPECT_EQ(old.code, 410) << old.body;
  EXPECT_EQ(old.text({"reason"}), "Expired");
  for (const std::string wrong : {"x", "!!!!", "e30", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"}) {
    EXPECT_EQ(ask("GET", std::string(kMaps) + "?limit=1&continue=" + wrong).code, 400) << wrong;
  }
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?resourceVersion=5&continue=" + token).code, 400);
}

std::string base64(const std::string& text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  for (size_t bit = 0; bit < text.size() * 8; bit += 6) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    out += kDigits[(byte(bit / 8) << 8 | byte(bit / 8 + 1)) >> (10 - bit % 8) & 63];
  }
  return out;
}

TEST_F(ListsTest, TokensHaveANumberAndAPlace) {
  make(0, 3);
  const auto with = [&](const std::string& token) {
    return ask("GET", std::string(kMaps) + "?limit=1&continue=" + base64(token));
  };
  const std::string bad = "continue key is not valid: ";
  const std::string no_revision = "incorrect encoded start resourceVersion (version meta.k8s.io/v1)";
  const std::string no_number = "its rv is no number of 64 bits";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"v":"meta.k8s.io/v1","rv":"five","start":"a"})", no_number},
      {R"({"v":"meta.k8s.io/v1","rv":1.5,"start":"a"})", no_number},
      {R"({"v":"meta.k8s.io/v1","rv":18446744073709551616,"start":"a"})", no_number},
      {R"({"v":"meta.k8s.io/v1","rv":9223372036854775808,"start":"a"})", no_number},
      {R"({"v":"meta.k8s.io/v1","rv":null,"start":"a"})", no_number},
      {R"({"v":"meta.k8s.io/v1","rv":0,"start":"a"})", no_revision},
      {R"({"v":"meta.k8s.io/v1","start":"a"})", no_revision},
      {R"({"v":"meta.k8s.io/v1","rv":5})", "encoded start key empty (version meta.k8s.io/v1)"},
      {R"({"v":"meta.k8s.io/v1","rv":5,"start":"../secrets/a"})", "../secrets/a"},
      {R"({"v":"meta.k8s.io/v1","rv":5,"start":"a//b"})", "a//b"},
      {R"({"v":"meta.k8s.io/v1","rv":5,"start":"a/."})", "a/."},
      {R"({"v":"meta.k8s.io/v1","rv":5,"start":"a/"})", "a/"},
      {R"({"v":"v1alpha1","rv":5,"start":"a"})", "server does not recognize this encoded version \"v1alpha1\""},
      {R"([])", "it holds no JSON object"},
      {R"({"v":)", "it holds no JSON object"},
  };
  for (const auto& [token, why] : cases) {
    const auto answer = with(token);
    EXPECT_EQ(answer.code, 400) << token;
    EXPECT_EQ(answer.text({"message"}), bad + why) << token;
  }
  // The newest, from there on.
  EXPECT_EQ(names(with(R"({"v":"meta.k8s.io/v1","rv":-1,"start":"m0"})")), (Names{"m1"}));
  EXPECT_EQ(with(R"({"v":"meta.k8s.io/v1","rv":9223372036854775807,"start":"m0"})").code, 504);
}

TEST_F(ListsTest, SelectByLabelsAndFields) {
  make(0, 4);
  EXPECT_EQ(names(ask("GET", std::string(kMaps) + "?labelSelector=parity%3Deven")), (Names{"m0", "m2"}));
  EXPECT_EQ(names(ask("GET", std::string(kMaps) + "?labelSelector=!parity&limit=1")), (Names{"m1"}));
  EXPECT_EQ(names(ask("GET", std::string(kMaps) + "?fieldSelector=metadata.name%3Dm3")), (Names{"m3"}));
  EXPECT_EQ(names(ask("GET", std::string(kMaps) + "?fieldSelector=metadata.name!=m3,metadata.name!=m1")),
            (Names{"m0", "m2"}));
  EXPECT_EQ(names(ask("GET", "/api/v1/configmaps?fieldSelector=metadata.name=m1,metadata.namespace=default")),
            (Names{"m1"}));
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?fieldSelector=data.k=v").code, 400);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?labelSelector=a%20in%20(").code, 400);
  made(kPods, pod("p", "", R"(,"nodeName":"n1")"));
  made(kPods, pod("q"));
  EXPECT_EQ(names(ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3D")), (Names{"q"}));
  EXPECT_EQ(names(ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1,status.phase!=Failed")), (Names{"p"}));
}

// The second list and those after it come from an index; the answers are the same.
TEST_F(ListsTest, AnIndexedFieldSelectsTheSameEveryTime) {
  for (int i = 0; i < 6; ++i) {
    made(kPods, pod("p" + std::to_string(i), "", R"(,"nodeName":"n)" + std::to_string(i % 2) + "\""));
  }
  const std::string on_n1 = "?fieldSelector=spec.nodeName%3Dn1";
  const Names wanted{"p1", "p3", "p5"};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(names(ask("GET", "/api/v1/pods" + on_n1)), wanted);
    EXPECT_EQ(names(ask("GET", kPods + on_n1)), wanted);
    EXPECT_EQ(names(ask("GET", "/api/v1/namespaces/other/pods" + on_n1)), Names());
    EXPECT_EQ(names(ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2")), Names());
    EXPECT_EQ(names(ask("GET", "/api/v1/pods" + on_n1 + ",metadata.name%21=p3")), (Names{"p1", "p5"}));
    EXPECT_EQ(names(ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%21%3Dn1")), (Names{"p0", "p2", "p4"}));
    EXPECT_EQ(names(ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1,spec.nodeName%3Dn0")), Names());
  }
  auto page = ask("GET", kPods + on_n1 + "&limit=2");
  EXPECT_EQ(names(page), (Names{"p1", "p3"}));
  EXPECT_EQ(names(ask("GET", kPods + on_n1 + "&limit=2&continue=" + page.text({"metadata", "continue"}))), Names{"p5"});
  made(kPods, pod("p7", "", R"(,"nodeName":"n1")"));
  EXPECT_EQ(ask("DELETE", std::string(kPods) + "/p1?gracePeriodSeconds=0").code, 200);
  EXPECT_EQ(names(ask("GET", "/api/v1/pods" + on_n1)), (Names{"p3", "p5", "p7"}));
}

TEST_F(ListsTest, VersionsAreMatched) {
  make(0, 1);
  const auto version = std::to_string(store_->revision());
  make(1, 2);
  const std::string at = std::string(kMaps) + "?resourceVersion=" + version;
  EXPECT_EQ(names(ask("GET", at + "&resourceVersionMatch=Exact")), (Names{"m0"}));
  EXPECT_EQ(names(ask("GET", at + "&resourceVersionMatch=NotOlderThan")), (Names{"m0", "m1"}));
  EXPECT_EQ(names(ask("GET", at)), (Names{"m0", "m1"}));
  EXPECT_EQ(names(ask("GET", at + "&limit=10")), (Names{"m0"}));
  const auto future = ask("GET", std::string(kMaps) + "?resourceVersion=999999");
  EXPECT_EQ(future.code, 504);
  EXPECT_EQ(future.text({"reason"}), "Timeout");
  EXPECT_EQ(future.json().at("details").at("causes").at(0).at("reason"), "ResourceVersionTooLarge");
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?resourceVersion=x").code, 400);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?resourceVersionMatch=Exact").code, 422);
  EXPECT_EQ(ask("GET", at + "&resourceVersionMatch=Sometimes").code, 422);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?resourceVersion=0&resourceVersionMatch=Exact").code, 422);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "/m0?resourceVersion=999999").code, 504);
  store_->compact(store_->revision());
  const auto gone = ask("GET", std::string(kMaps) + "?resourceVersionMatch=Exact&resourceVersion=" + version);
  EXPECT_EQ(gone.code, 410);
}

TEST_F(ListsTest, EmptyListsHaveItems) {
  const auto answer = ask("GET", kMaps);
  EXPECT_EQ(answer.json().at("items").as_array().size(), 0U);
}

TEST_F(ListsTest, TablesHaveColumnsAndRows) {
  const std::string table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  made(kPods, pod("p"));
  const auto answer = ask("GET", kPods, "", "", table);
  EXPECT_EQ(answer.code, 200);
  const auto document = answer.json();
  EXPECT_EQ(text_at(document, {"kind"}), "Table");
  EXPECT_EQ(text_at(document, {"apiVersion"}), "meta.k8s.io/v1");
  const auto& columns = document.at("columnDefinitions").as_array();
  EXPECT_EQ(columns.at(0).at("name"), "Name");
  const auto& row = document.at("rows").at(0);
  EXPECT_EQ(row.at("cells").at(0), "p");
  EXPECT_EQ(row.at("object").at("kind"), "PartialObjectMetadata");
  EXPECT_EQ(row.at("cells").as_array().size(), columns.size());
  const auto one = ask("GET", std::string(kPods) + "/p?includeObject=Object", "", "", table);
  EXPECT_EQ(one.json().at("rows").at(0).at("object").at("kind"), "Pod");
  const auto none = ask("GET", std::string(kPods) + "?includeObject=None", "", "", table);
  const auto bare = none.json();
  const auto* object = bare.at("rows").at(0).as_object().if_contains("object");
  EXPECT_TRUE(object == nullptr || object->is_null());
}

TEST_F(ListsTest, MetadataAloneIsLess) {
  make(0, 1);
  const auto list = ask("GET", kMaps, "", "", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
  EXPECT_EQ(list.text({"kind"}), "PartialObjectMetadataList");
  const auto document = list.json();
  const auto& item = document.at("items").at(0);
  EXPECT_EQ(item.at("kind"), "PartialObjectMetadata");
  EXPECT_EQ(text_at(item, {"metadata", "labels", "parity"}), "even");
  EXPECT_EQ(item.as_object().contains("data"), false);
}

TEST_F(ListsTest, ProtobufIsEncodedOnce) {
  make(0, 2);
  const std::string protobuf = "application/vnd.kubernetes.protobuf";
  auto first = std::make_shared<FakeExchange>(), second = std::make_shared<FakeExchange>();
  for (const auto& exchange : {first, second}) {
    server_->handle(request("GET", kMaps, "", "", protobuf), exchange);
    ASSERT_TRUE(exchange->wait_answer());
    ASSERT_EQ(exchange->response().body.size(), 7U);  // prefix, metadata, two objects with headers, end
  }
  EXPECT_EQ(first->response().body[3].bytes.data(), second->response().body[3].bytes.data());
  EXPECT_EQ(first->response().content_type, protobuf);
  // JSON: the stored bytes themselves.
  auto json = std::make_shared<FakeExchange>();
  server_->handle(request("GET", kMaps), json);
  ASSERT_TRUE(json->wait_answer());
  const auto entry = store_->get("//configmaps/default/m0");
  ASSERT_NE(entry, nullptr);
  const auto bytes = json->response().body[2].bytes;
  EXPECT_GE(bytes.data(), entry->value.data());
  EXPECT_LE(bytes.data() + bytes.size(), entry->value.data() + entry->value.size());
}

TEST_F(ListsTest, WhatNobodyHasIsNotAcceptable) {
  EXPECT_EQ(ask("GET", kMaps, "", "", "text/html").code, 406);
  EXPECT_EQ(ask("GET", kMaps, "", "", "text/html, */*").code, 200);
}

// A name that is no path.
TEST_F(ListsTest, JobsBySuccesses) {
  const std::string jobs = "/apis/batch/v1/namespaces/default/jobs";
  for (const std::string name : {"a", "b"}) {
    made(jobs, R"({"metadata":{"name":")" + name + R"("},"spec":{"completions":9,"template":{"spec":{
        "restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}})");
  }
  ASSERT_EQ(
      ask("PATCH", jobs + "/b/status", R"({"status":{"succeeded":3,"startTime":"2026-01-01T00:00:00Z"}})", kMergePatch)
          .code,
      200);
  const auto names = [&](const std::string& selector) {
    const auto answer = ask("GET", jobs + "?fieldSelector=" + selector);
    EXPECT_EQ(answer.code, 200) << answer.body;
    const Json document = answer.json();
    std::string out;
    for (const auto& item : document.at("items").as_array()) out += text_at(item, {"metadata", "name"});
    return out;
  };
  EXPECT_EQ(names("status.successful%3D3"), "b");
  EXPECT_EQ(names("status.successful%3D0"), "a");
  EXPECT_EQ(ask("GET", jobs + "?fieldSelector=status.succeeded%3D3").code, 400);
}

}  // namespace
}  // namespace gantry::apiserver
