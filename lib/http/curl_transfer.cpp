#include "lib/http/curl_transfer.h"

#include "lib/base/check.h"
#include "lib/http/bearer_token.h"

#include <curl/curl.h>

#include <charconv>
#include <utility>

namespace wherry::http {
namespace {

// Bytes of a stream that may wait here; more stay in the socket.
constexpr size_t kBufferedMax = 256 * 1024;

void SetBlob(CURL* easy, CURLoption option, const std::string& pem) {
  if (pem.empty()) return;
  curl_blob blob{};
  blob.data = const_cast<char*>(pem.data());
  blob.len = pem.size();
  blob.flags = CURL_BLOB_COPY;
  curl_easy_setopt(easy, option, &blob);
}

bool IsAbsolute(std::string_view target) {
  return target.starts_with("http://") || target.starts_with("https://");
}

// Replaces the host in `url` by `name`; says in CURLOPT_CONNECT_TO's form where to connect all the
// same.
std::string RenameHost(std::string& url, const std::string& name) {
  CURLU* parts = curl_url();
  std::string connect_to;
  char* host = nullptr;
  char* port = nullptr;
  char* renamed = nullptr;
  if (curl_url_set(parts, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
      curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
      curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
      curl_url_set(parts, CURLUPART_HOST, name.c_str(), 0) == CURLUE_OK &&
      curl_url_get(parts, CURLUPART_URL, &renamed, 0) == CURLUE_OK) {
    connect_to = "::" + std::string(host) + ":" + port;
    url = renamed;
  }
  curl_free(host);
  curl_free(port);
  curl_free(renamed);
  curl_url_cleanup(parts);
  return connect_to;
}

}  // namespace

CurlTransfer::CurlTransfer(std::shared_ptr<CurlMulti> multi, const CurlClient::Options& options,
                           Request request, bool stream_body)
    : multi_(std::move(multi)),
      request_(std::move(request)),
      stream_body_(stream_body),
      body_bytes_max_(options.body_bytes_max),
      easy_(curl_easy_init()),
      changed_(multi_->loop()) {
  CHECK(easy_ != nullptr);
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, static_cast<CurlMulti::Listener*>(this));
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_.data());
  const auto version =
      options.http2_prior_knowledge ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1;
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(version));
  if (options.http2_prior_knowledge) curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  // Giving up a transfer whose name is still looked up does not wait for the resolver.
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  const long keep_alive = static_cast<long>(options.keep_alive.count());
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPIDLE, keep_alive);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPINTVL, keep_alive / 3 + 1);
  if (!options.proxy_from_environment) curl_easy_setopt(easy_, CURLOPT_PROXY, "");
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  if (options.stall_timeout.count() > 0) {
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME,
                     static_cast<long>(options.stall_timeout.count()));
  }
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &CurlTransfer::OnHeader);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlTransfer::OnBody);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  SetUrl(options);
  SetMethod();
  SetHeaders(options);
  SetTls(options.tls);
  if (options.timeout.count() > 0 && !stream_body_) {
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  } else if (options.timeout.count() > 0) {
    Loop& loop = multi_->loop();
    head_timer_ = loop.RunAt(loop.MonotonicNow() + options.timeout, [this] {
      head_timer_ = 0;
      if (head_done_ || done_) return;
      multi_->Remove(easy_);
      Fail(MakeError(Reason::kTimeout, "no response head in time"));
    });
  }
  multi_->Add(easy_);
}

CurlTransfer::~CurlTransfer() {
  if (head_timer_ != 0) multi_->loop().CancelTimer(head_timer_);
  multi_->Remove(easy_);
  curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
  curl_slist_free_all(connect_to_);
}

void CurlTransfer::SetUrl(const CurlClient::Options& options) {
  std::string url = request_.target;
  if (!IsAbsolute(url)) {
    std::string_view base = options.base_url;
    while (base.ends_with('/')) base.remove_suffix(1);
    url.insert(0, base);
  }
  if (!options.tls.server_name.empty()) {
    const std::string connect_to = RenameHost(url, options.tls.server_name);
    connect_to_ = curl_slist_append(nullptr, connect_to.c_str());
    curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, connect_to_);
  }
  curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
}

