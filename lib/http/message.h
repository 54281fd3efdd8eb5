#pragma once

#include "lib/base/result.h"
#include "lib/loop/task.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace wherry::http {

// Header fields in order of arrival; names compare without case (RFC 9110 section 5.1).
class Headers {
 public:
  // The first value of `name`, or "".
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  void Set(std::string name, std::string value);  // replaces all of that name
  void Add(std::string name, std::string value);
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Who sends a request, once authenticated. Source: authentication/v1 UserInfo.
struct UserInfo {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
};

// A piece of a streamed body. In-process readers that asked for objects get `object` and no bytes.
struct Chunk {
  // Shared and immutable: a watch event or a stored object is encoded once for all its readers.
  std::shared_ptr<const std::string> bytes;
  // In-process watch and list only: the parsed object, shared by all its readers, and the watch
  // event's type. A list is its meta.v1.ListMeta first, then its items in order.
  std::shared_ptr<const google::protobuf::Message> object;
  std::string_view
      event_type;  // "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"; "" outside watches
};

// A body that is pulled: Next is called when the reader can take more, so a slow reader slows only
// itself. Destroying it tells the producer to stop. Loop thread.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // The next piece, or nullopt at the end. An error ends the connection without a proper end of
  // body.
  virtual Task<Result<std::optional<Chunk>>> Next() = 0;
};

// One end of an upgraded (RFC 9110 section 7.8) or raw connection.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Some bytes, or "" at the end of the stream.
  virtual Task<Result<std::string>> Read() = 0;
  virtual Task<Status> Write(std::string bytes) = 0;
  virtual void Close() = 0;
};

struct Response;

// What runs on the connection after a 101 response: takes the stream, ends when the conversation
// does.
class UpgradeHandler {
 public:
  virtual ~UpgradeHandler() = default;
  virtual Task<void> Run(std::unique_ptr<ByteStream> stream) = 0;
};

struct Request {
  std::string method = "GET";
  std::string target;  // origin form: "/api/v1/pods?watch=1", percent-encoded as on the wire
  Headers headers;
  std::string body;

  // Set by the server from the connection, or by an in-process caller; never from what the peer
  // wrote.
  std::string peer_address;                // "10.0.0.7:51234"; "" in process
  std::string tls_client_certificate_pem;  // verified against the server's client CA; "" when none
  std::optional<UserInfo> authenticated_user;  // in-process callers arrive authenticated
  // Who sends it, when the handler's Refuse has found out already. Only handlers set it.
  std::optional<UserInfo> verified_user;
  bool wants_objects = false;  // in-process callers: see Chunk::object

  std::string_view path() const;   // target up to '?'
  std::string_view query() const;  // target after '?', or ""
};

struct Response {
  int status = 200;
  Headers headers;
  // At most one of body, shared_body, stream and object is set; none means an empty body.
  std::string body;
  std::shared_ptr<const std::string> shared_body;  // stored bytes, sent without a copy
  std::unique_ptr<BodySource> stream;              // chunked transfer
  std::shared_ptr<const google::protobuf::Message>
      object;                               // instead of a body when wants_objects was set
  std::unique_ptr<UpgradeHandler> upgrade;  // with status 101
};

// Anything that answers requests: the API server's filter chain, a node agent, a fake. Loop thread.
class Handler {
 public:
  virtual ~Handler() = default;
  // Never throws; failures are responses.
  virtual Task<Response> Handle(Request request) = 0;
  // Asked by a server about a request whose head has come and whose body has not, or not all of it:
  // an answer ends it there, and the rest of the body is not kept. The handler may move `request`
  // out while it looks, and may note in it what it found out for Handle.
  virtual std::optional<Response> Refuse(Request& /*request*/) { return std::nullopt; }
};

// Anything that sends requests: libcurl to another process, a Handler in this one, the simulated
// network.
class RoundTripper {
 public:
  virtual ~RoundTripper() = default;
  // The response once its head has arrived; `stream` then pulls the body when `stream_body` is set,
  // else the body is read whole. Errors: kServiceUnavailable when the peer cannot be reached or
  // hangs up, kTimeout.
  virtual Task<Result<Response>> RoundTrip(Request request, bool stream_body) = 0;
};

// Decodes %XX and, in queries, '+'. Errors: kBadRequest on a broken escape.
Result<std::string> PercentDecode(std::string_view text, bool plus_is_space);
// Escapes everything outside RFC 3986 "unreserved".
std::string PercentEncode(std::string_view text);
// "a=1&a=2&b" in order. Errors: kBadRequest on a broken escape.
Result<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query);

}  // namespace wherry::http
