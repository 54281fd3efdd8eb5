// The example's server: answers every HTTP request with its pod's name, a greeting and its own version.
//
// usage: hello [PORT]     environment: POD_NAME, GREETING     file: /version
// On SIGTERM it goes on answering for DRAIN_MS (default 1000) while the Service forgets it, then exits with 0.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

std::string Environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value ? value : fallback;
}

std::string ReadVersion() {
  std::ifstream file("/version");
  std::string version;
  std::getline(file, version);
  return version.empty() ? "unknown" : version;
}

int Listen(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 128) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  return fd;
}

void Answer(int client, const std::string& body) {
  char request[4096];
  pollfd readable{client, POLLIN, 0};
  if (::poll(&readable, 1, 1000) <= 0 || ::recv(client, request, sizeof request, 0) <= 0) return;
  const std::string response =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  if (::send(client, response.data(), response.size(), MSG_NOSIGNAL) < 0) return;
  ::shutdown(client, SHUT_WR);
  // Read until the peer closes, so that the response is not lost to a reset.
  while (::poll(&readable, 1, 1000) > 0 && ::recv(client, request, sizeof request, 0) > 0) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto port = static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  const std::string version = ReadVersion();
  const std::string name = Environment("POD_NAME", "unnamed");
  const std::string body = name + " says " + Environment("GREETING", "hello") + " (version " + version + ")\n";

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int signal_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);
  const int listener = Listen(port);
  std::printf("hello version %s listens on port %u\n", version.c_str(), port);
  std::fflush(stdout);

  using Clock = std::chrono::steady_clock;
  const std::chrono::milliseconds drain(std::atoi(Environment("DRAIN_MS", "1000").c_str()));
  Clock::time_point end = Clock::time_point::max();
  while (Clock::now() < end) {
    pollfd fds[] = {{listener, POLLIN, 0}, {signal_fd, POLLIN, 0}};
    ::poll(fds, end == Clock::time_point::max() ? 2 : 1, 100);
    if ((fds[1].revents & POLLIN) && end == Clock::time_point::max()) {
      std::printf("terminating, draining\n");
      std::fflush(stdout);
      end = Clock::now() + drain;
    }
    if (fds[0].revents & POLLIN) {
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      Answer(client, body);
      ::close(client);
    }
  }
  return 0;
}
