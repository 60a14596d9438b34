// The step over a store: what is stored is read on the thread that it was given, and no address is given twice while
// its word has yet to be read.
#include "core/network/services/service_allocation.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "core/store/store_test.hpp"

namespace gantry::network {
namespace {

using schema::Json;

// One write of a Service, which ends when this goes.
struct WriteOfAService : admission::WriteRequest {
  WriteOfAService(const schema::Kind& of, std::string service) {
    kind = &of;
    ns = "default";
    name = std::move(service);
  }
  void go_on(std::function<void(Status)>, Status) override {}
  std::function<void()> at_deadline(std::function<void()>) override { return nullptr; }
};
struct NoPause : admission::Pause {
  admission::Resume later() override { return {}; }
};

class Allocation : public store::StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    open();
    kind_.plural = "services";
    start();
  }
  void TearDown() override {
    step_.reset();
    store_.reset();
    StoreTest::TearDown();
  }
  void start() {
    ServiceAllocationOptions options;
    options.store = store_.get();
    options.ranges = *ServiceRanges::parse(std::vector<std::string>{"10.96.0.0/24"}, "30000-30099");
    options.random = [] { return uint64_t{0}; };
    options.run = [this](std::function<void()> fn) {
      const std::lock_guard lock(mutex_);
      runs_.push_back(std::move(fn));
      came_.notify_all();
    };
    options.log = [this](int32_t, std::string_view text) { logged_.emplace_back(text); };
    step_ = *make_service_allocation(std::move(options));
  }

  // As if the API server wrote it; "": it is written, else what the step refused it with.
  std::string create(const std::string& name, const std::string& ip) {
    Json service = boost::json::parse(R"({"metadata":{},"spec":{"type":"ClusterIP","clusterIP":")" + ip +
                                      R"(","clusterIPs":[")" + ip + "\"]}}");
    WriteOfAService request(kind_, name);
    request.object = &service;
    NoPause pause;
    const auto answer = step_->mutate(request, pause);
    if (!answer->ok()) return answer->message();
    put("//services/default/" + name, boost::json::serialize(service));
    return {};
  }
  void put(const std::string& key, const std::string& value, store::Write::Kind how = store::Write::Kind::kCreate) {
    store::Write write;
    write.kind = how;
    write.key = key;
    write.value = value;
    ASSERT_TRUE(store::wait_write(*store_, std::move(write)));
  }
  void remove(const std::string& key) { put(key, "{}", store::Write::Kind::kDelete); }
  // Waits for word from the store, and has it read.
  void read_word() {
    std::vector<std::function<void()>> runs;
    {
      std::unique_lock lock(mutex_);
      ASSERT_TRUE(came_.wait_for(lock, std::chrono::seconds(30), [this] { return !runs_.empty(); }));
      runs.swap(runs_);
    }
    for (const auto& fn : runs) fn();
  }

  schema::Kind kind_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::function<void()>> runs_;
  std::vector<std::string> logged_;
  admission::StepPtr step_;
};

constexpr const char* kMore = "/networking.k8s.io/servicecidrs//more";
constexpr const char* kTaken = "provided IP is already allocated";

TEST_F(Allocation, RangesGiveAddressesOnceTheirWordIsRead) {
  put(kMore, R"({"metadata":{"name":"more"},"spec":{"cidrs":["10.99.0.0/24"]}})");
  EXPECT_NE(create("early", "10.99.0.3"), "");
  read_word();
  EXPECT_EQ(create("web", "10.99.0.3"), "");
  put(kMore, R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"cidrs":["10.99.0.0/24"]}})",
      store::Write::Kind::kUpdate);
  read_word();
  EXPECT_NE(create("late", "10.99.0.4"), "");
}

TEST_F(Allocation, AServicesEndFreesItsAddressWhateverWasReadOfIt) {
  ASSERT_EQ(create("web", "10.96.0.5"), "");
  EXPECT_NE(create("twin", "10.96.0.5").find(kTaken), std::string::npos);
  remove("//services/default/web");
  EXPECT_EQ(create("next", "10.96.0.5"), "") << "before the word is read";
  read_word();
  EXPECT_NE(create("third", "10.96.0.5").find(kTaken), std::string::npos) << "the word is of the first one";
  remove("//services/default/next");
  ASSERT_EQ(create("next", "10.96.0.5"), "") << "the same name again";
  read_word();
  EXPECT_NE(create("third", "10.96.0.5").find(kTaken), std::string::npos);
}

TEST_F(Allocation, AddressesOfPeopleAreReserved) {
  const std::string key = "/networking.k8s.io/ipaddresses//10.96.0.9";
  const std::string managed = R"("labels":{"ipaddress.kubernetes.io/managed-by":"ipallocator.k8s.io"})";
  put(key, R"({"metadata":{"name":"10.96.0.9",)" + managed + "}}");
  read_word();
  put(key, R"({"metadata":{"name":"10.96.0.9"}})", store::Write::Kind::kUpdate);
  read_word();
  EXPECT_NE(create("web", "10.96.0.9").find(kTaken), std::string::npos);
  remove(key);
  read_word();
  EXPECT_EQ(create("web", "10.96.0.9"), "");
}

// The sixty-fifth range is taken in as soon as another has gone.
TEST_F(Allocation, ARangeForWhichThereWasNoRoomComesInLater) {
  const auto key = [](int i) { return "/networking.k8s.io/servicecidrs//r" + std::to_string(100 + i); };
  const auto range = [](int i) {
    return R"({"metadata":{},"spec":{"cidrs":["10.99.)" + std::to_string(i) + R"(.0/24"]}})";
  };
  for (int i = 0; i < 65; ++i) put(key(i), range(i));
  const auto word_of_all = [this] {
    while (logged_.empty()) read_word();
  };
  word_of_all();
  EXPECT_EQ(logged_, (std::vector<std::string>{"ServiceCIDR r164: no Service gets an address from 10.99.64.0/24: there "
                                               "are 64 others"}));
  EXPECT_NE(create("web", "10.99.64.3"), "");
  remove(key(7));
  read_word();
  EXPECT_EQ(create("web", "10.99.64.3"), "");
}

}  // namespace
}  // namespace gantry::network
