#include "lib/loop/sync.h"
#include "tests/integration/runtime/node_fixture.h"

#include <gmock/gmock.h>

#include <memory>

namespace wherry::nodeagent::runtime {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

class StreamsTest : public NodeFixture {
 protected:
  void Start(const ContainerConfig& config) {
    ASSERT_TRUE(Await(runtime_->RunPodSandbox(Sandbox("p"))).ok());
    auto started = Await(runtime_->StartContainer("p", config));
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
  std::unique_ptr<ExecSession> Exec(std::vector<std::string> command, bool tty) {
    ExecOptions options{.command = std::move(command), .with_stdin = true, .tty = tty};
    auto session = Await(runtime_->Exec("p", "c", std::move(options)));
    EXPECT_TRUE(session.ok()) << session.error().message;
    return session.ok() ? std::move(*session) : nullptr;
  }
  std::unique_ptr<ExecSession> Attach() {
    auto session = Await(runtime_->Attach("p", "c"));
    EXPECT_TRUE(session.ok()) << session.error().message;
    return session.ok() ? std::move(*session) : nullptr;
  }
  // Reads stdout until `wanted` has come, or to its end.
  std::string ReadUntil(ExecSession& session, const std::string& wanted) {
    std::string text;
    while (text.find(wanted) == std::string::npos) {
      auto piece = Await(session.ReadStdout());
      if (!piece.ok() || piece->empty()) break;
      text += *piece;
    }
    return text;
  }
  void Pause(std::chrono::milliseconds time) {
    auto pausing = [](Loop& loop, std::chrono::milliseconds until) -> Task<Status> {
      co_await SleepFor(loop, until);
      co_return Ok();
    };
    EXPECT_TRUE(Await(pausing(world().loop, time)).ok());
  }
  void Write(ExecSession& session, const std::string& text) {
    EXPECT_TRUE(Await(session.WriteStdin(text)).ok());
  }
};

// The terminal is the container's own, controls the command, and belongs to its user.
TEST_F(StreamsTest, ACommandGetsATerminalOfItsContainer) {
  auto config = Shell("c", "while true; do sleep 1; done");
  config.security.run_as_user = 1000;
  Start(config);
  auto session = Exec({"sh", "-c",
                       "stty -echo; tty; echo $TERM; busybox ls -ln $(tty); echo ready; read x; "
                       "stty size; sleep 100; echo code $?; exit 6"},
                      true);
  ASSERT_NE(session, nullptr);
  const std::string text = ReadUntil(*session, "ready\r\n");
  EXPECT_THAT(text, StartsWith("/dev/pts/0\r\nxterm\r\ncrw"));
  EXPECT_THAT(text, HasSubstr(" 1000 ")) << "it is the user's";
  session->Resize(101, 33);
  Write(*session, "\n");
  EXPECT_THAT(ReadUntil(*session, "33 101"), HasSubstr("33 101\r\n"));
  // Control-C reaches what runs in the foreground.
  Pause(200ms);
  Write(*session, "\x03");
  ReadUntil(*session, "nothing more comes");
  auto code = Await(session->Wait());
  ASSERT_TRUE(code.ok());
  EXPECT_EQ(*code, 130);
}

TEST_F(StreamsTest, ATerminalForWhatCannotRunSaysWhy) {
  Start(Shell("c", "while true; do sleep 1; done"));
  auto session = Exec({"nothing"}, true);
  ASSERT_NE(session, nullptr);
  auto code = Await(session->Wait());
  ASSERT_FALSE(code.ok());
  EXPECT_THAT(code.error().message, HasSubstr("executable file not found"));
  auto absent = Await(runtime_->Exec("p", "other", ExecOptions{.command = {"true"}, .tty = true}));
  EXPECT_EQ(absent.error().reason, Reason::kNotFound);
}

// Attached clients see the same output, from when they come; the log has it too.
TEST_F(StreamsTest, AttachedClientsShareTheOutput) {
  auto config =
      Shell("c", "echo early; while read x; do echo got $x; echo err >&2; done; echo end");
  config.stdin_open = true;
  config.stdin_once = true;
  Start(config);
  ASSERT_TRUE(RunUntil([&] { return Output(config) == "early\n"; }));
  auto first = Attach();
  auto second = Attach();
  ASSERT_TRUE(first && second);
  Write(*first, "one\n");
  EXPECT_EQ(ReadUntil(*first, "one\n"), "got one\n");
  EXPECT_EQ(ReadUntil(*second, "one\n"), "got one\n");
  EXPECT_EQ(*Await(first->ReadStderr()), "err\n");
  // One that goes leaves the other alone, and with stdinOnce takes the input with it.
  second->CloseStdin();
  first->CloseStdin();
  EXPECT_EQ(ReadUntil(*second, "nothing more"), "end\n");
  second.reset();
  EXPECT_EQ(ReadUntil(*first, "nothing more"), "end\n");
  EXPECT_EQ(*Await(first->ReadStderr()), "");
  EXPECT_EQ(*Await(first->Wait()), 0);
  EXPECT_EQ(WaitForExit("p", "c").exit_code, 0);
  EXPECT_EQ(Output(config), "early\ngot one\nend\n");
}

// Without stdinOnce the container's input outlives its clients.
TEST_F(StreamsTest, TheInputStaysOpenForTheNext) {
  auto config = Shell("c", "while read x; do echo got $x; done; echo end");
  config.stdin_open = true;
  Start(config);
  for (const char* word : {"one", "two"}) {
    auto session = Attach();
    ASSERT_NE(session, nullptr);
    Write(*session, std::string(word) + "\n");
    EXPECT_EQ(ReadUntil(*session, "\n"), std::string("got ") + word + "\n");
    session->CloseStdin();
  }
  EXPECT_EQ(Output(config), "got one\ngot two\n");
}

TEST_F(StreamsTest, AttachesToTheTerminalOfAContainer) {
  auto config = Shell("c", "stty -echo; while read x; do stty size; tty; done");
  config.tty = true;
  config.stdin_open = true;
  Start(config);
  auto session = Attach();
  ASSERT_NE(session, nullptr);
  session->Resize(90, 20);
  Write(*session, "\n");
  EXPECT_THAT(ReadUntil(*session, "/dev/"), HasSubstr("20 90\r\n"));
  EXPECT_EQ(*Await(session->ReadStderr()), "");
}

// A client that does not read holds the output up; nothing is lost, and its going sets it free.
TEST_F(StreamsTest, ASlowClientHoldsTheOutputUpUntilItGoes) {
  auto config = Shell("c", "read x; yes 0123456789 | head -n 50000; echo done");
  config.stdin_open = true;
  Start(config);
  auto slow = Attach();
  auto quick = Attach();
  ASSERT_TRUE(slow && quick);
  Write(*quick, "\n");
  std::string heard = *Await(quick->ReadStdout());
  Pause(300ms);
  EXPECT_LT(Output(config).size(), 400'000u) << "the container waits for the slow one";
  slow.reset();
  heard += ReadUntil(*quick, "done\n");
  EXPECT_EQ(heard.size(), 50'000u * 11 + 5);
  EXPECT_EQ(WaitForExit("p", "c").exit_code, 0);
  EXPECT_EQ(Output(config).size(), 50'000u * 11 + 5);
}

// What had been said before the end arrives, however slowly it is read.
TEST_F(StreamsTest, TheLastWordsArrive) {
  auto config = Shell("c", "read x; head -c 300000 /dev/zero");
  config.stdin_open = true;
  Start(config);
  auto session = Attach();
  ASSERT_NE(session, nullptr);
  Write(*session, "\n");
  size_t bytes = 0;
  while (true) {
    auto piece = Await(session->ReadStdout());
    ASSERT_TRUE(piece.ok());
    if (piece->empty()) break;
    bytes += piece->size();
  }
  EXPECT_EQ(bytes, 300'000u);
}

TEST_F(StreamsTest, ConnectsToWhoListensInThePod) {
  Start(Shell("c", "busybox nc -ll -p 8080 -e cat & while true; do sleep 1; done"));
  std::unique_ptr<PodConnection> connection;
  for (int tries = 0; tries < 200 && connection == nullptr; ++tries) {
    auto made = Await(runtime_->Connect("p", 8080));
    if (made.ok()) connection = std::move(*made);
    if (connection == nullptr) Pause(20ms);
  }
  ASSERT_NE(connection, nullptr);
  EXPECT_TRUE(Await(connection->Write("hello")).ok());
  EXPECT_EQ(*Await(connection->Read()), "hello");
  connection->CloseWrite();
  EXPECT_EQ(*Await(connection->Read()), "");
  auto refused = Await(runtime_->Connect("p", 81));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message, "connect to '127.0.0.1:81' in the pod: Connection refused");
  EXPECT_EQ(Await(runtime_->Connect("other", 81)).error().reason, Reason::kNotFound);
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
