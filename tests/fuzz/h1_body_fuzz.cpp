// Chunked bodies: the decoder finishes exactly those a naive reader finds whole, with the same content, trailers and
// end; it does so however the bytes are cut; and what is written again decodes as the same. The first byte is how many
// bytes are handed over at a time.
#include <proxy/http/h1_body.hpp>
#include <proxy/http/h1_write.hpp>
#include <tests/fuzz/h1_oracle.hpp>

#include <cstddef>
#include <cstdint>

namespace sandgate::fuzz {
namespace {

using namespace proxy::http;

struct Outcome {
  Decoded::State state = Decoded::State::more;
  std::string content;
  std::size_t used = 0;
};

Outcome decode(BodyDecoder& decoder, std::string_view bytes, std::size_t step) {
  Outcome outcome;
  std::size_t given = 0;  // Bytes handed over so far; those not used are handed over again.
  while (outcome.state == Decoded::State::more) {
    const std::string_view input = bytes.substr(outcome.used, given - outcome.used);
    const Decoded decoded = decoder.decode(input);
    check(decoded.used <= input.size(), "no more is used than was given");
    outcome.used += decoded.used;
    outcome.content += decoded.content;
    outcome.state = decoded.state;
    if (decoded.used > 0 || !decoded.content.empty()) continue;
    if (given == bytes.size()) break;
    given = std::min(given + step, bytes.size());
  }
  return outcome;
}

/// What is left of `text` after a token or a quoted-string; nothing when neither is there.
std::optional<std::string> after_value(const std::string& text) {
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find_first_not_of(kTchars), text.size());
    if (end == 0) return std::nullopt;
    return text.substr(end);
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return text.substr(i + 1);
    if (text[i] == '\\') ++i;
  }
  return std::nullopt;
}

std::string without_space(const std::string& text) {
  return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

bool is_extension(std::string text) {
  if (has_control(text) || text.size() > BodyDecoder::kMaxExtensionPerLine) return false;
  while (!text.empty()) {
    text = without_space(text);
    if (!text.starts_with(';')) return false;
    text = without_space(text.substr(1));
    const std::size_t name_end = std::min(text.find_first_not_of(kTchars), text.size());
    if (name_end == 0) return false;
    text = text.substr(name_end);
    if (!without_space(text).starts_with('=')) continue;
    const auto rest = after_value(without_space(without_space(text).substr(1)));
    if (!rest) return false;
    text = *rest;
  }
  return true;
}

struct Expected {
  std::string content;
  OracleFields trailers;
  std::size_t size;
};

std::optional<Expected> read_trailers(std::string_view bytes, std::size_t at, Expected body) {
  const std::string_view section = bytes.substr(at);
  if (section.starts_with("\r\n")) {
    body.size = at + 2;
    return body;
  }
  const std::size_t blank = section.find("\r\n\r\n");
  if (blank == std::string_view::npos || blank + 4 > BodyDecoder::kMaxTrailerBytes) return std::nullopt;
  const auto fields = read_fields(split(section.substr(0, blank), "\r\n"));
  if (!fields || fields->count > BodyDecoder::kMaxTrailerFields) return std::nullopt;
  body.trailers = *fields;
  body.size = at + blank + 4;
  return body;
}

/// The whole chunked body at the beginning of `bytes`, or nothing.
std::optional<Expected> expected(std::string_view bytes) {
  Expected body{};
  std::size_t at = 0;
  std::size_t extensions = 0;
  while (true) {
    const std::size_t line_end = bytes.find("\r\n", at);
    if (line_end == std::string_view::npos) return std::nullopt;
    const std::string line(bytes.substr(at, line_end - at));
    const std::size_t digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
    const std::string extension = line.substr(digits);
    extensions += extension.size();
    if (digits == 0 || digits > 16 || !is_extension(extension)) return std::nullopt;
    if (extensions > BodyDecoder::kMaxExtensionPerBody) return std::nullopt;
    const std::uint64_t size = std::stoull(line.substr(0, digits), nullptr, 16);
    at = line_end + 2;
    if (size == 0) return read_trailers(bytes, at, std::move(body));
    if (size > bytes.size() - at || bytes.substr(at + size, 2) != "\r\n") return std::nullopt;
    body.content += bytes.substr(at, size);
    at += size + 2;
  }
}

void check_written_again(const Outcome& outcome, const Fields& trailers) {
  std::string written;
  for (std::size_t at = 0; at < outcome.content.size(); at += 7) {
    const std::string_view chunk = std::string_view(outcome.content).substr(at, 7);
    write_chunk_head(written, chunk.size());
    written.append(chunk).append("\r\n");
  }
  write_last_chunk(written, &trailers);
  BodyDecoder decoder({BodyLength::Kind::chunked});
  const Outcome again = decode(decoder, written, written.size());
  check(again.state == Decoded::State::finished && again.used == written.size(), "what is written is one body");
  check(again.content == outcome.content, "the content is the same");
  check(same_fields(decoder.trailers(), trailers), "the trailers are the same");
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  BodyDecoder whole_decoder({BodyLength::Kind::chunked});
  const Outcome whole = decode(whole_decoder, bytes, std::max<std::size_t>(bytes.size(), 1));
  BodyDecoder cut_decoder({BodyLength::Kind::chunked});
  const Outcome cut = decode(cut_decoder, bytes, std::max<std::size_t>(data[0], 1));
  const bool is_finished = whole.state == Decoded::State::finished;
  check(whole.state == cut.state && whole.content == cut.content, "the cut does not matter");

  const auto want = expected(bytes);
  check(is_finished == want.has_value(), "the decoder and the grammar agree on what is whole");
  check(whole_decoder.finish_at_end() == is_finished, "the end of the connection finishes nothing");
  if (!is_finished) return 0;
  check(whole.used == cut.used && whole.used == want->size, "the body ends at the same place");
  check(whole.content == want->content, "the content is the same");
  check(same_fields(whole_decoder.trailers(), cut_decoder.trailers()), "the cut does not matter to trailers");
  check(whole_decoder.trailers().size() == want->trailers.count, "the trailers are as many");
  for (const Field& field : whole_decoder.trailers()) {
    const auto& values = want->trailers.by_name.at(lower(field.name));
    check(std::find(values.begin(), values.end(), field.value) != values.end(), "the trailers are the same");
  }
  check_written_again(whole, whole_decoder.trailers());
  return 0;
}
