// scale, binding, logs and exec over a real schema and store, with the caller and the node played by the test.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "core/apiserver/discovery/discovery.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/test_server.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/files/unique_fd.hpp"
#include "k8s.io/api/autoscaling/v1/scale.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/status.pb.h"

namespace gantry::apiserver {
namespace {

using Verb = void (*)(const CallPtr&);

// Says what it is told to, on a thread of its own, as a node does.
class FakeNode : public client::NodeBackend {
 public:
  ~FakeNode() override {
    for (auto& thread : threads) thread.join();
  }
  Status logs(const client::PodRef& pod, const client::LogOptions& options, int out) override {
    io::UniqueFd fd(out);
    log_pod = pod;
    log_options = options;
    if (!log_error.ok()) return log_error;
    if (keep_open) {
      kept = std::move(fd);
      return {};
    }
    threads.emplace_back([text = log_text, fd = std::move(fd)] {
      for (size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
        if (n <= 0) return;
        done += static_cast<size_t>(n);
      }
    });
    return {};
  }
  struct Session : client::ExecSession {
    void resize(uint16_t, uint16_t) override {}
  };
  Expected<std::unique_ptr<client::ExecSession>> exec(const client::PodRef& pod, const client::ExecOptions& options,
                                                      int in, int out, int err,
                                                      std::function<void(Expected<int>)> exited) override {
    io::UniqueFd input(in), output(out), errors(err);
    exec_pod = pod;
    exec_options = options;
    if (!exec_error.ok()) return exec_error;
    // Says what it was asked to run, then goes with 3.
    std::string said;
    for (const auto& word : options.command) said += word + "|";
    if (output.valid()) {
      EXPECT_EQ(::write(output.get(), said.data(), said.size()), static_cast<ssize_t>(said.size()));
    }
    threads.emplace_back([exited = std::move(exited)] { exited(3); });
    return std::unique_ptr<client::ExecSession>(new Session());
  }

  client::PodRef log_pod, exec_pod;
  client::LogOptions log_options;
  client::ExecOptions exec_options;
  Status log_error, exec_error;
  std::string log_text = "line one\nline two\n";
  bool keep_open = false;
  io::UniqueFd kept;
  std::vector<std::thread> threads;
};

class SubresourcesTest : public ServerTest {
 protected:
  // The verbs alone, without the way to them.
  void start(Options wanted) override {
    env_ = std::make_shared<Environment>(*schemas_, *store_, std::move(wanted));
    env_->loop = io::EventLoop::start("test");
    env_->node = &node_;
  }
  void stop() override {
    node_.kept.reset();
    if (env_) env_->loop->stop();
  }

  const schema::Kind& kind(std::string_view group, std::string_view plural) {
    return *schemas_->now()->find_resource(group, "v1", plural);
  }
  CallPtr call(const schema::Kind& kind, std::string name, std::string subresource, std::string method) {
    auto out = std::make_shared<Call>();
    out->schema = schemas_->now();
    out->env = env_;
    out->request.method = std::move(method);
    out->exchange = std::make_shared<FakeExchange>();
    out->target.kind = &kind;
    out->target.group = kind.group;
    out->target.version = kind.version;
    out->target.resource = kind.plural;
    out->target.ns = "shop";
    out->target.name = std::move(name);
    out->target.subresource = std::move(subresource);
    return out;
  }
  static FakeExchange& answer(const CallPtr& call) {
    auto& exchange = static_cast<FakeExchange&>(*call->exchange);
    EXPECT_TRUE(exchange.wait_answer());
    return exchange;
  }
  FakeExchange& run(Verb verb, const CallPtr& call) {
    calls_.push_back(call);  // its exchange is looked at later
    verb(call);
    return answer(call);
  }

