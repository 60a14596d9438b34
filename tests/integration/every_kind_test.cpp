// Every kind that a manifest makes, through every verb: tests/manifests has one of each, as people publish them.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

#include "core/apiserver/test_server.hpp"
#include "core/network/services/service_allocation.hpp"

namespace gantry::apiserver {
namespace {

constexpr char kYaml[] = "application/yaml", kProtobuf[] = "application/vnd.kubernetes.protobuf";

struct Manifest {
  std::string text, api_version, kind, name;
};

std::string first(const std::string& text, const char* pattern) {
  std::smatch found;
  return std::regex_search(text, found, std::regex(pattern)) ? found[1].str() : std::string();
}

std::vector<Manifest> manifests() {
  std::vector<Manifest> out;
  for (const auto& file : std::filesystem::directory_iterator(MANIFESTS)) {
    std::stringstream all;
    all << std::ifstream(file.path()).rdbuf();
    std::string text = all.str();
    for (size_t from = 0; from < text.size();) {
      const size_t end = std::min(text.find("\n---\n", from), text.size());
      Manifest next{text.substr(from, end - from), {}, {}, {}};
      next.api_version = first(next.text, "(?:^|\n)apiVersion: (\\S+)");
      next.kind = first(next.text, "\nkind: (\\S+)");
      next.name = first(next.text, "name: ([a-z0-9.-]+)");
      out.push_back(std::move(next));
      from = end + 5;
    }
  }
  return out;
}

class EveryKind : public ServerTest {
 protected:
  Options options() override {
    Options out = ServerTest::options();
    network::ServiceAllocationOptions services;
    services.store = store_.get();
    services.ranges = *network::ServiceRanges::parse(std::vector<std::string>{"10.43.0.0/16"}, "30000-32767");
    services.random = [] { return uint64_t{7}; };
    services.log = [](int32_t, std::string_view) {};
    out.admission.push_back(*network::make_service_allocation(std::move(services)));
    return out;
  }

  const schema::Kind* kind_of(const Manifest& manifest) const {
    for (const auto* kind : schemas_->now()->kinds()) {
      if (kind->api_version() == manifest.api_version && kind->kind == manifest.kind) return kind;
    }
    return nullptr;
  }
  static std::string folder(const schema::Kind& kind) {
    return (kind.group.empty() ? "/api/" : "/apis/") + kind.api_version() +
           (kind.namespaced ? "/namespaces/default/" : "/") + kind.plural;
  }
  std::string made_of(const Manifest& manifest) {
    const auto path = folder(*kind_of(manifest));
    const auto answer = ask("POST", path, manifest.text, kYaml);
    EXPECT_EQ(answer.code, 201) << answer.body;
    return path + "/" + manifest.name;
  }
  Json got(const std::string& path) {
    const auto answer = ask("GET", path);
    EXPECT_EQ(answer.code, 200) << answer.body;
    return answer.json();
  }
  std::string version(const std::string& path) {
    return std::string(text_at(got(path), {"metadata", "resourceVersion"}));
  }

