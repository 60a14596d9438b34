// Channels over SPDY/3.1: the client opens one stream for each, named by its "streamtype" header.
//
// No flow-control windows, as on upstream's side of this protocol: TCP holds back who is too fast.
#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "core/apiserver/streams/exec_channels.hpp"
#include "core/http/message/http_text.hpp"
#include "core/http/spdy/spdy_frames.hpp"
#include "core/limits/account.hpp"

namespace gantry::streams {

namespace spdy = http::spdy;
namespace {

constexpr uint32_t kProtocolError = 1, kInvalidStream = 2, kRefused = 3;
// Input that comes before all channels are open is kept, as who sends it has to be read on for the last of them.
constexpr size_t kMostEarly = 1 << 20;

std::optional<Channel> channel_named(const spdy::HeaderList& headers) {
  for (const auto& [name, value] : headers) {
    if (!http::equals_ignoring_case(name, "streamtype")) continue;
    if (value == "stdin") return Channel::kStdin;
    if (value == "stdout") return Channel::kStdout;
    if (value == "stderr") return Channel::kStderr;
    if (value == "error") return Channel::kError;
    if (value == "resize") return Channel::kResize;
  }
  return std::nullopt;
}

class SpdyChannels : public ExecChannels, public std::enable_shared_from_this<SpdyChannels> {
 public:
  SpdyChannels(std::shared_ptr<http::ByteStream> bytes, ExecStreams wanted, std::shared_ptr<limits::Account> account)
      : bytes_(std::move(bytes)), held_(std::move(account)) {
    missing_ = 1U << static_cast<unsigned>(Channel::kError);
    auto want = [&](bool yes, Channel c) {
      if (yes) missing_ |= 1U << static_cast<unsigned>(c);
    };
    want(wanted.in, Channel::kStdin);
    want(wanted.out, Channel::kStdout);
    want(wanted.err && !wanted.tty, Channel::kStderr);
    want(wanted.tty, Channel::kResize);
  }

  void start(ChannelEvents events) override {
    events_ = std::move(events);
    auto self = shared_from_this();
    bytes_->start([self](std::string_view data) { self->feed(data); },
                  [self] {
                    auto gone = std::move(self->events_.gone);
                    self->events_ = {};
                    if (gone) gone();
                  });
  }
  bool send(Channel channel, std::string_view bytes) override {
    uint32_t stream = stream_of(channel);
    return stream != 0 && bytes_->write(spdy::data_frame(stream, 0, bytes));
  }
  void end(Channel channel) override {
    if (uint32_t stream = stream_of(channel)) bytes_->write(spdy::data_frame(stream, spdy::kFin, {}));
  }
  size_t queued() const override { return bytes_->queued(); }
  void when_drained(std::function<void()> ready) override { bytes_->when_drained(std::move(ready)); }
  void pause(bool paused) override { bytes_->pause(paused); }
  void close() override { bytes_->close(); }

 private:
  uint32_t stream_of(Channel channel) const {
    std::lock_guard lock(mutex_);
    return streams_[static_cast<size_t>(channel)];
  }

  void feed(std::string_view data) {
    if (broken_) return;
    if (!held_.grow(data.size())) return fail();
    reader_.append(data);
    while (!broken_) {
      auto frame = reader_.next();
      if (!frame) return fail();
      if (!*frame) break;
      on_frame(**frame);
    }
    if (!broken_) static_cast<void>(held_.resize(reader_.held() + early_.size()));
  }

  void on_frame(const spdy::Frame& frame) {
    if (!frame.control) {
      on_data(frame);
      return;
    }
    switch (frame.type) {
      case spdy::kSynStream:
        on_open(frame);
        return;
      case spdy::kHeaders:
        // Only to keep the decompressor in step.
        if (frame.payload.size() < 4 || !decoder_.decode(std::string_view(frame.payload).substr(4))) {
          fail();
        }
        return;
      case spdy::kRstStream:
        half_close(spdy::read_u32(frame.payload, 0));
        return;
      case spdy::kPing:
        if (spdy::read_u32(frame.payload, 0) % 2 == 1) {
          bytes_->write(spdy::control_frame(spdy::kPing, 0, frame.payload.substr(0, 4)));
        }
        return;
      default:
        return;
    }
  }

  void on_data(const spdy::Frame& frame) {
    auto it = channels_.find(frame.stream);
    if (it == channels_.end()) {
      reset(frame.stream, kInvalidStream);
      return;
    }
    if (it->second == Channel::kStdin && missing_ != 0) {
      if (early_.size() + frame.payload.size() > kMostEarly) return fail();
      early_ += frame.payload;
    } else if (!frame.payload.empty() && events_.data) {
      events_.data(it->second, frame.payload);
    }
    if ((frame.flags & spdy::kFin) != 0) half_close(frame.stream);
  }