  store::Revision put(const schema::Kind& kind, std::string_view json) {
    auto document = schema::decode(*kind.message, schema::Media::kJson, json);
    EXPECT_TRUE(document.ok()) << (document ? "" : document.error().message());
    store::Write write;
    write.key = key_of(kind, "shop", text_at(*document, {"metadata", "name"}));
    write.kind = store_->get(write.key) ? store::Write::Kind::kUpdate : store::Write::Kind::kCreate;
    write.value = schema::encode_json(*kind.message, *document, &write.revision_at);
    std::promise<store::Revision> revision;
    store_->write(std::move(write), [&](Expected<store::EntryPtr> entry) {
      EXPECT_TRUE(entry.ok());
      revision.set_value(entry ? (*entry)->mod_revision : 0);
    });
    return revision.get_future().get();
  }
  Json stored(const schema::Kind& kind, std::string_view name) {
    const auto entry = store_->get(key_of(kind, "shop", name));
    return entry ? parse_entry(*entry) : Json();
  }
  store::Revision put_deployment(int replicas = 3) {
    return put(
        kind("apps", "deployments"),
        R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop","uid":"u-web",)"
        R"("generation":1,"creationTimestamp":"2024-01-02T03:04:05Z"},"spec":{"replicas":)" +
            std::to_string(replicas) +
            R"(,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},)"
            R"("spec":{"containers":[{"name":"c","image":"i:1"}]}}},"status":{"replicas":2}})");
  }
  store::Revision put_pod(const std::string& more_metadata = "", const std::string& more_spec = "",
                          const std::string& status = "{}") {
    return put(kind("", "pods"),
               R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"shop","uid":"u-p",)"
               R"("generation":1)" +
                   more_metadata + R"(},"spec":{"containers":[{"name":"main","image":"i:1"})" + containers_ + "]" +
                   more_spec + R"(},"status":)" + status + "}");
  }
  CallPtr bind_call(const std::string& body, const std::string& subresource = "binding") {
    auto out = subresource.empty() ? call(kind("", "bindings"), "", "", "POST")
                                   : call(kind("", "pods"), "p", subresource, "POST");
    out->request.body = body;
    return out;
  }
  static std::string binding(const std::string& node = "node-1", const std::string& metadata = R"("name":"p")") {
    return R"({"apiVersion":"v1","kind":"Binding","metadata":{)" + metadata + R"(},"target":{"kind":"Node","name":")" +
           node + R"("}})";
  }
  CallPtr pod_call(const std::string& subresource, const std::string& query) {
    auto out = call(kind("", "pods"), "p", subresource, "GET");
    out->query = Query(query);
    return out;
  }
  static std::string message_of(FakeExchange& exchange) {
    return std::string(text_at(boost::json::parse(exchange.body()), {"message"}));
  }

  std::string containers_;
  FakeNode node_;
  EnvironmentPtr env_;
  std::vector<CallPtr> calls_;
};

// ---- scale

TEST_F(SubresourcesTest, ScaleShowsTheWorkload) {
  const auto revision = put_deployment();
  auto& exchange = run(scale, call(kind("apps", "deployments"), "web", "scale", "GET"));
  EXPECT_EQ(exchange.code(), 200);
  EXPECT_EQ(exchange.body(),
            R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"web","namespace":"shop",)"
            R"("uid":"u-web","resourceVersion":")" +
                std::to_string(revision) +
                R"(","creationTimestamp":"2024-01-02T03:04:05Z"},"spec":{"replicas":3},)"
                R"("status":{"replicas":2,"selector":"app=web"}})");
}

TEST_F(SubresourcesTest, ScaleHasATable) {
  put_deployment();
  auto request = call(kind("apps", "deployments"), "web", "scale", "GET");
  request->form.as = As::kTable;
  auto& exchange = run(scale, request);
  EXPECT_EQ(exchange.code(), 200);
  const Json table = boost::json::parse(exchange.body());
  EXPECT_EQ(text_at(table, {"kind"}), "Table");
  EXPECT_EQ(text_at(table, {"metadata", "resourceVersion"}),
            text_at(table.at("rows").at(0).at("object"), {"metadata", "resourceVersion"}));
  std::string names;
  for (const auto& column : table.at("columnDefinitions").as_array())
    names += std::string(text_at(column, {"name"})) + " ";
  EXPECT_EQ(names, "Name Desired Available Age ");
  auto cells = table.at("rows").at(0).at("cells").as_array();
  ASSERT_EQ(cells.size(), 4u);
  EXPECT_NE(cells[3], "<unknown>");
  cells.pop_back();
  EXPECT_EQ(boost::json::serialize(cells), R"(["web",3,2])");
}

