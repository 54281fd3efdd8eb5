#pragma once

#include "lib/http/curl_client.h"
#include "lib/http/curl_multi.h"
#include "lib/loop/sync.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct curl_slist;

namespace wherry::http {

// One request on its way through libcurl. Destroying it aborts the request. Loop thread.
class CurlTransfer : public CurlMulti::Listener {
 public:
  CurlTransfer(std::shared_ptr<CurlMulti> multi, const CurlClient::Options& options,
               Request request, bool stream_body);
  ~CurlTransfer() override;
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // The response without its body, once its head has come.
  Task<Result<Response>> WaitForHead();
  // The next bytes of the body, or nullopt at its end.
  Task<Result<std::optional<std::string>>> Read();
  // Fields that came after the body, once Read has told its end.
  const Headers& trailers() const { return trailers_; }

 private:
  static size_t OnHeader(char* bytes, size_t size, size_t count, void* self);
  static size_t OnBody(char* bytes, size_t size, size_t count, void* self);
  void OnDone(int code) override;
  void HeaderLine(std::string_view line);
  size_t BodyBytes(std::string_view bytes);

  void SetUrl(const CurlClient::Options& options);
  void SetMethod();
  void SetHeaders(const CurlClient::Options& options);
  void SetTls(const TlsClientConfig& tls);
  void Fail(Error error);

  std::shared_ptr<CurlMulti> multi_;
  Request request_;
  bool stream_body_;
  size_t body_bytes_max_;
  void* easy_;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  std::array<char, 256> error_text_{};
  Loop::TimerId head_timer_ = 0;

  Response response_;
  Headers trailers_;
  bool head_done_ = false;
  std::string body_;           // not read yet
  size_t received_bytes_ = 0;  // of the body, all told
  bool paused_ = false;
  bool done_ = false;
  std::optional<Error> error_;
  Notifier changed_;
};

}  // namespace wherry::http
