import Corpus
import Foundation
import Testing

@Suite struct MetadataTests {
  private let scratch: Collection
  private let labels = LabelList([
    Label("catching a fish"), Label("surfing"), Label("fish"), Label("café", phrases: ["café", "coffee house"]),
  ])

  init() throws { scratch = try Collection(manifest: []) }

  private struct Outcome {
    var rows: [MatchedRow] = []
    var rejected: [String] = []
    var report = MatchingReport()
  }

  private func read(_ text: String, _ name: String, names: MetadataNames = .init()) throws -> Outcome {
    try scratch.write(text, to: name)
    return try read(["\(scratch.directory)/\(name)"], names: names)
  }

  private func read(
    _ paths: [String], names: MetadataNames = .init(), workers: Int = 2
  ) throws -> Outcome {
    var outcome = Outcome()
    try MatchingPass(labels, names: names, paths: paths).run(workers: workers, empty: [MatchedRow]()) {
      row, _, _, rows in
      rows.append(row)
    } consume: { part in
      outcome.rows += part.output
      outcome.rejected += part.rejects.map { "\($0.line): \($0.reason)" }
      outcome.report += part.report
    }
    return outcome
  }

  private func shell(_ command: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "cd '\(scratch.directory)' && \(command)"]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(command)")
  }

  @Test func jsonLinesAreMatched() throws {
    let outcome = try read(
      #"""
      {"file": "a.mp4", "hashtags": ["#CatchingAFish", "love"]}
      {"x": {"file": [1, "]"]}, "hashtags": "#surf,#fish love", "file": "b \"c\".mp4", "start": 1.5, "end": 3, "y": null}

      {"hashtags":["CAF\u00c9"],"file":"d.mp4","start":null}
      {"file": "e.mp4", "hashtags": []}
      {"file": "f.mp4"}
      {"file": "ü.mp4", "hashtags": ["HouseCoffee", "kein", "Surfing"]}
      """#, "a.jsonl")
    #expect(outcome.rows.map(\.file) == ["a.mp4", "b \"c\".mp4", "d.mp4", "ü.mp4"])
    #expect(outcome.rows.map(\.labels) == [[0], [1, 2], [3], [1, 3]])
    #expect(
      outcome.rows.map(\.hashtags) == [["catchingafish"], ["surf", "fish"], ["cafe"], ["housecoffee", "surfing"]])
    #expect(
      outcome.rows[1].startSeconds == 1.5 && outcome.rows[1].endSeconds == 3 && outcome.rows[2].startSeconds == nil)
    #expect(outcome.report.rows == 6 && outcome.report.matched == 4 && outcome.rejected.isEmpty)
  }

  @Test(arguments: [
    #"{"file": "a.mp4", "hashtags": ["fish"]"#, #"{"file": "a.mp4", "hashtags": ["fish"}"#, #"{"file": "a.mp4""#,
    #"["a.mp4"]"#, "nonsense", #"{"file": ["a.mp4"], "hashtags": ["fish"]}"#, #"{"file": "a.mp4", "hashtags": [1]}"#,
    #"{"hashtags": ["fish"]}"#, #"{"file": "", "hashtags": ["fish"]}"#, #"{"file": "a", "hashtags": "fish"} x"#, "{",
    #"{"file": "a", "hashtags": "fish", "start": "soon"}"#, #"{"file": "a", "hashtags": "fish", "end": -1}"#,
    #"{"file": "a", "hashtags": {"fish": 1}}"#, #"{"x": ], "file": "a"}"#, #"{"file": "a\"#, #"{"x": , "file": "a"}"#,
    #"{"file": "a", "hashtags": "fish", "split": "val"}"#, #"{"file": "a", "hashtags": ["fish", {}]}"#,
    #"{"file": "a", "hashtags": ["fish", ]}"#, #"{"file": "a", "hashtags": ["fish", nul"#,
    #"{"file": "a", "hashtags": "fish", "start": 3, "duration": 2}"#,
    #"{"file": "a", "hashtags": "fish", "end": nan}"#, #"{"file": nonsense, "hashtags": "fish"}"#,
  ])
  func badRowsAreRejected(row: String) throws {
    let good = #"{"file": "good.mp4", "hashtags": ["fish"]}"#
    let outcome = try read("\(good)\n\(row)\n\(good)\n", "b.jsonl")
    #expect(outcome.rows.map(\.file) == ["good.mp4", "good.mp4"])
    #expect(outcome.rejected.count == 1 && outcome.rejected[0].hasPrefix("2: "), "\(outcome.rejected)")
    #expect(outcome.report.rows == 3 && outcome.report.rejected == 1)
  }

  @Test func whatProgramsWriteForNothingIsPassedOver() throws {
    let outcome = try read(
      #"{"f\u0069le": "a.mp4", "hashtags": [null, "fish", null], "duration": 0, "split": ""}"# + "\n"
        + #"{"file": "b.mp4", "hashtags": "fish", "duration": 2, "split": "test", "end": null}"#, "n.jsonl")
    #expect(outcome.rejected.isEmpty && outcome.rows.map(\.file) == ["a.mp4", "b.mp4"])
    #expect(outcome.rows.map(\.durationSeconds) == [nil, 2] && outcome.rows.map(\.split) == [nil, .test])
    let reasons = try read(
      #"{"file": "a", "hashtags": ["fish", 7]}"# + "\n"
        + #"{"file": "a", "hashtags": "fish", "start": 2, "duration": 2}"#
        + "\n" + #"{"file": "a", "hashtags": "fish", "split": "val"}"#, "r.jsonl"
    ).rejected
    #expect(
      reasons == [
        "1: `hashtags` has an element that is not a text",
        "2: its segment starts where the file has ended, by `duration`",
        "3: `split` is \"val\"; expected train, validation or test, or name another field",
      ])
  }

  @Test func tablesAreMatchedByTheirColumns() throws {
    var names = MetadataNames()
    (names.file, names.hashtags) = ("url", "tags")
    let csv = """
      id,tags,url,title\r
      1,"fish,surf",a.mp4,plain\r
      2,fish,"b ""x"".mp4","a title,
      of two lines"
      3,fish,c.mp4
      4,"fish"x,d.mp4,t
      5,love,e.mp4,t
      6,surfing,f.mp4,t
      """
    let outcome = try read(csv, "a.csv", names: names)
    #expect(outcome.rows.map(\.file) == ["a.mp4", "b \"x\".mp4", "f.mp4"])
    #expect(outcome.rows.map(\.labels) == [[1, 2], [2], [1]])
    #expect(outcome.rejected.map { $0.prefix(2) } == ["5:", "6:"])
    let tsv = try read("url\ttags\na\t#fish #surf\n\"b\"\tfish\nc\n", "a.tsv", names: names)
    #expect(tsv.rows.map(\.file) == ["a", "\"b\""] && tsv.rows[0].labels == [1, 2])
    #expect(tsv.report.rejected == 1)
    let quoted = try read("\"id, of whom\",\"tags\",\"url\"\n1,fish,a.mp4\n", "c.csv", names: names)
    #expect(quoted.rows.map(\.file) == ["a.mp4"] && quoted.rejected.isEmpty)
    let error = corpusError { _ = try read("url\tother\n", "b.tsv", names: names) }
    #expect(error?.message.contains("no column \"tags\"") == true)
    let open = corpusError { _ = try read("\"url,tags\n", "b.csv", names: names) }
    #expect(open?.message.hasSuffix("b.csv:1: a quote without its end") == true, "\(String(describing: open))")
    let list = try read(#"{"url": ["a.mp4"], "tags": ["fish"]}"#, "a.jsonl", names: names)
    #expect(list.rejected == ["1: `url` is a list"])
  }

  @Test(arguments: [("gz", "gzip -k"), ("zst", "zstd -qk"), ("lz4", "lz4 -qk")])
  func compressedFilesAreTheSame(suffix: String, program: String) throws {
    let rows = (0..<200_000).map { #"{"file": "v/\#($0).mp4", "hashtags": ["\#($0 % 3 == 0 ? "fish" : "love")"]}"# }
    try scratch.write(rows.joined(separator: "\n"), to: "c.jsonl")
    try shell("\(program) c.jsonl \(suffix == "lz4" ? "c.jsonl.lz4" : "")")
    let plain = try read(["\(scratch.directory)/c.jsonl"])
    let packed = try read(["\(scratch.directory)/c.jsonl.\(suffix)"])
    #expect(plain.report.rows == 200_000 && plain.report.matched == 66_667 && plain.report == packed.report)
    #expect(plain.rows.map(\.file) == packed.rows.map(\.file))
    try shell("head -c 100000 c.jsonl.\(suffix) > cut.jsonl.\(suffix)")
    let error = corpusError { _ = try read(["\(scratch.directory)/cut.jsonl.\(suffix)"]) }
    #expect(error?.message.contains("damaged or cut") == true)
  }

  @Test func whatIsKeptIsAManifest() throws {
    try scratch.write(
      #"""
      {"file": "a \"b\".mp4", "hashtags": ["Fish", "love"], "start": 0.5, "split": "test"}
      {"file": "c.mp4", "hashtags": ["love"]}
      broken
      """# + "\n", to: "m.jsonl")
    let directory = scratch.directory
    let pass = try MatchingPass(labels, paths: ["\(directory)/m.jsonl"])
    let report = try MatchedManifest.write(
      pass, to: "\(directory)/manifest.jsonl", rejects: "\(directory)/rejects.txt"
    ) { _, _ in }
    #expect(report.rows == 3 && report.matched == 1 && report.rejected == 1)
    let manifest = try String(contentsOfFile: "\(directory)/manifest.jsonl", encoding: .utf8)
    #expect(manifest == #"{"file":"a \"b\".mp4","hashtags":["fish"],"start":0.5,"split":"test"}"# + "\n")
    let rejects = try String(contentsOfFile: "\(directory)/rejects.txt", encoding: .utf8)
    #expect(rejects.hasPrefix("\(directory)/m.jsonl:3: not a JSON object") && rejects.hasSuffix("\tbroken\n"))
  }

  /// Rows far longer than a block, and quotes over line breaks that lie where blocks end.
  @Test(arguments: [1, 3]) func blocksEndWithWholeRecords(workers: Int) throws {
    let long = String(repeating: "x", count: 5 << 20)
    var rows: [String] = []
    for number in 0..<60_000 {
      rows.append("\(number).mp4,\(number % 2 == 0 ? "fish" : "love"),\"a \"\"title\"\",\nof two lines, \(number)\"")
    }
    rows.append("long.mp4,surfing,\(long)")
    rows.append("last.mp4,fish,t")
    try scratch.write("file,hashtags,title\n" + rows.joined(separator: "\n"), to: "blocks.csv")
    let outcome = try read(["\(scratch.directory)/blocks.csv"], workers: workers)
    #expect(outcome.report.rows == 60_002 && outcome.report.matched == 30_002 && outcome.rejected.isEmpty)
    #expect(outcome.rows.prefix(30_000).map(\.file) == (0..<30_000).map { "\($0 * 2).mp4" })
    #expect(outcome.rows.suffix(2).map(\.file) == ["long.mp4", "last.mp4"])
  }

  /// The pass goes on behind it, also where it is taken up again.
  @Test func linesThatAreTooLongAreRejected() throws {
    let good = #"{"file": "a.mp4", "hashtags": ["fish"]}"#
    let long = String(repeating: "x", count: 19 << 20)
    let outcome = try read([good, long, good, long].joined(separator: "\n"), "long.jsonl")
    #expect(outcome.rejected == ["2: a line of more than 16 MiB", "4: a line of more than 16 MiB"])
    #expect(outcome.report.rows == 4 && outcome.rows.count == 2)
  }

  /// A quote within a field is a letter as any, and one that has no end takes no other rows with it.
  @Test func strayQuotesTakeNoOtherRows() throws {
    let rest = (1..<1000).map { "/v/\($0).mp4,surf,title" }
    let inside = try read(
      (["file,hashtags,title", "/v/0.mp4,surf,a 6\" pipe"] + rest).joined(separator: "\n"), "inside.csv")
    #expect(inside.report.matched == 1000 && inside.rejected.isEmpty)
    let open = try read(
      (["file,hashtags,title", "/v/0.mp4,surf,\"6 inch"] + rest).joined(separator: "\n"), "open.csv")
    #expect(open.report.rows == 1000 && open.report.matched == 999 && open.rejected == ["2: a quote without its end"])
    // The same far from the end of the file, and a quoted line break behind it.
    let many = (1..<1_000_000).map { "/v/\($0).mp4,surf,title" }
    let far = try read(
      (["file,hashtags,title", "/v/0.mp4,surf,\"6 inch"] + many + ["/v/a.mp4,fish,\"of\n two\""]).joined(
        separator: "\n"),
      "far.csv")
    #expect(far.report.rows == 1_000_001 && far.report.matched == 1_000_000)
    #expect(far.rejected == ["2: a quote without its end"] && far.rows.last?.file == "/v/a.mp4")
  }

  /// Two of them do not take what is between them, nor does one take the record in quotes behind it.
  @Test func twoStrayQuotesTakeNoOtherRows() throws {
    var rows = (0..<2000).map { "/v/\($0).mp4,surf,title" }
    (rows[10], rows[1500]) = ("/v/10.mp4,surf,\"6 inch", "/v/1500.mp4,surf,\"6 inch")
    rows[1700] = "/v/1700.mp4,surf,\"of two lines,\none a \"\"title\"\"\""
    // The quotes around it are right, the columns are not.
    (rows[1800], rows[1810]) = ("/v/1800.mp4,surf,\"6 inch", "\",fish,\"")
    let outcome = try read((["file,hashtags,title"] + rows).joined(separator: "\n"), "two.csv")
    #expect(outcome.report.rows == 2000 && outcome.report.matched == 1996)
    #expect(outcome.rejected.map { $0.prefix { $0 != ":" } } == ["12", "1502", "1803", "1813"], "\(outcome.rejected)")
    let others = (0..<2000).filter { ![10, 1500, 1800, 1810].contains($0) }
    #expect(outcome.rows.map(\.file) == others.map { "/v/\($0).mp4" })
  }

  /// Wherever blocks end, and wherever a pass goes on.
  @Test(arguments: [0, 1, 40_000]) func strayQuotesCostTheSameInAnyBlocks(padding: Int) throws {
    var random = CounterRandom(seed: 8)
    var (rows, wanted, rejected) = ([String](), [String](), [Int]())
    var line = 2
    for number in 0..<160_000 {
      let file = "\(number).mp4"
      switch random.integer(below: 1000) {
      case 0:
        rows.append("\(file),fish,\"6 inch")
        rejected.append(line)
      case 1..<20:
        rows.append("\(file),fish,\"a \"\"title\"\",\r\nof two lines\"")
        line += 1
        wanted.append(file)
      case 20..<100:
        rows.append("\(file),fish,\"\"")
        wanted.append(file)
      default:
        rows.append("\(file),fish,\(String(repeating: "x", count: random.integer(below: 60)))")
        wanted.append(file)
      }
      line += 1
    }
    let header = "file,hashtags,title\(String(repeating: " ", count: padding))"
    try scratch.write(([header] + rows).joined(separator: "\n"), to: "strays.csv")
    let pass = try MatchingPass(labels, paths: ["\(scratch.directory)/strays.csv"])
    func parts(from place: MatchingPass.Place, workers: Int) throws -> [MatchingPass.Part<[String]>] {
      var parts: [MatchingPass.Part<[String]>] = []
      try pass.run(from: place, workers: workers, empty: [String]()) { row, _, _, files in
        files.append(row.file)
      } consume: {
        parts.append($0)
      }
      return parts
    }
    let one = try parts(from: .init(), workers: 1)
    #expect(one.count > 2 && one.flatMap(\.output) == wanted)
    #expect(one.flatMap(\.rejects).map(\.line) == rejected && rejected.count > 100)
    #expect(one.reduce(0) { $0 + $1.report.rows } == rows.count)
    for (number, part) in one.enumerated() {
      let rest = try parts(from: part.end, workers: 3)
      #expect(rest.flatMap(\.output) == one[(number + 1)...].flatMap(\.output))
      #expect(rest.flatMap(\.rejects).map(\.line) == one[(number + 1)...].flatMap(\.rejects).map(\.line))
    }
  }

  @Test func aByteOrderMarkIsNoPartOfTheFirstRow() throws {
    let row = #"{"file": "a.mp4", "hashtags": ["fish"]}"#
    #expect(try read("\u{FEFF}\(row)\n\(row)", "mark.jsonl").rows.count == 2)
    let table = try read("\u{FEFF}\"file\",hashtags\na.mp4,fish", "mark.csv")
    #expect(table.rows.map(\.file) == ["a.mp4"] && table.rejected.isEmpty)
  }

  /// Two names that are no UTF-8 are not made one; of a row's tags only those that are no text go.
  @Test func textThatIsNoneIsRejected() throws {
    func row(_ file: [UInt8], _ tags: [UInt8] = Array("\"fish\"".utf8)) -> [UInt8] {
      Array("{\"file\": \"".utf8) + file + Array("\", \"hashtags\": ".utf8) + tags + Array("}\n".utf8)
    }
    var bytes = row(Array("/v/caf".utf8) + [0xE9]) + row(Array("/v/caf".utf8) + [0xE8])
    bytes += row(Array(#"/v/\ud83d.mp4"#.utf8)) + row(Array(#"/v/\q.mp4"#.utf8)) + row(Array(#"/v/\u0000.mp4"#.utf8))
    bytes += row(Array("a".utf8), Array(#"["surf\ud83d", "\ud83d\ude00fish", "x\u12"]"#.utf8))
    bytes += row(Array("b".utf8), Array(##""#surf #caf\ud83d #\u0066ish so cool \ud83d""##.utf8))
    bytes += row(Array("c".utf8), Array("[\"surf".utf8) + [0xE9] + Array("\", \"fish\"]".utf8))
    bytes += row(Array("d".utf8), Array("\"＃surf＃café\u{A0}kein\u{3000}fish\"".utf8))
    let path = "\(scratch.directory)/bytes.jsonl"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let outcome = try read([path])
    #expect(
      outcome.rejected == [
        "1: `file` is not UTF-8", "2: `file` is not UTF-8", "3: `file` has a bad escape", "4: `file` has a bad escape",
        "5: `file` has a NUL in it",
      ])
    #expect(outcome.rows.map(\.hashtags) == [["fish"], ["surf", "fish"], ["fish"], ["surf", "cafe", "fish"]])
  }

  /// As the library decodes them.
  @Test func escapesAreThoseOfJSON() throws {
    var random = CounterRandom(seed: 4)
    let pieces = [
      #"\n"#, #"\t"#, #"\r"#, #"\b"#, #"\f"#, #"\/"#, #"\\"#, #"\""#, #"\u00e9"#, #"\uD83C\uDF0A"#, #"\u4E2d"#, "ü",
      "a", "🌊",
    ]
    let texts = (0..<200).map { number in
      "\(number)" + (0..<1 + random.integer(below: 8)).map { _ in pieces[random.integer(below: pieces.count)] }.joined()
    }
    let outcome = try read(
      texts.map { "{\"file\": \"\($0)\", \"hashtags\": \"fish\"}" }.joined(separator: "\n"), "escapes.jsonl")
    #expect(
      try outcome.rows.map(\.file) == texts.map { try JSONDecoder().decode(String.self, from: Data("\"\($0)\"".utf8)) })
  }

  /// What is kept of tags looked up before changes nothing, whatever their number and length.
  @Test func tagsOfOtherScriptsAreFoundAgain() throws {
    let words = ["café", "サーフィン", "Straße", "Ψάρεμα", "рыбалка", String(repeating: "长", count: 30)]
    let list = LabelList(words.map { Label($0) })
    var random = CounterRandom(seed: 6)
    let rows = (0..<200_000).map { number -> (String, Int?) in
      let label = random.integer(below: words.count)
      guard random.integer(below: 2) == 0 else { return ("ü\(random.integer(below: 150_000))", nil) }
      return (random.integer(below: 2) == 0 ? words[label].uppercased() : words[label] + "❤️", label)
    }
    try scratch.write(
      rows.map { "{\"file\": \"a\", \"hashtags\": [\"\($0.0)\"]}" }.joined(separator: "\n"), to: "scripts.jsonl")
    var found: [[Int]] = []
    try MatchingPass(list, paths: ["\(scratch.directory)/scripts.jsonl"]).run(workers: 2, empty: [[Int]]()) {
      row, _, _, output in
      output.append(row.labels)
    } consume: {
      found += $0.output
    }
    #expect(found == rows.compactMap { $0.1.map { [$0] } })
  }

  @Test func byteRangesAndDurationsAreTaken() throws {
    let outcome = try read(
      #"""
      {"file": "s.tar", "member": "a.mp4", "offset": 512, "bytes": 1000, "hashtags": ["fish"], "duration": 12.5}
      {"file": "s.tar", "offset": 512, "bytes": 1000, "hashtags": ["fish"]}
      {"file": "b.mp4", "bytes": 77, "hashtags": ["fish"], "start": 2, "end": 9, "duration": "5"}
      {"file": "c.mp4", "offset": 5, "bytes": 77, "hashtags": ["fish"]}
      {"file": "s.tar", "offset": 5, "hashtags": ["fish"]}
      {"file": "d.mp4", "hashtags": ["fish"], "start": 6, "duration": 5}
      {"file": "e.mp4", "hashtags": ["fish"], "start": 100000000}
      {"file": "f.mp4", "hashtags": ["fish"], "start": 99999999.9999}
      """#, "ranges.jsonl")
    #expect(outcome.rows.map(\.file) == ["s.tar#a.mp4@512+1000", "s.tar#512@512+1000", "b.mp4"])
    #expect(outcome.rows.map(\.durationSeconds) == [12.5, nil, 5] && outcome.rows[2].byteCount == 77)
    #expect(outcome.rejected.map { $0.prefix(2) } == ["4:", "5:", "6:", "7:", "8:"])
    #expect(outcome.rejected.suffix(2).allSatisfy { $0.contains("`start` must be below 100000000") })
  }
}