TEST_F(SubresourcesTest, ScaleOfAPlainSelectorHasItAsText) {
  put(kind("", "replicationcontrollers"),
      R"({"metadata":{"name":"web","namespace":"shop"},"spec":{"selector":{"app":"web","tier":"a"}}})");
  auto& exchange = run(scale, call(kind("", "replicationcontrollers"), "web", "scale", "GET"));
  EXPECT_NE(exchange.body().find(R"("status":{"replicas":0,"selector":"app=web,tier=a"})"), std::string::npos);
}

TEST_F(SubresourcesTest, ScaleToNothingIsZeroInTheTable) {
  put_deployment(0);
  auto request = call(kind("apps", "deployments"), "web", "scale", "GET");
  request->form.as = As::kTable;
  EXPECT_NE(run(scale, request).body().find(R"("cells":["web",0,2,)"), std::string::npos);
}

TEST_F(SubresourcesTest, ScaleOfNothing) {
  auto& exchange = run(scale, call(kind("apps", "deployments"), "web", "scale", "GET"));
  EXPECT_EQ(exchange.code(), 404);
  EXPECT_EQ(message_of(exchange), "deployments.apps \"web\" not found");
}

std::string scale_body(int replicas, const std::string& more = "") {
  return R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"web","namespace":"shop")" + more +
         R"(},"spec":{"replicas":)" + std::to_string(replicas) + "}}";
}

TEST_F(SubresourcesTest, ScaleIsPut) {
  put_deployment();
  auto request = call(kind("apps", "deployments"), "web", "scale", "PUT");
  request->request.body = scale_body(7);
  auto& exchange = run(scale, request);
  EXPECT_EQ(exchange.code(), 200) << exchange.body();
  EXPECT_EQ(int_at(boost::json::parse(exchange.body()), {"spec", "replicas"}), 7);
  const Json after = stored(kind("apps", "deployments"), "web");
  EXPECT_EQ(int_at(after, {"spec", "replicas"}), 7);
  EXPECT_EQ(int_at(after, {"metadata", "generation"}), 2);
  EXPECT_EQ(int_at(after, {"status", "replicas"}), 2);
}

TEST_F(SubresourcesTest, ScaleToNone) {
  put_deployment();
  auto request = call(kind("apps", "deployments"), "web", "scale", "PUT");
  request->request.body = scale_body(0);
  auto& exchange = run(scale, request);
  EXPECT_EQ(exchange.code(), 200);
  EXPECT_NE(exchange.body().find(R"("spec":{},)"), std::string::npos) << exchange.body();
  EXPECT_NE(find(stored(kind("apps", "deployments"), "web"), {"spec", "replicas"}), nullptr);
}

TEST_F(SubresourcesTest, ScaleRefusesBadInput) {
  const auto revision = put_deployment();
  struct Case {
    std::string body;
    int code;
    std::string message;
  };
  const Case cases[] = {
      {scale_body(-1), 422,
       "Scale.autoscaling \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
      {scale_body(1, R"(,"resourceVersion":")" + std::to_string(revision - 1) + "\""), 409,
       "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your "
       "changes to the latest version and try again"},
      {scale_body(1, R"(,"uid":"other")"), 409,
       "Operation cannot be fulfilled on deployments.apps \"web\": StorageError: invalid object, Code: 4, Key: "
       "/registry/deployments/shop/web, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
       "precondition: other, UID in object meta: u-web"},
      {R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"web2"},"spec":{"replicas":1}})", 400,
       "the name of the object (web2) does not match the name on the URL (web)"},
      {"{", 400, ""},
  };
  for (const auto& test : cases) {
    auto request = call(kind("apps", "deployments"), "web", "scale", "PUT");
    request->request.body = test.body;
    auto& exchange = run(scale, request);
    EXPECT_EQ(exchange.code(), test.code) << test.body << exchange.body();
    if (!test.message.empty()) {
      EXPECT_EQ(message_of(exchange), test.message);
    }
  }
  EXPECT_EQ(int_at(stored(kind("apps", "deployments"), "web"), {"spec", "replicas"}), 3);
}