void CurlTransfer::SetMethod() {
  if (request_.method == "GET" && request_.body.empty()) return;
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  if (request_.body.empty() && request_.method == "DELETE") return;
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request_.body.size()));
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.c_str());
}

void CurlTransfer::SetHeaders(const CurlClient::Options& options) {
  const auto add = [this](const std::string& line) {
    headers_ = curl_slist_append(headers_, line.c_str());
  };
  for (const auto& [name, value] : request_.headers.all()) {
    // A field with a line break in it would be two; an empty value is written with a semicolon.
    if ((name + value).find_first_of("\r\n") != std::string::npos) continue;
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!request_.headers.Has("Content-Type")) add("Content-Type:");
  add("Expect:");
  const std::string token = BearerTokenOf(options);
  if (!token.empty() && !request_.headers.Has("Authorization")) {
    add("Authorization: Bearer " + token);
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
}

void CurlTransfer::SetTls(const TlsClientConfig& tls) {
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (tls.insecure) {
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  SetBlob(easy_, CURLOPT_CAINFO_BLOB, tls.ca_pem);
  SetBlob(easy_, CURLOPT_SSLCERT_BLOB, tls.certificate_pem);
  SetBlob(easy_, CURLOPT_SSLKEY_BLOB, tls.key_pem);
}

size_t CurlTransfer::OnHeader(char* bytes, size_t size, size_t count, void* self) {
  static_cast<CurlTransfer*>(self)->HeaderLine(std::string_view(bytes, size * count));
  return size * count;
}

void CurlTransfer::HeaderLine(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    // A new head: an interim response came before it.
    response_ = Response();
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), response_.status);
  } else if (line.empty()) {
    if (response_.status < 200 && response_.status != 101) return;
    if (head_done_) return;
    head_done_ = true;
    changed_.Notify();
  } else {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    Headers& fields = head_done_ ? trailers_ : response_.headers;
    fields.Add(std::string(line.substr(0, colon)), std::string(value));
  }
}

size_t CurlTransfer::OnBody(char* bytes, size_t size, size_t count, void* self) {
  return static_cast<CurlTransfer*>(self)->BodyBytes(std::string_view(bytes, size * count));
}

size_t CurlTransfer::BodyBytes(std::string_view bytes) {
  if (stream_body_ && body_.size() >= kBufferedMax) {
    paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (!stream_body_ && received_bytes_ + bytes.size() > body_bytes_max_) {
    error_ = MakeError(Reason::kRequestEntityTooLarge,
                       "the response is larger than " + std::to_string(body_bytes_max_) + " bytes");
    return 0;
  }
  received_bytes_ += bytes.size();
  body_ += bytes;
  changed_.Notify();
  return bytes.size();
}

void CurlTransfer::OnDone(int code) {
  if (code == CURLE_OK) {
    done_ = true;
    changed_.Notify();
    return;
  }
  const char* text =
      error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(static_cast<CURLcode>(code));
  const Reason reason =
      code == CURLE_OPERATION_TIMEDOUT ? Reason::kTimeout : Reason::kServiceUnavailable;
  Fail(MakeError(reason, text));
}

void CurlTransfer::Fail(Error error) {
  done_ = true;
  if (!error_) error_ = std::move(error);
  *error_ = std::move(*error_).Wrap(request_.method + " " + request_.target);
  changed_.Notify();
}

Task<Result<Response>> CurlTransfer::WaitForHead() {
  while (!head_done_ && !done_) co_await changed_.Wait();
  if (!head_done_) {
    co_return error_ ? *error_ : MakeError(Reason::kServiceUnavailable, "no response");
  }
  Response head;
  head.status = response_.status;
  head.headers = std::move(response_.headers);
  co_return head;
}

Task<Result<std::optional<std::string>>> CurlTransfer::Read() {
  while (body_.empty() && !done_) {
    if (std::exchange(paused_, false)) {
      curl_easy_pause(easy_, CURLPAUSE_CONT);
      continue;
    }
    co_await changed_.Wait();
  }
  if (!body_.empty()) {
    std::optional<std::string> bytes = std::exchange(body_, {});
    co_return bytes;
  }
  if (error_) co_return *error_;
  co_return std::optional<std::string>();
}

}  // namespace wherry::http