  void on_open(const spdy::Frame& frame) {
    if (frame.payload.size() < 10) {
      fail();
      return;
    }
    uint32_t stream = spdy::read_u32(frame.payload, 0) & 0x7fffffffU;
    auto headers = decoder_.decode(std::string_view(frame.payload).substr(10));
    if (!headers || stream == 0) {
      fail();
      return;
    }
    auto channel = channel_named(*headers);
    if (!channel || channels_.contains(stream) || stream_of(*channel) != 0) {
      reset(stream, kRefused);
      return;
    }
    channels_[stream] = *channel;
    {
      std::lock_guard lock(mutex_);
      streams_[static_cast<size_t>(*channel)] = stream;
    }
    std::string payload;
    spdy::append_u32(payload, stream);
    payload += encoder_.encode({});
    bytes_->write(spdy::control_frame(spdy::kSynReply, 0, payload));
    if ((frame.flags & spdy::kFin) != 0) half_close(stream);
    bool was_missing = missing_ != 0;
    missing_ &= ~(1U << static_cast<unsigned>(*channel));
    if (was_missing && missing_ == 0) begin();
  }

  void begin() {
    if (events_.ready) events_.ready();
    const auto early = std::exchange(early_, {});
    if (!early.empty() && events_.data) events_.data(Channel::kStdin, early);
    if (early_end_ && events_.ended) events_.ended(Channel::kStdin);
  }

  void half_close(uint32_t stream) {
    auto it = channels_.find(stream);
    if (it == channels_.end()) return;
    if (it->second == Channel::kStdin && missing_ != 0) {
      early_end_ = true;
    } else if (events_.ended) {
      events_.ended(it->second);
    }
  }

  void reset(uint32_t stream, uint32_t status) {
    std::string payload;
    spdy::append_u32(payload, stream);
    spdy::append_u32(payload, status);
    bytes_->write(spdy::control_frame(spdy::kRstStream, 0, payload));
  }

  // What follows a broken frame can't be understood: say goodbye and close.
  void fail() {
    broken_ = true;
    // With their memory, which an assignment of something empty to a string keeps.
    static_cast<void>(std::exchange(reader_, {}));
    static_cast<void>(std::exchange(early_, {}));
    held_.reset();
    std::string payload;
    spdy::append_u32(payload, 0);
    spdy::append_u32(payload, kProtocolError);
    bytes_->write(spdy::control_frame(spdy::kGoAway, 0, payload));
    bytes_->close();
  }

  const std::shared_ptr<http::ByteStream> bytes_;
  ChannelEvents events_;
  mutable std::mutex mutex_;
  std::array<uint32_t, 5> streams_{};  // by channel, under mutex_
  // Only on the connection's loop.
  std::unordered_map<uint32_t, Channel> channels_;
  unsigned missing_ = 0;
  bool broken_ = false;
  limits::Charge held_;  // what reader_ and early_ hold
  spdy::FrameReader reader_;
  std::string early_;
  bool early_end_ = false;  // the input's half was closed behind it
  spdy::HeaderDecoder decoder_;
  spdy::HeaderEncoder encoder_;
};

}  // namespace

std::shared_ptr<ExecChannels> spdy_channels(const http::Request& request, http::Exchange& exchange,
                                            ExecStreams wanted) {
  if (!http::has_token(request.header("upgrade"), "SPDY/3.1")) {
    exchange.respond(http::status_response(Status::bad_request("Upgrade request required")));
    return nullptr;
  }
  constexpr std::string_view kProtocol = "v4.channel.k8s.io";
  auto offered = header_values(request, "x-stream-protocol-version");
  if (std::find(offered.begin(), offered.end(), kProtocol) == offered.end()) {
    auto response = http::status_response(
        Status::forbidden("unable to upgrade: unable to negotiate protocol: client supports other "
                          "versions, server accepts [v4.channel.k8s.io]"));
    response.headers.emplace_back("x-accepted-stream-protocol-versions", std::string(kProtocol));
    exchange.respond(std::move(response));
    return nullptr;
  }
  auto bytes = exchange.upgrade_bytes(
      {{"connection", "Upgrade"}, {"upgrade", "SPDY/3.1"}, {"x-stream-protocol-version", std::string(kProtocol)}});
  if (!bytes) return nullptr;
  return std::make_shared<SpdyChannels>(std::move(bytes), wanted, request.account);
}

}  // namespace gantry::streams