TEST_F(SubresourcesTest, ScaleIsPatchedAndAnsweredInProtobuf) {
  put_deployment();
  auto request = call(kind("apps", "deployments"), "web", "scale", "PATCH");
  request->request.headers = {{"content-type", "application/merge-patch+json"}};
  request->request.body = R"({"spec":{"replicas":5}})";
  request->form.media = schema::Media::kProtobuf;
  auto& exchange = run(scale, request);
  EXPECT_EQ(exchange.code(), 200);
  const std::string body = exchange.body();
  auto envelope = schema::unwrap_protobuf(body);
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->type.kind, "Scale");
  k8s::io::api::autoscaling::v1::Scale answered;
  ASSERT_TRUE(answered.ParseFromString(std::string(envelope->raw)));
  EXPECT_EQ(answered.spec().replicas(), 5);
  EXPECT_EQ(answered.status().selector(), "app=web");
}

TEST_F(SubresourcesTest, ScaleDryRunChangesNothing) {
  put_deployment();
  auto request = call(kind("apps", "deployments"), "web", "scale", "PUT");
  request->request.body = scale_body(9);
  request->dry_run = true;
  auto& exchange = run(scale, request);
  EXPECT_EQ(int_at(boost::json::parse(exchange.body()), {"spec", "replicas"}), 9);
  EXPECT_EQ(int_at(stored(kind("apps", "deployments"), "web"), {"spec", "replicas"}), 3);
}

// ---- binding

TEST_F(SubresourcesTest, BindingPutsThePodOnTheNode) {
  put_pod(R"(,"annotations":{"a":"1"})");
  auto& exchange =
      run(write_subresource, bind_call(binding("node-1", R"("name":"p","uid":"u-p","annotations":{"b":"2"})")));
  EXPECT_EQ(exchange.code(), 201) << exchange.body();
  EXPECT_EQ(exchange.body(), R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201})");
  const Json pod = stored(kind("", "pods"), "p");
  EXPECT_EQ(text_at(pod, {"spec", "nodeName"}), "node-1");
  EXPECT_EQ(text_at(pod, {"metadata", "annotations", "a"}), "1");
  EXPECT_EQ(text_at(pod, {"metadata", "annotations", "b"}), "2");
  EXPECT_EQ(int_at(pod, {"metadata", "generation"}), 1);
  EXPECT_EQ(boost::json::serialize(*find(pod, {"status", "conditions"})),
            R"([{"type":"PodScheduled","status":"True","lastProbeTime":null,)"
            R"("lastTransitionTime":"2023-11-14T22:13:20Z","observedGeneration":1}])");
}

TEST_F(SubresourcesTest, BindingReplacesWhatTheSchedulerSaidBefore) {
  put_pod("", "",
          R"({"conditions":[{"type":"Other","status":"True"},{"type":"PodScheduled","status":"False",)"
          R"("reason":"Unschedulable","message":"0/1 nodes are available"}]})");
  EXPECT_EQ(run(write_subresource, bind_call(binding())).code(), 201);
  const Json pod = stored(kind("", "pods"), "p");
  const auto& conditions = find(pod, {"status", "conditions"})->as_array();
  ASSERT_EQ(conditions.size(), 2U);
  EXPECT_EQ(text_at(conditions[1], {"status"}), "True");
  EXPECT_EQ(text_at(conditions[1], {"reason"}), "");
}

TEST_F(SubresourcesTest, BindingAtTheOlderAddress) {
  put_pod();
  EXPECT_EQ(run(write_through, bind_call(binding(), "")).code(), 201);
  EXPECT_EQ(text_at(stored(kind("", "pods"), "p"), {"spec", "nodeName"}), "node-1");
  EXPECT_EQ(run(write_through, bind_call(binding("n", ""), "")).code(), 400);
}

