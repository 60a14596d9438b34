// What objects have of the classes that they name, and of those that are meant where none is named; and which classes
// stay.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

constexpr const char* kPriorities = "/apis/scheduling.k8s.io/v1/priorityclasses";

class ClassesTest : public ServerTest {
 protected:
  static std::string at(const char* folder, const std::string& name) { return std::string(folder) + "/" + name; }
  static std::string priority_class(const std::string& name, const std::string& fields) {
    return R"({"metadata":{"name":")" + name + R"("},)" + fields + "}";
  }
};

TEST_F(ClassesTest, PodsThatNameNoPriorityHaveTheDefaults) {
  auto spec = made(kPods, pod("before")).json().at("spec");
  EXPECT_EQ(spec.at("priority"), 0);
  EXPECT_EQ(spec.at("preemptionPolicy"), "PreemptLowerPriority");
  EXPECT_FALSE(spec.as_object().contains("priorityClassName"));
  made(kPriorities, priority_class("usual", R"("value":7,"globalDefault":true,"preemptionPolicy":"Never")"));
  made(kPriorities, priority_class("other", R"("value":1,"description":"\"globalDefault\":true")"));
  spec = made(kPods, pod("after")).json().at("spec");
  EXPECT_EQ(spec.at("priority"), 7);
  EXPECT_EQ(spec.at("preemptionPolicy"), "Never");
  EXPECT_EQ(spec.at("priorityClassName"), "usual");
  const auto named = made(kPods, pod("named", "", R"(,"priorityClassName":"other")")).json();
  EXPECT_EQ(named.at("spec").at("priority"), 1);
  const auto wrong = ask("POST", kPods, pod("wrong", "", R"(,"priority":3)"));
  EXPECT_EQ(wrong.code, 403);
  EXPECT_EQ(wrong.text({"message"}),
            "pods \"wrong\" is forbidden: the integer value of priority (3) must not be provided in pod spec; priority "
            "admission controller computed 7 from the given PriorityClass name");
  ASSERT_EQ(ask("DELETE", at(kPriorities, "usual")).code, 200);
  EXPECT_EQ(made(kPods, pod("later")).json().at("spec").at("priority"), 0);
}

TEST_F(ClassesTest, AnUpdateThatLeavesThePriorityOutKeepsIt) {
  const auto before = made(kPods, pod("p", "", R"(,"priorityClassName":"system-node-critical")"));
  auto document = before.json();
  document.at("spec").as_object().erase("priority");
  document.at("spec").as_object().erase("preemptionPolicy");
  const auto after = ask("PUT", at(kPods, "p"), boost::json::serialize(document));
  ASSERT_EQ(after.code, 200) << after.body;
  EXPECT_EQ(after.json().at("spec").at("priority"), 2'000'001'000);
}

TEST_F(ClassesTest, OnePriorityClassIsTheDefault) {
  made(kPriorities, priority_class("a", R"("value":7,"globalDefault":true)"));
  const auto second = ask("POST", kPriorities, priority_class("b", R"("value":8,"globalDefault":true)"));
  EXPECT_EQ(second.code, 403);
  EXPECT_EQ(second.text({"message"}),
            "priorityclasses.scheduling.k8s.io \"b\" is forbidden: PriorityClass a is already marked as default. Only "
            "one default can exist");
  made(kPriorities, priority_class("b", R"("value":8)"));
  const std::string mark = R"({"globalDefault":true})";
  EXPECT_EQ(ask("PATCH", at(kPriorities, "b"), mark, kMergePatch).code, 403);
  EXPECT_EQ(ask("PATCH", at(kPriorities, "a"), R"({"description":"x"})", kMergePatch).code, 200);
  EXPECT_EQ(ask("PATCH", at(kPriorities, "a"), R"({"globalDefault":false})", kMergePatch).code, 200);
  EXPECT_EQ(ask("PATCH", at(kPriorities, "b"), mark, kMergePatch).code, 200);
  EXPECT_EQ(made(kPods, pod("p")).json().at("spec").at("priority"), 8);
}

TEST_F(ClassesTest, TheSystemsPriorityClassesStay) {
  const auto refused = ask("DELETE", at(kPriorities, "system-node-critical"));
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.text({"reason"}), "Forbidden");
  EXPECT_EQ(refused.text({"message"}),
            "priorityclasses.scheduling.k8s.io \"system-node-critical\" is forbidden: this is a system priority class "
            "and cannot be deleted");
}

TEST_F(ClassesTest, ClaimsThatNameNoStorageClassHaveTheNewestDefault) {
  const std::string claims = "/api/v1/namespaces/default/persistentvolumeclaims";
  const auto claim = [](const std::string& name, const std::string& metadata, const std::string& spec) {
    return R"({"metadata":{"name":")" + name + "\"" + metadata +
           R"(},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}})" + spec + "}}";
  };
  const auto class_of = [&](const std::string& name, const std::string& metadata, const std::string& spec) {
    const auto answer = made(claims, claim(name, metadata, spec)).json();
    const Json* found = find(answer, {"spec", "storageClassName"});
    return found == nullptr ? "none" : std::string(found->as_string());
  };
  const auto add = [&](const std::string& name, const std::string& key) {
    made("/apis/storage.k8s.io/v1/storageclasses",
         R"({"metadata":{"name":")" + name + R"(","annotations":{")" + key + R"(":"true"}},"provisioner":"a.b/c"})");
  };
  EXPECT_EQ(class_of("a", "", ""), "none");
  add("other", "is-default-class");
  add("z-old", "storageclass.kubernetes.io/is-default-class");
  EXPECT_EQ(class_of("b", "", ""), "z-old");
  add("b-old", "storageclass.beta.kubernetes.io/is-default-class");
  EXPECT_EQ(class_of("c", "", ""), "b-old") << "of the same second the first by name";
  now_ += int64_t{5} * 1'000'000'000;
  add("new", "storageclass.kubernetes.io/is-default-class");
  EXPECT_EQ(class_of("d", "", ""), "new");
  EXPECT_EQ(class_of("e", "", R"(,"storageClassName":"")"), "");
  EXPECT_EQ(class_of("f", R"(,"annotations":{"volume.beta.kubernetes.io/storage-class":"x"})", ""), "none");
  ASSERT_EQ(ask("DELETE", "/apis/storage.k8s.io/v1/storageclasses/new").code, 200);
  EXPECT_EQ(class_of("g", "", ""), "b-old");
  // What there is stays as it is.
  EXPECT_EQ(find(ask("PATCH", claims + "/a", R"({"metadata":{"labels":{"a":"b"}}})", kMergePatch).json(),
                 {"spec", "storageClassName"}),
            nullptr);
}

