#include <proxy/net/certificates.hpp>
#include <proxy/net/ticket_keys.hpp>
#include <proxy/net/tls.hpp>
#include <tests/support/test_certificate.hpp>

#include <catch2/catch.hpp>

#include <ctime>
#include <fstream>
#include <vector>

namespace sandgate::proxy::net {
namespace {

using tests::make_certificate;
using tests::TemporaryFolder;

std::string problem_of(const config::Certificate& files) {
  const LoadedCertificate loaded = load_certificate(files, std::time(nullptr));
  const auto* problem = std::get_if<std::string>(&loaded);
  return problem != nullptr ? *problem : "";
}

void write(const std::filesystem::path& path, std::string_view text) { std::ofstream(path) << text; }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("certificates: a chain and its key are loaded with names and expiry", "[certificates]") {
  const TemporaryFolder folder;
  const config::Certificate files = make_certificate(folder.path(), "good", "*.Sandbox.Test");
  const LoadedCertificate loaded = load_certificate(files, std::time(nullptr));
  REQUIRE(std::holds_alternative<CertificateFiles>(loaded));
  const auto& certificate = std::get<CertificateFiles>(loaded);
  CHECK(certificate.names == std::vector<std::string>{"*.sandbox.test"});
  CHECK(certificate.not_after_unix > std::time(nullptr) + 3500);
  CHECK(certificate.expired.empty());
}

TEST_CASE("certificates: every way to be unusable is said with its file", "[certificates]") {
  const TemporaryFolder folder;
  const config::Certificate good = make_certificate(folder.path(), "good", "a.test");
  const config::Certificate other = make_certificate(folder.path(), "other", "b.test");
  const std::string garbage = (folder.path() / "garbage").string();
  write(garbage, "not PEM\n");
  CHECK(contains(problem_of({"/nowhere.crt", good.key}), "/nowhere.crt: cannot be read"));
  CHECK(contains(problem_of({good.chain, "/nowhere.key"}), "/nowhere.key: cannot be read"));
  CHECK(contains(problem_of({garbage, good.key}), "holds no PEM certificate"));
  CHECK(contains(problem_of({good.chain, garbage}), "holds no PEM private key"));
  CHECK(contains(problem_of({good.chain, other.key}), "is not the key of the first certificate"));
}

TEST_CASE("certificates: an expired one may be started with and is refused by a reload", "[certificates]") {
  const TemporaryFolder folder;
  config::Tls tls;
  tls.certificates = {make_certificate(folder.path(), "old", "a.test", -60)};
  TicketKeys keys(Clock::now());
  CHECK(std::holds_alternative<std::shared_ptr<const TlsServer>>(TlsServer::load(tls, keys, Expired::accept)));
  const auto refused = TlsServer::load(tls, keys, Expired::refuse);
  REQUIRE(std::holds_alternative<std::vector<std::string>>(refused));
  CHECK(contains(std::get<std::vector<std::string>>(refused).front(), "has expired"));
}

TEST_CASE("certificates: all problems of a listener are said at once", "[certificates]") {
  const TemporaryFolder folder;
  config::Tls tls;
  tls.certificates = {{"/nowhere.crt", "/nowhere.key"}, {"/elsewhere.crt", "/elsewhere.key"}};
  TicketKeys keys(Clock::now());
  const auto refused = TlsServer::load(tls, keys, Expired::refuse);
  CHECK(std::get<std::vector<std::string>>(refused).size() == 2);
}

TEST_CASE("certificates: a wildcard covers one label, and only the first", "[certificates]") {
  const std::vector<std::string> names{"*.sandbox.test", "exact.test"};
  for (const char* host : {"8080-a.sandbox.test", "x.sandbox.test", "exact.test"}) CHECK(covers(names, host));
  for (const char* host : {"sandbox.test", "a.b.sandbox.test", ".sandbox.test", "other.test", "x.exact.test", "test",
                           "", "8080-a.sandbox.test.evil"}) {
    INFO(host);
    CHECK_FALSE(covers(names, host));
  }
}

TEST_CASE("ticket keys: a file of whole keys that only its owner reads", "[certificates]") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "keys";
  const auto problem = [&] {
    const auto read = read_ticket_keys(path.string());
    const auto* text = std::get_if<std::string>(&read);
    return text != nullptr ? *text : "";
  };
  CHECK(contains(problem(), "cannot be read"));
  write(path, std::string(160, 'k'));
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::group_read);
  CHECK(contains(problem(), "owner alone"));
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  CHECK(problem().empty());
  for (const std::size_t size : {std::size_t{0}, std::size_t{79}, std::size_t{81}}) {
    write(path, std::string(size, 'k'));
    CHECK(contains(problem(), "80 bytes"));
  }
}

// hardening T-TICKET
TEST_CASE("ticket keys: our own have eight hours, those of a file as long as it is named", "[certificates]") {
  using std::chrono::hours;
  const TimePoint start{};
  TicketKeys keys(start);
  const auto own = keys.name();
  keys.rotate(start + hours(7));
  CHECK(keys.name() == own);
  keys.rotate(start + hours(8));
  CHECK(keys.name() != own);
  TicketKey of_file{};
  of_file.name.fill('f');
  keys.replace({of_file});
  keys.rotate(start + hours(100));
  CHECK(keys.name() == of_file.name);
  keys.leave_file();
  keys.rotate(start + hours(100));
  CHECK(keys.name() != of_file.name);
  const auto again = keys.name();
  keys.leave_file();
  keys.rotate(start + hours(107));
  CHECK(keys.name() == again);
}

}  // namespace sandgate::proxy::net