TEST_F(SubresourcesTest, BindingAnsweredInProtobuf) {
  put_pod();
  auto request = bind_call(binding());
  request->form.media = schema::Media::kProtobuf;
  auto& exchange = run(write_subresource, request);
  const std::string body = exchange.body();
  auto envelope = schema::unwrap_protobuf(body);
  ASSERT_TRUE(envelope.ok());
  k8s::io::apimachinery::pkg::apis::meta::v1::Status status;
  ASSERT_TRUE(status.ParseFromString(std::string(envelope->raw)));
  EXPECT_EQ(status.status(), "Success");
  EXPECT_EQ(status.code(), 201);
}

TEST_F(SubresourcesTest, ABoundPodStaysWhereItIs) {
  put_pod("", R"(,"nodeName":"node-0")");
  auto& exchange = run(write_subresource, bind_call(binding()));
  EXPECT_EQ(exchange.code(), 409);
  EXPECT_EQ(message_of(exchange),
            "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"node-0\"");
  EXPECT_EQ(text_at(stored(kind("", "pods"), "p"), {"spec", "nodeName"}), "node-0");
}

TEST_F(SubresourcesTest, BindingRefusesWhatCannotBe) {
  EXPECT_EQ(run(write_subresource, bind_call(binding())).code(), 404);
  const auto revision = put_pod();
  EXPECT_EQ(run(write_subresource, bind_call("{")).code(), 400);
  EXPECT_EQ(run(write_subresource, bind_call(binding("n", R"("name":"q")"))).code(), 400);
  EXPECT_EQ(run(write_subresource, bind_call(binding("n", R"("name":"p","namespace":"else")"))).code(), 400);
  EXPECT_EQ(run(write_subresource, bind_call(binding(""))).code(), 422);
  auto& twice = run(write_subresource, bind_call(R"({"metadata":{"name":"p"},"target":{"kind":"Foo"}})"));
  EXPECT_EQ(twice.code(), 422);
  EXPECT_EQ(message_of(twice),
            "Binding \"p\" is invalid: [target.kind: Unsupported value: \"Foo\": supported values: \"Node\", "
            "\"<empty>\", target.name: Required value]");
  EXPECT_EQ(run(write_subresource, bind_call(R"({"metadata":{"name":"p"},"target":{"kind":"Pod","name":"n"}})")).code(),
            422);
  auto& uid = run(write_subresource, bind_call(binding("n", R"("name":"p","uid":"other")")));
  EXPECT_EQ(uid.code(), 409);
  EXPECT_NE(message_of(uid).find("UID in precondition: other, UID in object meta: u-p"), std::string::npos);
  const auto stale = R"("name":"p","resourceVersion":")" + std::to_string(revision + 1) + "\"";
  EXPECT_EQ(run(write_subresource, bind_call(binding("n", stale))).code(), 409);
  put_pod(R"(,"deletionTimestamp":"2024-01-02T03:04:05Z","deletionGracePeriodSeconds":30)");
  auto& deleted = run(write_subresource, bind_call(binding()));
  EXPECT_EQ(deleted.code(), 409);
  EXPECT_NE(message_of(deleted).find("pod p is being deleted, cannot be assigned to a host"), std::string::npos);
  put_pod("", R"(,"schedulingGates":[{"name":"wait"}])");
  EXPECT_EQ(run(write_subresource, bind_call(binding())).code(), 409);
  EXPECT_EQ(text_at(stored(kind("", "pods"), "p"), {"spec", "nodeName"}), "");
}

// Of many schedulers that want the same pod, one gets it.
TEST_F(SubresourcesTest, OneOfManyBindingsWins) {
  put_pod();
  std::vector<CallPtr> calls;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(bind_call(binding("node-" + std::to_string(i))));
    threads.emplace_back([request = calls.back()] { write_subresource(request); });
  }
  for (auto& thread : threads) thread.join();
  int won = 0;
  for (const auto& request : calls) {
    const int code = answer(request).code();
    won += code == 201;
    EXPECT_TRUE(code == 201 || code == 409) << code;
  }
  EXPECT_EQ(won, 1);
}

