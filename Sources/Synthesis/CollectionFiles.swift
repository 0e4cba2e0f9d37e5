import Files
import Foundation

/// The text files of a collection and its directory.
enum CollectionFiles {
  /// One line of `manifest.jsonl`, as `sluice corpus build` reads it.
  private struct ManifestLine: Encodable {
    let file: String
    let hashtags: [String]
    /// The true label; absent in training, where only hashtags are known.
    let labels: [String]?
    let split: CollectionPlan.Split
  }

  /// One line of `truth.jsonl`, which nothing reads.
  private struct TruthLine: Encodable {
    let file: String
    let label: String
    /// What the second half shows, if it is something else.
    let secondLabel: String?
    let verb: String
    let noun: String
    /// The verb that motion order alone tells from `verb`.
    let reverseVerb: String
    let split: CollectionPlan.Split
    let actionStart: Double
    let actionEnd: Double
    let seconds: Double
    let frames: Int
    let tagNoise: CollectionPlan.TagNoise
    /// The label that a wrong or extra hashtag names.
    let taggedLabel: String?
  }

  /// One line of `truth.jsonl` on a copy.
  private struct CopyLine: Encodable {
    let file: String
    let copyOf: String
    let copyKind: Reupload
  }

  /// Makes `directory` and the folder for the videos.
  static func prepare(_ directory: String) throws(SynthesisError) {
    let manager = FileManager.default
    var isDirectory: ObjCBool = false
    if manager.fileExists(atPath: directory, isDirectory: &isDirectory) {
      guard isDirectory.boolValue else {
        throw SynthesisError(.io, "\(directory) is a file: name a directory that is new or empty")
      }
      let names: [String]
      do { names = try manager.contentsOfDirectory(atPath: directory) } catch {
        throw SynthesisError(.io, "\(directory): cannot be read; name a directory that is new or empty")
      }
      guard names.isEmpty else {
        throw SynthesisError(.directoryNotEmpty, "\(directory) is not empty: name another directory or remove this one")
      }
    }
    do throws(FileError) {
      try Directory.make(directory)
      try Directory.make(directory + "/videos")
    } catch {
      throw SynthesisError(.io, error.description)
    }
  }

  /// Undoes an unfinished collection; a directory that `existed` (empty) stays.
  static func remove(_ directory: String, existed: Bool) {
    // Best effort: the error that led here is the one to report.
    let names = ["videos", "labels.txt", "pairs.txt", "truth.jsonl", "manifest.jsonl"]
    for path in existed ? names.map({ "\(directory)/\($0)" }) : [directory] {
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  /// Writes the text files, the manifest last: a collection without one is incomplete.
  static func write(
    _ plan: CollectionPlan, _ copied: CopiedVideos, to directory: String
  ) throws(SynthesisError) {
    let labels = plan.labels.map { $0.phrase + "\n" }.joined()
    try write(labels, to: "\(directory)/labels.txt")
    try write(pairs(plan.labels), to: "\(directory)/pairs.txt")
    let copies = copied.copies.map { CopyLine(file: $0.file, copyOf: $0.sourceFile, copyKind: $0.kind) }
    try write(lines(plan.videos.map(truth)) + lines(copies), to: "\(directory)/truth.jsonl")
    let manifest = plan.videos.map { video in
      ManifestLine(
        file: video.file, hashtags: video.hashtags, labels: video.split == .train ? nil : video.shown.map(\.phrase),
        split: video.split)
    }
    let more = copied.copies.map { ManifestLine(file: $0.file, hashtags: $0.hashtags, labels: nil, split: .train) }
    try write(lines(manifest + more), to: "\(directory)/manifest.jsonl")
  }

  /// The pairs of labels that motion order alone tells apart, two phrases a line with a tab between them.
  private static func pairs(_ labels: [ActionLabel]) -> String {
    let phrases = labels.map(\.phrase)
    return labels.enumerated().compactMap { index, label in
      phrases[..<index].contains(label.partner.phrase) ? "\(label.partner.phrase)\t\(label.phrase)\n" : nil
    }.joined()
  }

  private static func truth(_ video: CollectionPlan.Video) -> TruthLine {
    let rate = video.scene.framesPerSecond.value
    func seconds(_ frames: Int) -> Double { (Double(frames) / rate * 1000).rounded() / 1000 }
    return TruthLine(
      file: video.file, label: video.label.phrase, secondLabel: video.second?.phrase, verb: video.label.verb.name,
      noun: video.label.noun.rawValue,
      reverseVerb: video.label.partner.verb.name, split: video.split,
      actionStart: seconds(video.scene.actionFrames.lowerBound),
      actionEnd: seconds(video.scene.actionFrames.upperBound), seconds: seconds(video.scene.frameCount),
      frames: video.scene.frameCount, tagNoise: video.noise, taggedLabel: video.noiseLabel?.phrase)
  }

  private static func lines(_ values: [some Encodable]) throws(SynthesisError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    var text = ""
    for value in values {
      do { text += String(decoding: try encoder.encode(value), as: UTF8.self) + "\n" } catch {
        throw SynthesisError(.io, "cannot encode a line of the collection", underlying: error)
      }
    }
    return text
  }

  private static func write(_ text: String, to path: String) throws(SynthesisError) {
    do throws(FileError) { try OutputFile.replace(path, with: text.utf8) } catch {
      throw SynthesisError(.io, error.description)
    }
  }
}