TEST_F(ClassesTest, ClaimsGrowWhereTheirClassSaysSo) {
  const std::string claims = "/api/v1/namespaces/default/persistentvolumeclaims";
  const auto add = [&](const std::string& name) {
    made(claims, R"({"metadata":{"name":")" + name +
                     R"("},"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":")" + name +
                     R"(","resources":{"requests":{"storage":"1Gi"}}}})");
    EXPECT_EQ(ask("PATCH", claims + "/" + name + "/status", R"({"status":{"phase":"Bound"}})", kMergePatch).code, 200);
  };
  const auto grow = [&](const std::string& name) {
    return ask("PATCH", claims + "/" + name, R"({"spec":{"resources":{"requests":{"storage":"2Gi"}}}})", kMergePatch);
  };
  made("/apis/storage.k8s.io/v1/storageclasses",
       R"({"metadata":{"name":"grows"},"provisioner":"a.b/c","allowVolumeExpansion":true})");
  made("/apis/storage.k8s.io/v1/storageclasses", R"({"metadata":{"name":"stays"},"provisioner":"a.b/c"})");
  for (const char* name : {"grows", "stays", "none"}) add(name);
  EXPECT_EQ(grow("grows").code, 200);
  for (const char* name : {"stays", "none"}) {
    EXPECT_EQ(grow(name).code, 403);
    EXPECT_EQ(grow(name).text({"message"}),
              "persistentvolumeclaims \"" + std::string(name) +
                  "\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that "
                  "provisions the pvc must support resize");
  }
}

