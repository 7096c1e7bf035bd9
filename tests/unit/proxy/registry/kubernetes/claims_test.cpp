#include <proxy/registry/kubernetes/claims.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace sandgate::proxy::registry::kubernetes {
namespace {

using Lines = std::vector<std::string>;

class Diary final : public Told {
 public:
  void publish(const routing::SandboxId& id, const std::string& record, const std::string& /*where*/) override {
    lines.push_back("publish " + std::string(id.view()) + " " + record);
  }
  void withdraw(const routing::SandboxId& id) override { lines.push_back("withdraw " + std::string(id.view())); }
  void refuse(const routing::SandboxId& id, const routing::RecordError& error) override {
    lines.push_back("refuse " + std::string(id.view()));
    said = error.text;
  }
  void reject(const std::string& object, const routing::RecordError& /*error*/) override {
    lines.push_back("reject " + object);
  }
  void forget_rejected(const std::string& object) override { lines.push_back("forget " + object); }

  Lines take() { return std::exchange(lines, {}); }

  Lines lines;
  std::string said;
};

Sighting with(const std::string& id, const std::string& record) {
  Sighting sighting;
  sighting.is_sandbox = true;
  sighting.id = routing::SandboxId::parse(id);
  sighting.record = record;
  return sighting;
}

Sighting leaving(const std::string& id, const std::string& record) {
  Sighting sighting = with(id, record);
  sighting.is_leaving = true;
  return sighting;
}

const ObjectName kOne{"team", "one"};
const ObjectName kTwo{"team", "two"};
const ObjectName kThree{"other", "three"};

TEST_CASE("claims: what changes is told, what does not is not", "[registry]") {
  Diary diary;
  Claims claims(diary);
  claims.see(0, kOne, with("a", "r1"));
  claims.see(0, kOne, with("a", "r1"));
  CHECK(diary.take() == Lines{"publish a r1"});
  claims.see(0, kOne, with("a", "r2"));
  CHECK(diary.take() == Lines{"publish a r2"});
  claims.see(0, kOne, with("a", ""));
  CHECK(diary.take() == Lines{"withdraw a"});
  claims.lose(kOne);
  claims.lose(kOne);
  CHECK(diary.take().empty());
}

TEST_CASE("claims: an object that takes another id leaves its old one", "[registry]") {
  Diary diary;
  Claims claims(diary);
  claims.see(0, kOne, with("a", "r1"));
  claims.see(0, kOne, with("b", "r1"));
  CHECK(diary.take() == Lines{"publish a r1", "withdraw a", "publish b r1"});
  CHECK(claims.record("a") == nullptr);
  CHECK(*claims.record("b") == "r1");
}

TEST_CASE("claims: of two with one id neither is routed until one is left", "[registry]") {
  Diary diary;
  Claims claims(diary);
  claims.see(0, kOne, with("a", "r1"));
  claims.see(1, kThree, with("a", "r3"));
  CHECK(diary.take() == Lines{"publish a r1", "refuse a"});
  CHECK(diary.said.find("other/three") != std::string::npos);
  // Said once, however many there are and whatever else changes.
  claims.see(0, kTwo, with("a", "r2"));
  claims.see(0, kOne, with("a", "r9"));
  CHECK(diary.take().empty());
  CHECK(claims.record("a") == nullptr);
  claims.lose(kTwo);
  CHECK(diary.take().empty());
  claims.lose(kThree);
  CHECK(diary.take() == Lines{"publish a r9"});
}

TEST_CASE("claims: one that waits for its address has its id already", "[registry]") {
  Diary diary;
  Claims claims(diary);
  claims.see(0, kOne, with("a", ""));
  claims.see(0, kTwo, with("a", "r2"));
  CHECK(diary.take() == Lines{"refuse a"});
}

TEST_CASE("claims: one that is being deleted gives way to its replacement", "[registry]") {
  Diary diary;
  Claims claims(diary);
  claims.see(0, kOne, with("a", "r1"));
  claims.see(0, kOne, leaving("a", "r1-paused"));
  claims.see(0, kTwo, with("a", "r2"));
  CHECK(diary.take() == Lines{"publish a r1", "publish a r1-paused", "publish a r2"});
  claims.lose(kOne);
  CHECK(diary.take().empty());
  claims.see(0, kTwo, leaving("a", "r2"));
  claims.see(0, kOne, leaving("a", "r1"));
  CHECK(diary.take() == Lines{"refuse a"});
}

TEST_CASE("claims: an object without an id is rejected until it is mended or gone", "[registry]") {
  Diary diary;
  Claims claims(diary);
  Sighting bad;
  bad.is_sandbox = true;
  bad.problem = routing::RecordError{"sandgate.dev/id", "is none"};
  claims.see(0, kOne, bad);
  claims.see(0, kOne, bad);
  CHECK(diary.take() == Lines{"reject team/one"});
  claims.see(0, kOne, with("a", "r1"));
  CHECK(diary.take() == Lines{"forget team/one", "publish a r1"});
  claims.see(0, kOne, bad);
  CHECK(diary.take() == Lines{"withdraw a", "reject team/one"});
  claims.lose(kOne);
  CHECK(diary.take() == Lines{"forget team/one"});
}

TEST_CASE("claims: a problem refuses the id, and is said once", "[registry]") {
  Diary diary;
  Claims claims(diary);
  Sighting bad = with("a", "");
  bad.problem = routing::RecordError{"x", "is wrong"};
  claims.see(0, kOne, bad);
  claims.see(0, kOne, bad);
  CHECK(diary.take() == Lines{"refuse a"});
  CHECK(diary.said == "is wrong (team/one)");
  claims.see(0, kOne, with("a", "r1"));
  CHECK(diary.take() == Lines{"publish a r1"});
}

TEST_CASE("claims: a new list removes what it did not see, in its scope alone", "[registry]") {
  Diary diary;
  Claims claims(diary);
  claims.begin_round(0);
  claims.begin_round(1);
  claims.see(0, kOne, with("a", "r1"));
  claims.see(0, kTwo, with("b", "r2"));
  claims.see(1, kThree, with("c", "r3"));
  claims.end_round(0);
  diary.take();
  claims.begin_round(0);
  claims.see(0, kTwo, with("b", "r2"));
  CHECK(diary.take().empty());
  claims.end_round(0);
  CHECK(diary.take() == Lines{"withdraw a"});
  CHECK(claims.objects() == 2);
}

TEST_CASE("claims: nothing is told before every part was listed, and then what all of them say", "[registry]") {
  Diary diary;
  Claims claims(diary, 2);
  claims.begin_round(0);
  claims.see(0, kOne, with("a", "r1"));
  claims.see(0, kTwo, with("b", "r2"));
  claims.end_round(0);
  claims.see(0, kTwo, with("b", "r3"));  // A watch is told of it while the other part is still being listed.
  claims.begin_round(1);
  claims.see(1, kThree, with("a", "r4"));
  CHECK(diary.take().empty());
  CHECK(claims.records("", 9).empty());
  claims.end_round(1);
  CHECK(diary.take() == Lines{"refuse a", "publish b r3"});
}

TEST_CASE("claims: what comes and goes before every part was listed leaves nothing behind", "[registry]") {
  Diary diary;
  Claims claims(diary, 2);
  claims.begin_round(0);
  claims.see(0, kTwo, with("kept", "r2"));
  claims.end_round(0);
  claims.see(0, kOne, with("a", "r1"));
  claims.see(0, kOne, with("b", "r1"));
  claims.see(1, kThree, with("b", "r3"));
  claims.lose(kOne);
  CHECK(claims.ids() == 2);
  claims.lose(kThree);
  CHECK(claims.ids() == 1);
  claims.begin_round(1);
  claims.end_round(1);
  CHECK(diary.take() == Lines{"publish kept r2"});
  claims.begin_round(0);
  claims.lose(kTwo);
  CHECK(claims.ids() == 1);  // Its end is told with the list's.
  claims.end_round(0);
  CHECK(diary.take() == Lines{"withdraw kept"});
  CHECK(claims.ids() == 0);
}

TEST_CASE("claims: while a part is listed anew its table stays, and then only what differs is told", "[registry]") {
  Diary diary;
  Claims claims(diary);
  claims.see(0, kOne, with("a", "r1"));
  claims.see(0, kTwo, with("b", "r2"));
  claims.see(1, kThree, with("c", "r3"));
  diary.take();
  claims.begin_round(0);
  claims.see(0, {"team", "new"}, with("a", "r4"));  // In the place of one that is gone, which only the end will tell.
  claims.see(0, kTwo, with("b", "r5"));
  CHECK(diary.take().empty());
  claims.see(1, kThree, with("c", "r6"));
  CHECK(diary.take() == Lines{"publish c r6"});
  claims.begin_round(0);  // The list was no good, and begins again.
  claims.see(0, {"team", "new"}, with("a", "r4"));
  claims.see(0, kTwo, with("b", "r2"));
  claims.end_round(0);
  CHECK(diary.take() == Lines{"publish a r4"});
  claims.see(0, kTwo, with("b", "r7"));
  CHECK(diary.take() == Lines{"publish b r7"});
}

TEST_CASE("claims: a token that is replaced is so at once, whatever is being listed", "[registry]") {
  Diary diary;
  Claims claims(diary, 1);
  Sighting secret = with("a", R"({"x":1})");
  secret.token = SecretRef{"team", "mine", "token"};
  claims.begin_round(0);
  claims.see(0, kOne, secret);
  claims.know_secret(*secret.token, "ab", "");
  CHECK(diary.take().empty());
  claims.end_round(0);
  CHECK(diary.take() == Lines{R"(publish a {"x":1,"traffic_access_token_sha256":"ab"})"});
  claims.begin_round(0);
  claims.know_secret(*secret.token, "cd", "");
  CHECK(diary.take() == Lines{R"(publish a {"x":1,"traffic_access_token_sha256":"cd"})"});
}

TEST_CASE("claims: a record waits for its token, and follows it", "[registry]") {
  Diary diary;
  Claims claims(diary);
  Sighting secret = with("a", R"({"x":1})");
  secret.token = SecretRef{"team", "mine", "token"};
  claims.see(0, kOne, secret);
  CHECK(diary.take() == Lines{"refuse a"});
  CHECK(claims.take_new_secrets() == std::vector{*secret.token});
  claims.know_secret(*secret.token, "ab", "");
  claims.know_secret(*secret.token, "ab", "");
  CHECK(diary.take() == Lines{R"(publish a {"x":1,"traffic_access_token_sha256":"ab"})"});
  claims.know_secret(*secret.token, "", "does not exist");
  CHECK(diary.take() == Lines{"refuse a"});
  CHECK(diary.said.find("Secret team/mine does not exist") != std::string::npos);
  claims.lose(kOne);
  CHECK(claims.secrets().empty());
  // Nobody's token any more: what comes late changes nothing.
  claims.know_secret(*secret.token, "ab", "");
  CHECK(diary.take() == Lines{"withdraw a"});
}

TEST_CASE("claims: a doubt takes no token away, and is the reason where there is none", "[registry]") {
  Diary diary;
  Claims claims(diary);
  Sighting secret = with("a", R"({"x":1})");
  secret.token = SecretRef{"team", "mine", "token"};
  claims.see(0, kOne, secret);
  diary.take();
  claims.doubt_secret(*secret.token, "may not be read");
  CHECK(diary.take() == Lines{"refuse a"});
  CHECK(diary.said.find("Secret team/mine may not be read") != std::string::npos);
  claims.know_secret(*secret.token, "ab", "");
  diary.take();
  claims.doubt_secret(*secret.token, "may not be read");
  CHECK(diary.take().empty());
}

TEST_CASE("claims: records are listed in the order of ids", "[registry]") {
  Diary diary;
  Claims claims(diary);
  claims.see(0, kOne, with("b", "r1"));
  claims.see(0, kTwo, with("a", "r2"));
  claims.see(0, kThree, with("c", ""));
  using Records = std::vector<std::pair<std::string, std::string>>;
  CHECK(claims.records("", 9) == Records{{"a", "r2"}, {"b", "r1"}});
  CHECK(claims.records("a", 9) == Records{{"b", "r1"}});
  CHECK(claims.records("", 1) == Records{{"a", "r2"}});
}

}  // namespace
}  // namespace sandgate::proxy::registry::kubernetes