// ---- logs

TEST_F(SubresourcesTest, LogsComeFromTheNode) {
  put_pod("", R"(,"nodeName":"node-1")");
  const auto request = pod_call("log",
                                "follow=true&previous=true&timestamps=true&tailLines=5&limitBytes=100&"
                                "sinceTime=2024-01-02T03%3A04%3A05Z");
  auto& exchange = run(pod_log, request);
  EXPECT_EQ(exchange.code(), 200);
  EXPECT_EQ(exchange.response().content_type, "text/plain");
  ASSERT_TRUE(exchange.stream()->wait_end());
  EXPECT_EQ(exchange.stream()->text(), "line one\nline two\n");
  EXPECT_EQ(node_.log_pod.node, "node-1");
  EXPECT_EQ(node_.log_pod.uid, "u-p");
  const auto& options = node_.log_options;
  EXPECT_EQ(options.container, "main");
  EXPECT_TRUE(options.follow && options.previous && options.timestamps);
  EXPECT_EQ(options.tail_lines, 5);
  EXPECT_EQ(options.limit_bytes, 100);
  EXPECT_EQ(options.since_unix_ns, int64_t{1'704'164'645} * 1'000'000'000);
  EXPECT_FALSE(options.since_seconds);
}

TEST_F(SubresourcesTest, LogsOfSeveralContainersNeedAName) {
  containers_ = R"(,{"name":"side","image":"i:1"})";
  put_pod("", R"(,"nodeName":"n")");
  auto& exchange = run(pod_log, pod_call("log", ""));
  EXPECT_EQ(exchange.code(), 400);
  EXPECT_EQ(message_of(exchange), "a container name must be specified for pod p, choose one of: [main side]");
  put_pod("", R"(,"nodeName":"n","initContainers":[{"name":"init","image":"i:1"}])");
  EXPECT_EQ(message_of(run(pod_log, pod_call("log", ""))),
            "a container name must be specified for pod p, choose one of: [main side] or one of the init containers: "
            "[init]");
  auto& unknown = run(pod_log, pod_call("log", "container=x"));
  EXPECT_EQ(unknown.code(), 400);
  EXPECT_EQ(message_of(unknown), "container x is not valid for pod p");
  auto& init = run(pod_log, pod_call("log", "container=init"));
  ASSERT_TRUE(init.stream()->wait_end());
  EXPECT_EQ(node_.log_options.container, "init");
}

TEST_F(SubresourcesTest, LogOptionsAreChecked) {
  put_pod("", R"(,"nodeName":"n")");
  struct Case {
    std::string query;
    int code;
    std::string message;
  };
  const Case cases[] = {
      {"tailLines=-1", 422,
       "PodLogOptions \"p\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"},
      {"limitBytes=0", 422, "PodLogOptions \"p\" is invalid: limitBytes: Invalid value: 0: must be greater than 0"},
      {"sinceSeconds=0", 422, "PodLogOptions \"p\" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0"},
      {"sinceSeconds=1&sinceTime=2024-01-02T03:04:05Z", 422, ""},
      {"tailLines=many", 400, ""},
      {"sinceTime=yesterday", 400, ""},
  };
  for (const auto& test : cases) {
    auto& exchange = run(pod_log, pod_call("log", test.query));
    EXPECT_EQ(exchange.code(), test.code) << test.query;
    if (!test.message.empty()) {
      EXPECT_EQ(message_of(exchange), test.message);
    }
  }
}

TEST_F(SubresourcesTest, LogsWithoutANode) {
  EXPECT_EQ(run(pod_log, pod_call("log", "")).code(), 404);
  put_pod();
  EXPECT_EQ(run(pod_log, pod_call("log", "")).code(), 204);
  put_pod("", R"(,"nodeName":"n")");
  env_->node = nullptr;
  EXPECT_EQ(run(pod_log, pod_call("log", "")).code(), 503);
}

TEST_F(SubresourcesTest, WhatTheNodeSaysIsPassedOn) {
  put_pod("", R"(,"nodeName":"n")");
  const std::string why = "container \"main\" in pod \"p\" is waiting to start: ContainerCreating";
  node_.log_error = Status::bad_request(why);
  auto& exchange = run(pod_log, pod_call("log", ""));
  EXPECT_EQ(exchange.code(), 400);
  EXPECT_EQ(message_of(exchange), why);
}

// A follower that goes away closes the pipe, which is how the node hears of it.
TEST_F(SubresourcesTest, AFollowerThatLeavesEndsTheLog) {
  ::signal(SIGPIPE, SIG_IGN);  // as the daemon does
  put_pod("", R"(,"nodeName":"n")");
  node_.keep_open = true;
  auto& exchange = run(pod_log, pod_call("log", "follow=true"));
  ASSERT_TRUE(exchange.stream());
  ASSERT_EQ(::write(node_.kept.get(), "hello", 5), 5);
  ASSERT_TRUE(exchange.stream()->wait_text("hello"));
  exchange.stream()->disconnect();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (::write(node_.kept.get(), "x", 1) == 1) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::yield();
  }
  EXPECT_EQ(errno, EPIPE);
}

