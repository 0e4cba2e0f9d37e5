import Foundation
import Testing

/// `corpus match` and the files around it.
@Suite(.serialized) struct MatchTests {
  private let scratch = Workspace.shared.scratch().path

  init() throws {
    try "fish\n".write(toFile: "\(scratch)/labels.txt", atomically: true, encoding: .utf8)
    let rows = (0..<20).map { number in
      number < 12
        ? "bad \(number)"
        : "{\"file\": \"/v/\(number % 6).mp4\", \"hashtags\": \"fish\"\(number == 12 ? ", \"duration\": 2" : "")}"
    }
    try rows.joined(separator: "\n").write(toFile: "\(scratch)/m.jsonl", atomically: true, encoding: .utf8)
  }

  private func match(_ options: [String], faults: String? = nil) throws -> Sluice.Output {
    try Sluice.run(
      ["corpus", "match", "\(scratch)/m.jsonl", "--labels", "\(scratch)/labels.txt"] + options, faults: faults)
  }

  @Test func filesThatAreReadAreNotWritten() throws {
    try FileManager.default.createDirectory(atPath: "\(scratch)/folder", withIntermediateDirectories: true)
    let (index, output) = (["--index", "\(scratch)/index"], ["--output", "\(scratch)/o.jsonl"])
    for (options, words) in [
      (output + ["--rejects", "\(scratch)/./o.jsonl"], "--output and --rejects are the same file"),
      (output + ["--rejects", "\(scratch)/labels.txt"], "is the same file as \(scratch)/labels.txt, which is read"),
      (["--output", "\(scratch)/labels.txt"], "is the same file as \(scratch)/labels.txt, which is read"),
      (index + ["--rejects", "\(scratch)/m.jsonl"], "is the same file as \(scratch)/m.jsonl, which is read"),
      (output + ["--rejects", "\(scratch)/folder"], "\(scratch)/folder: cannot create the file: Is a directory"),
      (index + ["--rejects", "\(scratch)/folder"], "\(scratch)/folder: cannot create the file: Is a directory"),
    ] {
      let refused = try match(options)
      #expect(refused.status > 0 && refused.stderr.contains(words), "\(options): \(refused.stderr)")
      // Before anything is read.
      #expect(!refused.stderr.contains("bad 0") && !refused.stderr.contains("m.jsonl:1"), "\(refused.stderr)")
    }
    #expect(try String(contentsOfFile: "\(scratch)/labels.txt", encoding: .utf8) == "fish\n")
  }

  @Test func noCommandWritesOverWhatItReads() throws {
    #expect(try match(["--index", "\(scratch)/index"]).status == 0)
    let (index, labels) = ("\(scratch)/index/corpus.sqlite", "\(scratch)/labels.txt")
    for (arguments, file) in [
      (["subset", "\(scratch)/index", "--videos", "2", "--output", index], index),
      (["subset", "\(scratch)/index", "--labels", labels, "--output", labels], labels),
      (["labels", "sample", labels, "--count", "1", "--output", labels], labels),
      (["labels", "union", labels, "--output", labels], labels),
      (["labels", "product", labels, labels, "--output", "\(scratch)/./labels.txt"], labels),
    ] {
      let refused = try Sluice.run(["corpus"] + arguments)
      #expect(refused.status > 0 && refused.stderr.contains("is the same file as \(file), which is read"), "\(refused)")
    }
    #expect(try Sluice.run(["corpus", "stats", "\(scratch)/index"]).status == 0)
    #expect(try String(contentsOfFile: labels, encoding: .utf8) == "fish\n")
    let absent = try Sluice.run(["corpus", "subset", "\(scratch)/index", "--labels", "/nonexistent", "--output", "s"])
    #expect(absent.stderr.contains("/nonexistent: cannot be read; is it there, and a file?"), "\(absent.stderr)")
  }

  /// As one that is killed there.
  @Test func aPassThatFailsAfterItsRejectsGoesOn() throws {
    let plain = try match(["--index", "\(scratch)/plain"])
    #expect(plain.status == 0 && plain.stderr.contains("warning: … and 4 more\n"), "\(plain.stderr)")
    let rejects = try String(contentsOfFile: "\(scratch)/plain/rejects.txt", encoding: .utf8)
    #expect(rejects.split(separator: "\n").count == 14)
    let marker = "\(scratch)/marker"
    try Data().write(to: URL(fileURLWithPath: marker))
    let failed = try match(["--index", "\(scratch)/index"], faults: "full=renamed@/rejects.txt@\(marker)")
    #expect(failed.status > 0 && failed.stderr.contains("index/rejects.txt: cannot write"), "\(failed.stderr)")
    try FileManager.default.removeItem(atPath: marker)
    #expect(try match(["--index", "\(scratch)/index"]).status == 0)
    #expect(try String(contentsOfFile: "\(scratch)/index/rejects.txt", encoding: .utf8) == rejects)
    #expect(!FileManager.default.fileExists(atPath: "\(scratch)/index/corpus.sqlite.matching"))
  }

  @Test func otherLabelsThanTheUnfinishedOnesSayWhatFinishes() throws {
    #expect(try match(["--index", "\(scratch)/index", "--minimum", "100"]).status > 0)
    try "fishing\n".write(toFile: "\(scratch)/labels.txt", atomically: true, encoding: .utf8)
    let other = try match(["--index", "\(scratch)/index"])
    #expect(other.status > 0 && other.stderr.contains("as --minimum, with a lower one), or remove"), "\(other.stderr)")
  }

  @Test func whereAVideoEndsIsLeftOutIfNobodyKnows() throws {
    #expect(try match(["--index", "\(scratch)/index"]).status == 0)
    let lines = try Sluice.run(["corpus", "list", "\(scratch)/index"]).stdout.split(separator: "\n")
    #expect(lines.count == 6)
    for line in lines {
      #expect(line.contains("\"end_frame\":") == line.contains("/0.mp4"), "\(line)")
    }
  }
}
