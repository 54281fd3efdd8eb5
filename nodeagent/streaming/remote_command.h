#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "nodeagent/runtime/runtime.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The conversation of kubectl exec and attach: a command's streams, a terminal's size and the final
// status over one connection. Source: apimachinery remotecommand, kubelet
// cri/streaming/remotecommand.
namespace wherry::nodeagent::streaming {

struct RemoteCommand {
  std::vector<std::string> command;
  bool with_stdin = false;
  bool with_stdout = false;
  bool with_stderr = false;
  bool tty = false;
};
// From the kubelet's query: input=1&output=1&error=1&tty=1&command=ls&command=-l.
// Errors: kBadRequest when no stream is asked for, or no command where one is needed.
Result<RemoteCommand> ParseRemoteCommand(std::string_view query, bool needs_command);

enum class CommandChannel { kStdin = 0, kStdout = 1, kStderr = 2, kError = 3, kResize = 4 };

// The named streams of a connection, whatever carries them. Loop thread.
class CommandChannels {
 public:
  struct Input {
    CommandChannel channel = CommandChannel::kStdin;
    std::string data;
    bool closed = false;  // no more will come on it
  };
  virtual ~CommandChannels() = default;
  // Returns when the client is ready.
  virtual Task<Status> Open() = 0;
  // What the client sends; nullopt when it has hung up.
  virtual Task<Result<std::optional<Input>>> Next() = 0;
  virtual Task<Status> Write(CommandChannel channel, std::string data) = 0;
  // The status goes over the error channel as JSON (v4 and later) or as text, and not at all.
  virtual bool status_as_json() const = 0;
  virtual Task<void> Finish() = 0;
};

// Channels over SPDY/3.1, or over a WebSocket with one of Kubernetes' protocols.
std::unique_ptr<CommandChannels> MakeSpdyChannels(World& world,
                                                  std::unique_ptr<http::ByteStream> stream,
                                                  const RemoteCommand& command);
std::unique_ptr<CommandChannels> MakeWebSocketChannels(World& world,
                                                       std::unique_ptr<http::ByteStream> stream,
                                                       const std::string& protocol);

using StartCommand =
    std::function<Task<Result<std::unique_ptr<runtime::ExecSession>>>(runtime::ExecOptions)>;

// The 101 response that leads into the conversation.
// Errors: kBadRequest when the request asks for no upgrade that is spoken here.
Result<http::Response> UpgradeToRemoteCommand(World& world, const http::Request& request,
                                              RemoteCommand command, StartCommand start);

// metav1.Status for an exit code, as the client expects it on the error channel.
std::string ExitStatusJson(int exit_code);

}  // namespace wherry::nodeagent::streaming