// ---- exec

TEST_F(SubresourcesTest, ExecRunsOverAWebSocket) {
  put_pod("", R"(,"nodeName":"node-1")");
  auto request = pod_call("exec", "command=echo&command=a%20b&stdout=true&stderr=true");
  request->request.headers = {{"upgrade", "websocket"}, {"sec-websocket-protocol", "v5.channel.k8s.io"}};
  auto& exchange = run(pod_exec, request);
  ASSERT_TRUE(exchange.socket());
  ASSERT_TRUE(exchange.socket()->wait_closed());
  EXPECT_EQ(exchange.socket()->channel(1), "echo|a b|");
  EXPECT_NE(exchange.socket()->channel(3).find("NonZeroExitCode"), std::string::npos);
  EXPECT_EQ(node_.exec_pod.node, "node-1");
  EXPECT_EQ(node_.exec_options.container, "main");
  EXPECT_TRUE(node_.exec_options.out && node_.exec_options.err);
  EXPECT_FALSE(node_.exec_options.in || node_.exec_options.tty);
}

TEST_F(SubresourcesTest, ExecTellsWhyItCannot) {
  EXPECT_EQ(run(pod_exec, pod_call("exec", "command=x&stdout=true")).code(), 404);
  put_pod();
  auto& unscheduled = run(pod_exec, pod_call("exec", "command=x&stdout=true"));
  EXPECT_EQ(unscheduled.code(), 400);
  EXPECT_EQ(message_of(unscheduled), "pod p does not have a host assigned");
  put_pod("", R"(,"nodeName":"n")");
  EXPECT_EQ(run(pod_exec, pod_call("exec", "stdout=true")).code(), 400);
  EXPECT_EQ(run(pod_exec, pod_call("exec", "command=x")).code(), 400);
  EXPECT_EQ(run(pod_exec, pod_call("exec", "command=x&stdout=true&container=y")).code(), 400);
  // Without an upgrade there is nothing to run over.
  EXPECT_EQ(run(pod_exec, pod_call("exec", "command=x&stdout=true")).code(), 400);
  env_->node = nullptr;
  EXPECT_EQ(run(pod_exec, pod_call("exec", "command=x&stdout=true")).code(), 503);
}

TEST_F(SubresourcesTest, AttachAndPortForwardAreNotThere) {
  put_pod("", R"(,"nodeName":"n")");
  for (const char* name : {"attach", "portforward"}) {
    auto& exchange = run(not_implemented, pod_call(name, ""));
    EXPECT_EQ(exchange.code(), 501);
    EXPECT_EQ(message_of(exchange), "pods/" + std::string(name) + " is not implemented by this server");
  }
}

}  // namespace
}  // namespace gantry::apiserver