TEST_F(ClassesTest, IngressesThatNameNoClassHaveTheDefault) {
  const std::string ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
  const auto class_of = [&](const std::string& name, const std::string& metadata, const std::string& spec) {
    const auto answer = made(
        ingresses, R"({"metadata":{"name":")" + name + "\"" + metadata +
                       R"(},"spec":{"defaultBackend":{"service":{"name":"s","port":{"number":80}}})" + spec + "}}");
    return answer.text({"spec", "ingressClassName"});
  };
  EXPECT_EQ(class_of("a", "", ""), "");
  made("/apis/networking.k8s.io/v1/ingressclasses",
       R"({"metadata":{"name":"usual","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}},
           "spec":{"controller":"a.b/c"}})");
  EXPECT_EQ(class_of("b", "", ""), "usual");
  EXPECT_EQ(class_of("c", "", R"(,"ingressClassName":"mine")"), "mine");
  EXPECT_EQ(class_of("d", R"(,"annotations":{"kubernetes.io/ingress.class":"old"})", ""), "");
}

class RuntimesTest : public ClassesTest {
 protected:
  void SetUp() override {
    ClassesTest::SetUp();
    made("/apis/node.k8s.io/v1/runtimeclasses", R"({"metadata":{"name":"plain"},"handler":"runc"})");
    made("/apis/node.k8s.io/v1/runtimeclasses",
         R"({"metadata":{"name":"vm"},"handler":"vm","overhead":{"podFixed":{"cpu":"250m","memory":"120Mi"}},
             "scheduling":{"nodeSelector":{"vm":"yes"},"tolerations":[{"key":"vm","operator":"Exists"},
             {"key":"own","operator":"Equal","value":"1","effect":"NoSchedule"}]}})");
  }
  static std::string of_class(const std::string& name, const std::string& more = {}) {
    return pod("p", "", R"(,"runtimeClassName":")" + name + "\"" + more);
  }
  std::string refusal(const std::string& document) {
    const auto answer = ask("POST", kPods, document);
    EXPECT_EQ(answer.code, 403) << answer.body;
    const std::string message = answer.text({"message"}), common = "pods \"p\" is forbidden: ";
    EXPECT_TRUE(message.starts_with(common)) << message;
    return message.substr(std::min(common.size(), message.size()));
  }
};

TEST_F(RuntimesTest, APodCostsAndGoesWhereItsClassSays) {
  const auto spec = made(kPods, of_class("vm", R"(,"nodeSelector":{"a":"b"},"overhead":{"cpu":"0.25","memory":"120Mi"},
      "tolerations":[{"key":"vm","operator":"Exists","effect":"NoSchedule"},{"key":"own","operator":"Exists"}])"))
                        .json()
                        .at("spec");
  EXPECT_EQ(boost::json::serialize(spec.at("overhead")), R"({"cpu":"250m","memory":"120Mi"})");
  EXPECT_EQ(boost::json::serialize(spec.at("nodeSelector")), R"({"a":"b","vm":"yes"})");
  std::string tolerations;
  for (const auto& one : spec.at("tolerations").as_array()) {
    tolerations += std::string(one.at("key").as_string()) + (one.as_object().contains("effect") ? "! " : " ");
  }
  // What another makes needless is left out; those for nodes that are not ready came before.
  EXPECT_EQ(tolerations, "own node.kubernetes.io/not-ready! node.kubernetes.io/unreachable! vm ");
}

TEST_F(RuntimesTest, WhatDoesNotFitTheClassIsRefused) {
  EXPECT_EQ(refusal(of_class("vm", R"(,"nodeSelector":{"vm":"no"})")),
            "conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no");
  EXPECT_EQ(refusal(of_class("vm", R"(,"overhead":{"cpu":"250m"})")),
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  const std::string without = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
  EXPECT_EQ(refusal(of_class("plain", R"(,"overhead":{"cpu":"250m"})")), without);
  EXPECT_EQ(refusal(pod("p", "", R"(,"overhead":{"cpu":"250m"})")), without);
  EXPECT_EQ(refusal(of_class("other")), "pod rejected: RuntimeClass \"other\" not found");
  made(kPods, of_class("plain"));
}

}  // namespace
}  // namespace gantry::apiserver
