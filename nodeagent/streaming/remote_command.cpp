#include "nodeagent/streaming/remote_command.h"

#include "lib/http/websocket.h"
#include "lib/json/json.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace wherry::nodeagent::streaming {

namespace {

const telemetry::Logger log("kubelet");

const std::vector<std::string> kWebSocketProtocols = {"v5.channel.k8s.io", "v4.channel.k8s.io",
                                                      "v4.base64.channel.k8s.io", "channel.k8s.io",
                                                      "base64.channel.k8s.io"};
constexpr const char* kSpdyProtocol = "v4.channel.k8s.io";

bool Truth(const std::string& text) { return text == "1" || text == "true"; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string FailureJson(const std::string& message) {
  const json::Value status = {{"metadata", json::Value::object()},
                              {"status", "Failure"},
                              {"message", message},
                              {"reason", "InternalError"},
                              {"code", 500}};
  return json::Dump(status);
}

void ApplySize(const std::string& text, runtime::ExecSession& session) {
  auto size = json::Parse(text);
  if (!size.ok() || !size->is_object()) return;
  auto number = [&](const char* key) {
    auto found = size->find(key);
    const bool fits = found != size->end() && found->is_number_unsigned();
    return static_cast<uint16_t>(fits ? std::min<uint64_t>(found->get<uint64_t>(), 0xffff) : 0);
  };
  session.Resize(number("Width"), number("Height"));
}

class Conversation : public http::UpgradeHandler {
 public:
  Conversation(World& world, RemoteCommand command, std::string protocol, bool spdy,
               StartCommand start)
      : world_(world),
        command_(std::move(command)),
        protocol_(std::move(protocol)),
        spdy_(spdy),
        start_(std::move(start)) {}

  Task<void> Run(std::unique_ptr<http::ByteStream> stream) override {
    channels_ = spdy_ ? MakeSpdyChannels(world_, std::move(stream), command_)
                      : MakeWebSocketChannels(world_, std::move(stream), protocol_);
    auto opening = channels_->Open();
    auto opened = co_await std::move(opening);
    if (!opened.ok()) {
      log.Warn("a remote command did not begin", {{"error", opened.error().message}});
      co_return;
    }
    runtime::ExecOptions options{
        .command = command_.command, .with_stdin = command_.with_stdin, .tty = command_.tty};
    auto starting = start_(std::move(options));
    auto session = co_await std::move(starting);
    if (session.ok()) {
      session_ = std::move(*session);
      auto talking = Talk();
      const bool told = co_await std::move(talking);
      if (!told) co_return;
    } else {
      auto telling = Tell(FailureJson(session.error().message), session.error().message);
      co_await std::move(telling);
    }
    auto finishing = channels_->Finish();
    co_await std::move(finishing);
  }

 private:
  // Carries the streams until the command has ended and its status is told; false when the client
  // hung up before.
  Task<bool> Talk() {
    OneShot<bool> over(world_.loop);
    TaskScope scope(world_.loop);
    outputs_ = 2;
    scope.Spawn("remote stdout", Output(true));
    scope.Spawn("remote stderr", Output(false));
    scope.Spawn("remote input", Input(over));
    scope.Spawn("remote end", End(over));
    auto waiting = over.Wait();
    const bool told = co_await std::move(waiting);
    co_return told;
  }

  Task<void> Output(bool is_stdout) {
    const CommandChannel channel = is_stdout ? CommandChannel::kStdout : CommandChannel::kStderr;
    const bool wanted = is_stdout ? command_.with_stdout : command_.with_stderr;
    while (true) {
      auto reading = is_stdout ? session_->ReadStdout() : session_->ReadStderr();
      auto text = co_await std::move(reading);
      if (!text.ok() || text->empty()) break;
      if (!wanted) continue;
      auto writing = channels_->Write(channel, std::move(*text));
      auto written = co_await std::move(writing);
      if (!written.ok()) break;
    }
    --outputs_;
    output_ended_.Notify();
  }

  Task<void> Input(OneShot<bool> over) {
    while (true) {
      auto reading = channels_->Next();
      auto input = co_await std::move(reading);
      if (!input.ok() || !input->has_value()) break;
      CommandChannels::Input& got = **input;
      if (got.channel == CommandChannel::kResize) ApplySize(got.data, *session_);
      if (got.channel != CommandChannel::kStdin || !command_.with_stdin) continue;
      if (!got.data.empty()) {
        auto writing = session_->WriteStdin(std::move(got.data));
        auto written = co_await std::move(writing);
        Ignore(written, "a command that reads no more is no error");
      }
      if (got.closed) session_->CloseStdin();
    }
    over.Set(false);
  }

  Task<void> End(OneShot<bool> over) {
    auto waiting = session_->Wait();
    auto exit_code = co_await std::move(waiting);
    while (outputs_ > 0) co_await output_ended_.Wait();
    if (exit_code.ok()) {
      const std::string text = "command terminated with exit code " + std::to_string(*exit_code);
      auto telling = Tell(ExitStatusJson(*exit_code), *exit_code == 0 ? "" : text);
      co_await std::move(telling);
    } else {
      auto telling = Tell(FailureJson(exit_code.error().message), exit_code.error().message);
      co_await std::move(telling);
    }
    over.Set(true);
  }

  Task<void> Tell(std::string status, std::string text) {
    if (!channels_->status_as_json()) status = std::move(text);
    if (status.empty()) co_return;
    auto writing = channels_->Write(CommandChannel::kError, std::move(status));
    auto written = co_await std::move(writing);
    Ignore(written, "nobody may be left to hear it");
  }

  World& world_;
  RemoteCommand command_;
  std::string protocol_;
  bool spdy_;
  StartCommand start_;
  std::unique_ptr<CommandChannels> channels_;
  std::unique_ptr<runtime::ExecSession> session_;
  int outputs_ = 0;
  Notifier output_ended_{world_.loop};
};

}  // namespace

Result<RemoteCommand> ParseRemoteCommand(std::string_view query, bool needs_command) {
  RemoteCommand command;
  TRY(auto pairs, http::ParseQuery(query));
  for (auto& [name, value] : pairs) {
    if (name == "command") command.command.push_back(std::move(value));
    if (name == "input") command.with_stdin = Truth(value);
    if (name == "output") command.with_stdout = Truth(value);
    if (name == "error") command.with_stderr = Truth(value);
    if (name == "tty") command.tty = Truth(value);
  }
  if (command.tty) command.with_stderr = false;
  if (!command.with_stdin && !command.with_stdout && !command.with_stderr)
    return MakeError(Reason::kBadRequest, "you must specify at least 1 of stdin, stdout, stderr");
  if (needs_command && command.command.empty())
    return MakeError(Reason::kBadRequest, "you must specify a command");
  return command;
}

std::string ExitStatusJson(int exit_code) {
  json::Value status = {{"metadata", json::Value::object()}, {"status", "Success"}};
  if (exit_code != 0) {
    status["status"] = "Failure";
    status["reason"] = "NonZeroExitCode";
    status["message"] =
        "command terminated with non-zero exit code: exit status " + std::to_string(exit_code);
    status["details"]["causes"] =
        json::Value::array({{{"reason", "ExitCode"}, {"message", std::to_string(exit_code)}}});
  }
  return json::Dump(status);
}

Result<http::Response> UpgradeToRemoteCommand(World& world, const http::Request& request,
                                              RemoteCommand command, StartCommand start) {
  if (http::IsWebSocketRequest(request)) {
    const std::optional<std::string> protocol =
        http::ChooseWebSocketProtocol(request, kWebSocketProtocols);
    if (!protocol)
      return MakeError(Reason::kBadRequest, "no WebSocket protocol that is spoken here");
    return http::AcceptWebSocket(
        request, *protocol,
        std::make_unique<Conversation>(world, std::move(command), *protocol, false,
                                       std::move(start)));
  }
  if (Lower(request.headers.Get("Upgrade")) != "spdy/3.1")
    return MakeError(Reason::kBadRequest, "unable to upgrade: missing upgrade headers in request");
  bool offered = false;
  for (const auto& [name, value] : request.headers.all())
    if (Lower(name) == "x-stream-protocol-version")
      offered = offered || value.find(kSpdyProtocol) != std::string::npos;
  if (!offered)
    return MakeError(Reason::kForbidden,
                     "unable to upgrade: unable to negotiate protocol: server "
                     "supports v4.channel.k8s.io");
  http::Response response;
  response.status = 101;
  response.headers.Set("Connection", "Upgrade");
  response.headers.Set("Upgrade", "SPDY/3.1");
  response.headers.Set("X-Stream-Protocol-Version", kSpdyProtocol);
  response.upgrade = std::make_unique<Conversation>(world, std::move(command), kSpdyProtocol, true,
                                                    std::move(start));
  return response;
}

}  // namespace wherry::nodeagent::streaming
