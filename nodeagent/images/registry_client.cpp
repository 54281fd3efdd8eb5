#include "nodeagent/images/registry_client.h"

#include "lib/json/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wherry::nodeagent::images {
namespace {

constexpr int kRedirectsMax = 5;

std::string Base64(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    size_t have = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < have ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    }
    for (size_t j = 0; j < 4; ++j) {
      text += j <= have ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

// "https://host:port" of an absolute URL.
std::string Origin(std::string_view url) {
  size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return "";
  return std::string(url.substr(0, url.find('/', scheme + 3)));
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// What a registry answered other than 200.
Error StatusError(int status, const std::string& url) {
  std::string text = "unexpected status " + std::to_string(status) + " from GET request to " + url;
  if (status == 404) return MakeError(Reason::kNotFound, "not found");
  if (status == 401) {
    return MakeError(Reason::kUnauthorized,
                     "pull access denied, repository does not exist or may require authorization: "
                     "authorization failed: no basic auth credentials");
  }
  if (status == 403) return MakeError(Reason::kForbidden, text);
  if (status == 429) return MakeError(Reason::kTooManyRequests, text);
  return MakeError(Reason::kServiceUnavailable, text);
}

bool StartsWithWord(std::string_view text, std::string_view word) {
  if (text.size() <= word.size()) return false;
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(text.substr(0, word.size()), word, {}, lower, lower) &&
         text[word.size()] == ' ';
}

}  // namespace

AuthChallenge ParseChallenge(std::string_view header) {
  AuthChallenge challenge;
  if (StartsWithWord(header, "bearer")) {
    challenge.bearer = true;
    header.remove_prefix(7);
  } else if (StartsWithWord(header, "basic")) {
    challenge.basic = true;
    return challenge;
  }
  // name="value" or name=value, separated by commas
  while (!header.empty()) {
    size_t begin = header.find_first_not_of(" ,");
    if (begin == std::string_view::npos) break;
    header.remove_prefix(begin);
    size_t equals = header.find('=');
    if (equals == std::string_view::npos) break;
    std::string_view name = header.substr(0, equals);
    header.remove_prefix(equals + 1);
    std::string value;
    if (header.starts_with('"')) {
      size_t i = 1;
      for (; i < header.size() && header[i] != '"'; ++i) {
        if (header[i] == '\\' && i + 1 < header.size()) ++i;
        value += header[i];
      }
      header.remove_prefix(std::min(i + 1, header.size()));
    } else {
      size_t end = std::min(header.find(','), header.size());
      value = header.substr(0, end);
      header.remove_prefix(end);
    }
    if (name == "realm") challenge.realm = value;
    if (name == "service") challenge.service = value;
    if (name == "scope") challenge.scope = value;
  }
  return challenge;
}

RegistryClient::RegistryClient(http::RoundTripper& transport, std::string base_url,
                               std::string repository, std::optional<RegistryAuth> auth)
    : transport_(transport),
      base_url_(std::move(base_url)),
      repository_(std::move(repository)),
      auth_(std::move(auth)) {}

Task<Result<http::Response>> RegistryClient::Follow(http::Request request, bool stream) {
  std::string origin = Origin(request.target);
  for (int redirects = 0;; ++redirects) {
    http::Request copy;
    copy.target = request.target;
    copy.headers = request.headers;
    auto answered = transport_.RoundTrip(std::move(copy), stream);
    CO_TRY(http::Response response, co_await std::move(answered));
    if (!IsRedirect(response.status)) co_return response;
    std::string location(response.headers.Get("Location"));
    if (location.starts_with("/")) location.insert(0, Origin(request.target));
    if (redirects == kRedirectsMax || Origin(location).empty()) {
      co_return MakeError(Reason::kServiceUnavailable, "GET " + request.target + ": bad redirect");
    }
    // Credentials are for the host that asked for them, and never for a plainer connection.
    http::Headers headers;
    for (const auto& [name, value] : request.headers.all()) {
      if (name != "Authorization" || Origin(location) == origin) headers.Add(name, value);
    }
    request.headers = std::move(headers);
    request.target = std::move(location);
  }
}

Task<Status> RegistryClient::Authenticate(std::string header) {
  AuthChallenge challenge = ParseChallenge(header);
  std::string basic;
  if (auth_) basic = "Basic " + Base64(auth_->username + ":" + auth_->password);
  if (challenge.basic && auth_) {
    authorization_ = basic;
    co_return Ok();
  }
  if (!challenge.bearer || Origin(challenge.realm).empty()) co_return StatusError(401, base_url_);
  if (base_url_.starts_with("https://") && !challenge.realm.starts_with("https://")) {
    co_return MakeError(Reason::kForbidden, "the registry at " + base_url_ +
                                                " wants its tokens fetched over plain http");
  }

  std::string scope = challenge.scope;
  if (scope.empty()) scope = "repository:" + repository_ + ":pull";
  http::Request request;
  request.target = challenge.realm + (challenge.realm.find('?') == std::string::npos ? "?" : "&") +
                   "service=" + http::PercentEncode(challenge.service) +
                   "&scope=" + http::PercentEncode(scope);
  if (auth_) request.headers.Set("Authorization", basic);
  auto asked = Follow(std::move(request), false);
  CO_TRY(http::Response response, co_await std::move(asked));
  if (response.status != 200) {
    co_return std::move(StatusError(response.status, challenge.realm)).Wrap("fetch a token");
  }
  CO_TRY(json::Value document, json::Parse(response.body));
  for (const char* name : {"token", "access_token"}) {
    auto found = document.is_object() ? document.find(name) : document.end();
    if (!document.is_object() || found == document.end() || !found->is_string()) continue;
    authorization_ = "Bearer " + found->get<std::string>();
    co_return Ok();
  }
  co_return MakeError(Reason::kUnauthorized, "the token server sent no token");
}

Task<Result<http::Response>> RegistryClient::Get(std::string path, std::string accept,
                                                 bool stream) {
  std::string url = base_url_ + "/v2/" + repository_ + "/" + path;
  for (int attempt = 0;; ++attempt) {
    http::Request request;
    request.target = url;
    if (!accept.empty()) request.headers.Set("Accept", accept);
    if (!authorization_.empty()) request.headers.Set("Authorization", authorization_);
    auto answered = Follow(std::move(request), stream);
    CO_TRY(http::Response response, co_await std::move(answered));
    if (response.status == 200) co_return response;
    if (response.status != 401 || attempt > 0) co_return StatusError(response.status, url);
    std::string challenge(response.headers.Get("WWW-Authenticate"));
    CO_TRY_STATUS(co_await Authenticate(std::move(challenge)));
  }
}

}  // namespace wherry::nodeagent::images
