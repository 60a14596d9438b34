// One exec session. Its state is touched on its loop only; what comes from the connection's loop, from the
// node agent or from blocking work is posted there.
#include "core/apiserver/streams/remote_command.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cstring>

#include "core/apiserver/streams/fd_pump.hpp"
#include "core/http/message/http_text.hpp"
#include "gantry/text.hpp"

namespace gantry::streams {
namespace {

constexpr size_t kOutputHighWater = 1 << 20;
constexpr size_t kInputHighWater = 256 << 10;
constexpr size_t kMessage = 32 << 10;
// How long output is waited for after the command has ended: a child that it left behind may hold the
// descriptors open for ever.
constexpr std::chrono::seconds kDrain{2};
constexpr std::chrono::seconds kOpen{30};

std::string escaped(std::string_view bytes) {
  std::string out;
  for (char c : as_text(bytes)) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string failure_message(const Expected<int>& result) {
  if (!result) return result.error().message();
  return "command terminated with non-zero exit code: exit status " + std::to_string(*result);
}

// The Status that goes out on the error channel.
std::string exit_status(const Expected<int>& result) {
  if (!result) {
    std::string message = escaped(result.error().message());
    return R"({"metadata":{},"status":"Failure","message":")" + message +
           R"(","reason":"InternalError","details":{"causes":[{"message":")" + message + R"("}]},"code":500})";
  }
  if (*result == 0) return R"({"metadata":{},"status":"Success"})";
  std::string code = std::to_string(*result);
  return R"({"metadata":{},"status":"Failure","message":")" + failure_message(result) +
         R"(","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":")" + code + R"("}]}})";
}

// The number behind "key": in a small JSON object.
uint16_t number_after(std::string_view json, std::string_view key) {
  size_t at = json.find(key);
  if (at == json.npos) return 0;
  at = json.find(':', at);
  uint32_t value = 0;
  for (; at < json.size() && value < 65536; ++at) {
    if (std::isdigit(static_cast<unsigned char>(json[at]))) {
      value = value * 10 + static_cast<uint32_t>(json[at] - '0');
    } else if (value > 0) {
      break;
    }
  }
  return static_cast<uint16_t>(std::min<uint32_t>(value, 65535));
}

struct PipeEnds {
  io::UniqueFd read, write;
};