  void all(const std::function<void(const Manifest&, const schema::Kind&)>& look) {
    for (const auto& manifest : manifests()) {
      SCOPED_TRACE(manifest.api_version + " " + manifest.kind + " " + manifest.name);
      const auto* kind = kind_of(manifest);
      EXPECT_NE(kind, nullptr);
      if (kind != nullptr) look(manifest, *kind);
    }
  }
};

TEST_F(EveryKind, ThatCanBeCreatedHasAManifest) {
  std::set<std::string> without;
  for (const auto* kind : schemas_->now()->kinds()) {
    if (kind->has_verb("create")) without.insert(kind->api_version() + " " + kind->kind);
  }
  for (const auto& manifest : manifests()) without.erase(manifest.api_version + " " + manifest.kind);
  // Made by the system, or another version of what has one.
  EXPECT_THAT(without,
              testing::UnorderedElementsAre("v1 Binding", "v1 Event", "v1 Node", "events.k8s.io/v1 Event",
                                            "autoscaling/v1 HorizontalPodAutoscaler", "gantry.dev/v1 Plugin",
                                            "metrics.k8s.io/v1beta1 PodMetrics", "metrics.k8s.io/v1beta1 NodeMetrics"));
}

TEST_F(EveryKind, IsKeptAsItIsInEachEncoding) {
  all([&](const Manifest& manifest, const schema::Kind& kind) {
    const auto path = made_of(manifest);
    EXPECT_EQ(ask("POST", folder(kind), manifest.text, kYaml).code, 409);
    const auto before = version(path);
    for (const std::string form : {"application/json", kYaml, kProtobuf}) {
      const auto read = ask("GET", path, "", "", form);
      ASSERT_EQ(read.code, 200) << form;
      const auto back = ask("PUT", path, read.body, form);
      EXPECT_EQ(back.code, 200) << form << " " << back.body;
      EXPECT_EQ(version(path), before) << form;
    }
  });
}

// Who leaves out what has a default, or is always written, changes nothing.
TEST_F(EveryKind, IsTheSameWhenItsManifestIsPutAgain) {
  size_t put = 0;
  all([&](const Manifest& manifest, const schema::Kind&) {
    const auto path = made_of(manifest);
    const std::regex name("(\\{|\n  )name: " + manifest.name);
    const auto pinned = std::regex_replace(manifest.text, name, "$&, resourceVersion: \"" + version(path) + "\"",
                                           std::regex_constants::format_first_only);
    const bool in_lines = manifest.text.find("metadata:\n") != std::string::npos;
    const auto answer = ask("PUT", path, in_lines ? manifest.text : pinned, kYaml);
    // Of a Pod and a Job the server adds to what may not change.
    if (manifest.kind == "Pod" || manifest.kind == "Job") return;
    ASSERT_EQ(answer.code, 200) << answer.body;
    const auto metadata = answer.json().at("metadata").as_object();
    EXPECT_TRUE(!metadata.contains("generation") || metadata.at("generation") == 1) << answer.body;
    ++put;
  });
  EXPECT_EQ(put, manifests().size() - 2);
}

TEST_F(EveryKind, SaysWhetherAnythingActsOnIt) {
  all([&](const Manifest& manifest, const schema::Kind& kind) {
    const auto warned = [&](const Answer& answer) {
      for (const auto& [name, value] : answer.headers) {
        if (name == "Warning" && value.find("nothing acts on") != std::string::npos) return true;
      }
      return false;
    };
    const auto made = ask("POST", folder(kind), manifest.text, kYaml);
    EXPECT_EQ(warned(made), !kind.warning.empty()) << kind.warning;
    const auto changed = ask("PATCH", folder(kind) + "/" + manifest.name, R"({"metadata":{"labels":{"a":"b"}}})",
                             "application/merge-patch+json");
    EXPECT_EQ(warned(changed), !kind.warning.empty()) << changed.body;
  });
}

TEST_F(EveryKind, IsPatchedInEachWay) {
  all([&](const Manifest& manifest, const schema::Kind&) {
    const auto path = made_of(manifest);
    auto before = got(path);
    const std::pair<const char*, std::string> patches[] = {
        {"application/merge-patch+json", R"({"metadata":{"annotations":{"a":"1"}}})"},
        {"application/strategic-merge-patch+json", R"({"metadata":{"annotations":{"a":"2"}}})"},
        {"application/json-patch+json", R"([{"op":"replace","path":"/metadata/annotations/a","value":"3"}])"}};
    int number = 0;
    for (const auto& [type, patch] : patches) {
      const auto answer = ask("PATCH", path, patch, type);
      ASSERT_EQ(answer.code, 200) << type << " " << answer.body;
      EXPECT_EQ(answer.text({"metadata", "annotations", "a"}), std::to_string(++number));
    }
    auto after = got(path);
    for (auto* document : {&before, &after}) document->as_object().erase("metadata");
    EXPECT_EQ(boost::json::serialize(before), boost::json::serialize(after));
  });
}

TEST_F(EveryKind, HasARowOfItsColumns) {
  all([&](const Manifest& manifest, const schema::Kind& kind) {
    const auto path = made_of(manifest);
    const auto table = ask("GET", path, "", "", kTable).json();
    const auto& columns = table.at("columnDefinitions").as_array();
    EXPECT_EQ(columns.size(), kind.columns.size());
    const auto& rows = table.at("rows").as_array();
    ASSERT_EQ(rows.size(), 1u);
    const auto& cells = rows[0].at("cells").as_array();
    ASSERT_EQ(cells.size(), columns.size());
    for (size_t i = 0; i < cells.size(); ++i) {
      EXPECT_FALSE(columns[i].at("description").as_string().empty());
      EXPECT_TRUE(cells[i].is_string() || cells[i].is_int64() || cells[i].is_bool())
          << columns[i].at("name") << ": " << cells[i];
      EXPECT_EQ(cells[i].is_string() && cells[i].as_string().starts_with('@'), false);
    }
    const auto named = [&](const Json& cell) {
      return cell == Json(manifest.name) || cell == Json(manifest.name + " (default)");
    };
    EXPECT_TRUE(std::any_of(cells.begin(), cells.end(), named));
  });
}

TEST_F(EveryKind, IsFoundByItsFields) {
  all([&](const Manifest& manifest, const schema::Kind& kind) {
    made_of(manifest);
    const auto count = [&](const std::string& selector) {
      const auto answer = ask("GET", folder(kind) + "?fieldSelector=" + selector);
      EXPECT_EQ(answer.code, 200) << selector << " " << answer.body;
      return answer.json().at("items").as_array().size();
    };
    EXPECT_EQ(count("metadata.name%3D" + manifest.name), 1u);
    EXPECT_EQ(count("metadata.name%3Dnobody"), 0u);
    for (const auto& field : kind.selectable_fields) EXPECT_EQ(count(field + "%3Dnobody"), 0u);
    EXPECT_EQ(ask("GET", folder(kind) + "?fieldSelector=spec.nobody%3Da").code, 400);
  });
}

TEST_F(EveryKind, HasItsStatusAndItsScale) {
  all([&](const Manifest& manifest, const schema::Kind& kind) {
    const auto path = made_of(manifest);
    if (kind.subresource("status") != nullptr) {
      auto now = got(path + "/status");
      now.as_object()["metadata"].as_object()["labels"] = {{"by", "status"}};
      if (auto* spec = now.as_object().if_contains("spec")) spec->emplace_object();  // is not its business
      const auto answer = ask("PUT", path + "/status", boost::json::serialize(now));
      EXPECT_EQ(answer.code, 200) << answer.body;
      EXPECT_EQ(boost::json::serialize(got(path).as_object()["spec"]),
                boost::json::serialize(answer.json().as_object()["spec"]));
    }
    if (kind.subresource("scale") == nullptr) return;
    auto scale = got(path + "/scale");
    scale.as_object()["spec"].as_object()["replicas"] = 7;
    const auto answer = ask("PUT", path + "/scale", boost::json::serialize(scale));
    EXPECT_EQ(answer.code, 200) << answer.body;
    EXPECT_EQ(got(path).at("spec").at("replicas"), 7);
  });
}

// Whatever is put in the place of a value: it is taken, or refused with a reason, and what was taken can be read.
TEST_F(EveryKind, IsRefusedOrTakenWhateverItSays) {
  const Json instead[] = {nullptr,
                          0,
                          -1,
                          1.5,
                          "",
                          "x y",
                          "\xc3\xa9",
                          true,
                          Json(boost::json::object()),
                          Json(boost::json::array()),
                          Json{{"a", nullptr}},
                          Json(boost::json::array{nullptr})};
  size_t refused = 0, taken = 0;
  std::function<void(Json&, const std::function<void()>&)> each = [&](Json& at, const std::function<void()>& go) {
    for (const auto& value : instead) {
      const Json was = std::exchange(at, value);
      go();
      at = was;
    }
    if (auto* object = at.if_object()) {
      for (auto& member : *object) each(member.value(), go);
    } else if (auto* list = at.if_array()) {
      for (auto& item : *list) each(item, go);
    }
  };
  all([&](const Manifest& manifest, const schema::Kind& kind) {
    const auto path = made_of(manifest);
    auto document = got(path);
    ask("DELETE", path + "?gracePeriodSeconds=0");
    document.as_object().erase("status");
    document.as_object()["metadata"] = {{"generateName", "x-"}};
    for (auto& [key, value] : document.as_object()) {
      if (key == "metadata" || key == "kind" || key == "apiVersion") continue;
      each(value, [&] {
        const auto answer = ask("POST", folder(kind) + "?dryRun=All", boost::json::serialize(document));
        const bool known = answer.code == 201 || answer.code == 400 || answer.code == 403 || answer.code == 422;
        EXPECT_TRUE(known) << answer.code << " " << answer.body << boost::json::serialize(document);
        (answer.code == 201 ? taken : refused) += 1;
        if (answer.code == 422) {
          EXPECT_FALSE(answer.json().at("details").at("causes").as_array().empty());
        }
      });
    }
  });
  EXPECT_GT(refused, 5'000u);
  EXPECT_GT(taken, 1'000u);
}

TEST_F(EveryKind, IsDeletedAloneAndWithAllOthers) {
  all([&](const Manifest& manifest, const schema::Kind& kind) {
    if (kind.kind == "Namespace") return;  // is finalized first
    const auto path = made_of(manifest);
    EXPECT_EQ(ask("DELETE", path + "?gracePeriodSeconds=0").code, 200);
    if (ask("GET", path).code != 404) {
      // Something protects it, and lets go here.
      ask("PATCH", path, R"({"metadata":{"finalizers":null}})", "application/merge-patch+json");
    }
    EXPECT_EQ(ask("GET", path).code, 404);
    if (!kind.has_verb("deletecollection")) return;
    made_of(manifest);
    EXPECT_EQ(ask("DELETE", folder(kind) + "?labelSelector=app%3Dnobody").code, 200);
    EXPECT_EQ(ask("GET", path).code, 200);
    EXPECT_EQ(ask("DELETE", folder(kind) + "?labelSelector=app%3Dshop&gracePeriodSeconds=0").code, 200);
    const auto last = ask("GET", path);
    EXPECT_TRUE(last.code == 404 || !last.text({"metadata", "deletionTimestamp"}).empty()) << last.body;
  });
}

TEST_F(EveryKind, OfPriorityClassesPodsHaveTheNumber) {
  const std::string classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
  made(classes, R"({"metadata":{"name":"first"},"value":100000,"preemptionPolicy":"Never"})");
  const auto of = [](const std::string& name, const std::string& more) {
    return pod(name, "", R"(,"priorityClassName":"first")" + more);
  };
  const auto given = made(kPods, of("a", ""));
  EXPECT_EQ(given.json().at("spec").at("priority"), 100'000);
  EXPECT_EQ(given.text({"spec", "preemptionPolicy"}), "Never");
  EXPECT_EQ(ask("POST", kPods, of("b", R"(,"priority":5)")).code, 403);
  const auto other = ask("POST", kPods, of("b", R"(,"preemptionPolicy":"PreemptLowerPriority")"));
  EXPECT_EQ(other.code, 403);
  EXPECT_NE(other.body.find("the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided"),
            std::string::npos)
      << other.body;
  EXPECT_EQ(ask("DELETE", classes + "/first").code, 200);
  EXPECT_NE(ask("POST", kPods, of("b", "")).body.find("no PriorityClass with name first was found"), std::string::npos);
}

// Two of its requests ask for one number, and what goes gives it back.
TEST_F(EveryKind, OfServicesEachNumberIsGivenOnce) {
  const std::string path = "/api/v1/namespaces/default/services";
  const auto service = [](const std::string& name, const std::string& more) {
    return R"({"metadata":{"name":")" + name + R"("},"spec":{"ports":[{"port":80)" + more + R"(}],"type":"NodePort"}})";
  };
  const auto first_one = made(path, service("a", R"(,"nodePort":30001)"));
  const auto ip = first_one.text({"spec", "clusterIP"});
  EXPECT_EQ(ip, "10.43.1.8");
  const auto refused = ask("POST", path, service("b", R"(,"nodePort":30001)"));
  EXPECT_EQ(refused.code, 422);
  EXPECT_EQ(refused.text({"message"}),
            "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 30001: provided port is already "
            "allocated");
  EXPECT_EQ(ask("POST", path + "?dryRun=All", service("c", R"(,"nodePort":30002)")).code, 201);
  made(path, service("c", R"(,"nodePort":30002)"));
  EXPECT_EQ(ask("DELETE", path + "/a").code, 200);
  made(path, service("b", R"(,"nodePort":30001)"));
  // A type without ports gives them back, and a restart forgets nothing.
  const auto changed = ask("PATCH", path + "/c", R"({"spec":{"type":"ClusterIP"}})", "application/merge-patch+json");
  EXPECT_EQ(changed.code, 200) << changed.body;
  EXPECT_FALSE(changed.json().at("spec").at("ports").at(0).as_object().contains("nodePort"));
  close();
  open();
  EXPECT_EQ(ask("POST", path, service("d", R"(,"nodePort":30001)")).code, 422);
  made(path, service("d", R"(,"nodePort":30002)"));
}

}  // namespace
}  // namespace gantry::apiserver
