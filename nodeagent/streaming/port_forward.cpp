#include "nodeagent/streaming/port_forward.h"

#include "lib/http/websocket.h"
#include "nodeagent/streaming/channel_port_forward.h"
#include "nodeagent/streaming/spdy_port_forward.h"
#include "nodeagent/streaming/websocket_stream.h"

#include <charconv>
#include <utility>
#include <vector>

namespace wherry::nodeagent::streaming {

namespace {

constexpr const char* kProtocol = "portforward.k8s.io";
constexpr const char* kTunnelled = "SPDY/3.1+portforward.k8s.io";
constexpr const char* kChannels = "v4.channel.k8s.io";
constexpr const char* kBase64Channels = "v4.base64.channel.k8s.io";
constexpr size_t kPortsMax = 100;  // a channel's number is one byte

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

class Tunnelled : public http::UpgradeHandler {
 public:
  Tunnelled(World& world, std::string pod, ConnectToPort connect)
      : world_(world), pod_(std::move(pod)), connect_(std::move(connect)) {}
  Task<void> Run(std::unique_ptr<http::ByteStream> stream) override {
    WebSocketStream tunnel(world_.loop, std::move(stream));
    auto forwarding = ForwardOverSpdy(world_, tunnel, pod_, connect_);
    co_await std::move(forwarding);
    auto finishing = tunnel.Finish();
    co_await std::move(finishing);
  }

 private:
  World& world_;
  std::string pod_;
  ConnectToPort connect_;
};

class Plain : public http::UpgradeHandler {
 public:
  Plain(World& world, std::string pod, ConnectToPort connect)
      : world_(world), pod_(std::move(pod)), connect_(std::move(connect)) {}
  Task<void> Run(std::unique_ptr<http::ByteStream> stream) override {
    auto forwarding = ForwardOverSpdy(world_, *stream, pod_, connect_);
    co_await std::move(forwarding);
    stream->Close();
  }

 private:
  World& world_;
  std::string pod_;
  ConnectToPort connect_;
};

Result<std::vector<uint16_t>> PortsOf(std::string_view query) {
  std::vector<uint16_t> ports;
  TRY(auto pairs, http::ParseQuery(query));
  for (const auto& [name, value] : pairs) {
    if (name != "port") continue;
    std::string_view rest(value);
    while (!rest.empty()) {
      const std::string_view text = rest.substr(0, rest.find(','));
      uint16_t port = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
      if (error != std::errc() || end != text.data() + text.size() || port == 0)
        return MakeError(Reason::kBadRequest, "invalid port \"" + std::string(text) + "\"");
      ports.push_back(port);
      rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    }
  }
  if (ports.empty() || ports.size() > kPortsMax)
    return MakeError(Reason::kBadRequest, "query parameter \"port\" is required");
  return ports;
}

Result<http::Response> UpgradeToWebSocket(World& world, const http::Request& request,
                                          std::string pod, ConnectToPort connect) {
  const auto protocol =
      http::ChooseWebSocketProtocol(request, {kTunnelled, kChannels, kBase64Channels});
  if (!protocol) return MakeError(Reason::kBadRequest, "no WebSocket protocol that is spoken here");
  std::unique_ptr<http::UpgradeHandler> handler;
  if (*protocol == kTunnelled) {
    handler = std::make_unique<Tunnelled>(world, std::move(pod), std::move(connect));
  } else {
    TRY(std::vector<uint16_t> ports, PortsOf(request.query()));
    handler = MakeChannelPortForward(world, std::move(ports), *protocol == kBase64Channels,
                                     std::move(pod), std::move(connect));
  }
  return http::AcceptWebSocket(request, *protocol, std::move(handler));
}

}  // namespace

Result<http::Response> UpgradeToPortForward(World& world, const http::Request& request,
                                            std::string pod, ConnectToPort connect) {
  if (http::IsWebSocketRequest(request))
    return UpgradeToWebSocket(world, request, std::move(pod), std::move(connect));
  if (Lower(request.headers.Get("Upgrade")) != "spdy/3.1")
    return MakeError(Reason::kBadRequest, "unable to upgrade: missing upgrade headers in request");
  bool offered = false;
  for (const auto& [name, value] : request.headers.all())
    if (Lower(name) == "x-stream-protocol-version")
      offered = offered || value.find(kProtocol) != std::string::npos;
  if (!offered)
    return MakeError(Reason::kForbidden,
                     "unable to upgrade: unable to negotiate protocol: server supports "
                     "portforward.k8s.io");
  http::Response response;
  response.status = 101;
  response.headers.Set("Connection", "Upgrade");
  response.headers.Set("Upgrade", "SPDY/3.1");
  response.headers.Set("X-Stream-Protocol-Version", kProtocol);
  response.upgrade = std::make_unique<Plain>(world, std::move(pod), std::move(connect));
  return response;
}

}  // namespace wherry::nodeagent::streaming
