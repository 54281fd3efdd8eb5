#include "lib/loop/sync.h"
#include "nodeagent/runtime/fake/fake_runtime.h"

namespace wherry::nodeagent::runtime::fake {

namespace {

// Says its piece, then repeats its input until that is closed, then exits.
class FakeSession : public ExecSession {
 public:
  FakeSession(Loop& loop, ExecResult result, bool with_stdin)
      : output_(std::move(result.output)),
        exit_code_(result.exit_code),
        input_open_(with_stdin),
        changed_(loop) {}

  Task<Result<std::string>> ReadStdout() override {
    while (output_.empty() && input_open_) co_await changed_.Wait();
    co_return std::exchange(output_, "");
  }
  Task<Result<std::string>> ReadStderr() override { co_return std::string(); }
  Task<Status> WriteStdin(std::string bytes) override {
    if (!input_open_) co_return MakeError(Reason::kGone, "the command's input is closed");
    output_ += bytes;
    changed_.Notify();
    co_return Ok();
  }
  void CloseStdin() override {
    input_open_ = false;
    changed_.Notify();
  }
  void Resize(uint16_t /*columns*/, uint16_t /*rows*/) override {}
  Task<Result<int>> Wait() override {
    while (input_open_) co_await changed_.Wait();
    co_return exit_code_;
  }

 private:
  std::string output_;
  int exit_code_;
  bool input_open_;
  Notifier changed_;
};

class FakeConnection : public PodConnection {
 public:
  explicit FakeConnection(Loop& loop) : changed_(loop) {}

  Task<Result<std::string>> Read() override {
    while (waiting_.empty() && !ended_) co_await changed_.Wait();
    co_return std::exchange(waiting_, "");
  }
  Task<Status> Write(std::string bytes) override {
    waiting_ += bytes;
    changed_.Notify();
    co_return Ok();
  }
  void CloseWrite() override {
    ended_ = true;
    changed_.Notify();
  }

 private:
  std::string waiting_;
  bool ended_ = false;
  Notifier changed_;
};

}  // namespace

Task<Result<std::unique_ptr<ExecSession>>> FakeRuntime::Exec(PodUid uid, std::string name,
                                                             ExecOptions options) {
  calls_.push_back({"Exec", uid, name});
  ExecResult result;
  if (on_exec) {
    CO_TRY(result, on_exec(uid, name, options.command));
  }
  std::unique_ptr<ExecSession> session =
      std::make_unique<FakeSession>(world_.loop, std::move(result), options.with_stdin);
  co_return session;
}

Task<Result<std::unique_ptr<ExecSession>>> FakeRuntime::Attach(PodUid uid, std::string name) {
  calls_.push_back({"Attach", uid, name});
  std::unique_ptr<ExecSession> session =
      std::make_unique<FakeSession>(world_.loop, ExecResult(), true);
  co_return session;
}

Task<Result<std::unique_ptr<PodConnection>>> FakeRuntime::Connect(PodUid uid, uint16_t port) {
  calls_.push_back({"Connect", uid, std::to_string(port)});
  if (port < 1000) {
    co_return MakeError(Reason::kServiceUnavailable,
                        "connect to '127.0.0.1:" + std::to_string(port) + "': Connection refused");
  }
  std::unique_ptr<PodConnection> connection = std::make_unique<FakeConnection>(world_.loop);
  co_return connection;
}

}  // namespace wherry::nodeagent::runtime::fake
