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
  ])
  func badRowsAreRejected(row: String) throws {
    let good = #"{"file": "good.mp4", "hashtags": ["fish"]}"#
    let outcome = try read("\(good)\n\(row)\n\(good)\n", "b.jsonl")
    #expect(outcome.rows.map(\.file) == ["good.mp4", "good.mp4"])
    #expect(outcome.rejected.count == 1 && outcome.rejected[0].hasPrefix("2: "), "\(outcome.rejected)")
    #expect(outcome.report.rows == 3 && outcome.report.rejected == 1)
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
    let error = corpusError { _ = try read("url\tother\n", "b.tsv", names: names) }
    #expect(error?.message.contains("no column \"tags\"") == true)
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
      {"file": "a \"b\".mp4", "hashtags": ["Fish", "love"], "start": 0.5}
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
    #expect(manifest == #"{"file":"a \"b\".mp4","hashtags":["fish"],"start":0.5}"# + "\n")
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

  @Test func aRecordWithoutEndIsRefused() throws {
    let error = corpusError { _ = try read(String(repeating: "x", count: 20 << 20), "endless.jsonl") }
    #expect(error?.message.contains("endless.jsonl:1: a record of more than 16 MiB") == true)
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
      """#, "ranges.jsonl")
    #expect(outcome.rows.map(\.file) == ["s.tar#a.mp4@512+1000", "s.tar#512@512+1000", "b.mp4"])
    #expect(outcome.rows.map(\.durationSeconds) == [12.5, nil, 5] && outcome.rows[2].byteCount == 77)
    #expect(outcome.rejected.map { $0.prefix(2) } == ["4:", "5:", "6:"])
  }
}