Expected<PipeEnds> make_pipe(bool wanted) {
  PipeEnds ends;
  if (!wanted) return ends;
  int raw[2];
  if (::pipe2(raw, O_CLOEXEC) != 0) {
    return Status::internal(std::string("pipe: ") + std::strerror(errno));
  }
  ends.read.reset(raw[0]);
  ends.write.reset(raw[1]);
  return ends;
}

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<io::EventLoop> loop, std::shared_ptr<ExecChannels> channels, ExecStreams wanted,
          PostBlocking post, StartExec start)
      : loop_(std::move(loop)),
        channels_(std::move(channels)),
        wanted_(wanted),
        post_(std::move(post)),
        start_(std::move(start)) {}

  void run() {
    auto self = shared_from_this();
    ChannelEvents events;
    events.ready = [self] { self->later([self] { self->begin(); }); };
    events.data = [self](Channel channel, std::string_view bytes) { self->on_data(channel, bytes); };
    events.ended = [self](Channel channel) {
      if (channel == Channel::kStdin) self->later([self] { self->end_input(); });
    };
    events.gone = [self] { self->later([self] { self->abandon(); }); };
    later([self] {
      self->loop_->after(kOpen, [weak = std::weak_ptr(self)] {
        auto session = weak.lock();
        if (session && !session->begun_) session->channels_->close();
      });
    });
    channels_->start(std::move(events));
  }

 private:
  void later(std::function<void()> work) { loop_->post(std::move(work)); }

  // On the connection's loop: counts there, so that reading stops before the queue grows.
  void on_data(Channel channel, std::string_view bytes) {
    if (channel != Channel::kStdin && channel != Channel::kResize) return;
    size_t size = bytes.size();
    if (channel == Channel::kStdin && (unwritten_ += size) > kInputHighWater) {
      bool expected = false;
      if (input_paused_.compare_exchange_strong(expected, true)) channels_->pause(true);
    }
    later([self = shared_from_this(), channel, text = std::string(bytes)]() mutable {
      if (channel == Channel::kStdin) {
        self->write_input(std::move(text));
      } else {
        self->resize(text);
      }
    });
  }

  void write_input(std::string text) {
    if (input_) {
      input_->write(std::move(text));
    } else {
      on_written(text.size());
    }
  }
  void on_written(size_t bytes) {
    if ((unwritten_ -= bytes) <= kInputHighWater / 2 && input_paused_.exchange(false)) {
      channels_->pause(false);
    }
  }
  void end_input() {
    if (input_) input_->finish();
  }

  void resize(const std::string& text) {
    size_ = size_ + text;
    size_t end = size_.rfind('}');
    if (end == size_.npos) {
      if (size_.size() > 4096) size_.clear();
      return;
    }
    size_t begin = size_.rfind('{', end);
    if (begin != size_.npos) {
      std::string_view object = std::string_view(size_).substr(begin, end - begin);
      columns_ = number_after(object, "\"Width\"");
      rows_ = number_after(object, "\"Height\"");
    }
    size_.erase(0, end + 1);
    apply_size();
  }
  void apply_size() {
    if (session_ && columns_ > 0 && rows_ > 0) session_->resize(columns_, rows_);
  }

  void begin() {
    if (begun_ || done_) return;
    begun_ = true;
    auto in = make_pipe(wanted_.in);
    auto out = make_pipe(wanted_.out);
    auto err = make_pipe(wanted_.err && !wanted_.tty);
    if (!in || !out || !err) {
      finish(Status::internal("no descriptors left for the session"));
      return;
    }
    auto self = shared_from_this();
    if (in->write.valid()) {
      input_ = FdSink::create(loop_, in->write.release(), [self](size_t bytes) { self->on_written(bytes); });
    }
    if (out->read.valid()) out_ = source(out->read.release(), Channel::kStdout, open_out_);
    if (err->read.valid()) err_ = source(err->read.release(), Channel::kStderr, open_err_);
    int fds[3] = {in->read.release(), out->write.release(), err->write.release()};
    post_([self, a = fds[0], b = fds[1], c = fds[2]] {
      auto started = self->start_(a, b, c, [self](Expected<int> code) {
        self->later([self, code = std::move(code)] { self->on_exit(code); });
      });
      auto shared = std::make_shared<decltype(started)>(std::move(started));
      self->later([self, shared] { self->on_started(std::move(*shared)); });
    });
  }

  std::shared_ptr<FdSource> source(int fd, Channel channel, bool& open) {
    open = true;
    auto self = shared_from_this();
    auto made = FdSource::create(
        loop_, fd, [self, channel](std::string_view bytes) { self->on_output(channel, bytes); },
        [self, channel, &open] {
          open = false;  // a member of *self
          self->channels_->end(channel);
          self->maybe_finish();
        });
    made->start();
    return made;
  }

  void on_output(Channel channel, std::string_view bytes) {
    ++activity_;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(kMessage, bytes.size()))) {
      if (!channels_->send(channel, bytes.substr(0, kMessage))) {
        later([self = shared_from_this()] { self->abandon(); });
        return;
      }
    }
    if (channels_->queued() < kOutputHighWater || output_paused_) return;
    pause_output(true);
    channels_->when_drained([self = shared_from_this()] { self->later([self] { self->pause_output(false); }); });
  }
  void pause_output(bool paused) {
    output_paused_ = paused;
    ++activity_;
    if (out_) out_->pause(paused);
    if (err_) err_->pause(paused);
  }

  void on_started(Expected<std::unique_ptr<client::ExecSession>> started) {
    if (!started) {
      finish(started.error());
      return;
    }
    if (done_) {
      drop(std::move(*started));
      return;
    }
    session_ = std::move(*started);
    apply_size();
    maybe_finish();
  }

  void on_exit(Expected<int> code) {
    if (result_) return;
    result_ = std::move(code);
    maybe_finish();
    watch_drain();
  }

  // Gives up on open descriptors when nothing has come for a while after the command's end.
  void watch_drain() {
    if (done_) return;
    loop_->after(kDrain, [self = shared_from_this(), seen = activity_] {
      if (self->done_) return;
      if (self->activity_ == seen && !self->output_paused_) {
        self->finish(*self->result_);
      } else {
        self->watch_drain();
      }
    });
  }

  void maybe_finish() {
    if (result_ && session_ && !open_out_ && !open_err_) finish(*result_);
  }

  void finish(const Expected<int>& result) {
    if (done_) return;
    if (!channels_->plain_errors()) {
      channels_->send(Channel::kError, exit_status(result));
    } else if (!result || *result != 0) {
      channels_->send(Channel::kError, failure_message(result));
    }
    if (open_out_) channels_->end(Channel::kStdout);
    if (open_err_) channels_->end(Channel::kStderr);
    channels_->end(Channel::kError);
    channels_->close();
    release();
  }

  // The client is gone: nobody will see what the command says.
  void abandon() {
    if (done_) return;
    channels_->close();
    release();
  }

  void release() {
    done_ = true;
    if (input_) input_->close();
    if (out_) out_->close();
    if (err_) err_->close();
    input_.reset();
    out_.reset();
    err_.reset();
    drop(std::move(session_));
  }

  // Ending a command may wait for it.
  void drop(std::unique_ptr<client::ExecSession> session) {
    if (!session) return;
    auto shared = std::shared_ptr<client::ExecSession>(std::move(session));
    post_([shared = std::move(shared)]() mutable { shared.reset(); });
  }

  const std::shared_ptr<io::EventLoop> loop_;
  const std::shared_ptr<ExecChannels> channels_;
  const ExecStreams wanted_;
  const PostBlocking post_;
  const StartExec start_;
  std::atomic<size_t> unwritten_{0};
  std::atomic<bool> input_paused_{false};
  // From here on: only on loop_.
  std::shared_ptr<FdSink> input_;
  std::shared_ptr<FdSource> out_, err_;
  std::unique_ptr<client::ExecSession> session_;
  std::optional<Expected<int>> result_;
  std::string size_;
  uint16_t columns_ = 0, rows_ = 0;
  uint64_t activity_ = 0;
  bool begun_ = false, done_ = false, output_paused_ = false;
  bool open_out_ = false, open_err_ = false;
};

}  // namespace

void serve_exec(std::shared_ptr<io::EventLoop> loop, const http::Request& request,
                std::shared_ptr<http::Exchange> exchange, ExecStreams wanted, PostBlocking post, StartExec start) {
  if (!wanted.in && !wanted.out && !wanted.err) {
    exchange->respond(
        http::status_response(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr")));
    return;
  }
  bool websocket = http::has_token(request.header("upgrade"), "websocket");
  auto channels =
      websocket ? websocket_channels(request, *exchange, wanted) : spdy_channels(request, *exchange, wanted);
  if (!channels) return;
  std::make_shared<Session>(std::move(loop), std::move(channels), wanted, std::move(post), std::move(start))->run();
}

}  // namespace gantry::streams
