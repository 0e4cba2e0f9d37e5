internal import Foundation

/// Builds the index of a corpus directory: `manifest.jsonl` and `labels.txt` → `corpus.sqlite`.
package struct CorpusBuilder {
  /// A row of the manifest with its labels.
  private struct LabelledRow {
    let source: ManifestRow
    let split: Split
    var labels: [Int]
  }

  private let directory: String
  private let seed: UInt64
  private var report = CorpusBuildReport()

  /// Builds the index, probing every labelled video.
  ///
  /// The same files give the same fingerprint, whatever the number of workers, the order in which they finish, and interruptions:
  /// the same call goes on where an interrupted one committed last.
  ///
  /// - Parameters:
  ///   - labelsFile: one label phrase a line; nil for `labels.txt` of the directory or, without one, all the clean
  ///     labels of the manifest.
  ///   - seed: for the order of videos, the validation split and the choice among several labels.
  ///   - minimumVideos: labels with fewer videos to train on are dropped from the list; the paper's 50, or 0 to keep all.
  ///   - workers: probing threads; nil for one a core.
  ///   - prober: probes one file; called from several threads.
  ///   - interval: between commits.
  ///   - warn: gets the path of an unfinished index that is begun anew, and why.
  ///   - progress: rows with a label that are dealt with, and all of them; an error of it interrupts.
  /// - Throws: for what makes the whole corpus unusable; single videos are left out with a reason.
  package static func build(
    directory: String, labelsFile: String?, seed: UInt64 = 0, minimumVideos: Int = 0, workers: Int? = nil,
    prober: @escaping VideoProber, interval: Duration = .milliseconds(500),
    warn: @escaping (_ path: String, _ reason: String) -> Void = { _, _ in },
    progress: @escaping (Int, Int) throws -> Void = { _, _ in }
  ) throws(CorpusError) -> CorpusBuildReport {
    var builder = CorpusBuilder(directory: directory, seed: seed)
    let settings = OpeningPass.Settings(
      workers: workers, prober: prober, interval: interval, warn: warn, progress: progress)
    do {
      return try builder.build(labelsFile: labelsFile, minimumVideos: minimumVideos, settings)
    } catch {
      throw IndexWriter.error(error, path: directory + "/" + Corpus.fileName)
    }
  }

  private init(directory: String, seed: UInt64) {
    self.directory = directory
    self.seed = seed
  }

  private mutating func build(
    labelsFile: String?, minimumVideos: Int, _ settings: OpeningPass.Settings
  ) throws -> CorpusBuildReport {
    let manifestPath = directory + "/manifest.jsonl"
    let contents = try Manifest.read(directory: directory)
    let rows = contents.rows
    var (labels, labelsSource) = try labelList(labelsFile, rows: rows)
    report.rows = rows.count + contents.leftOut.count
    report.leftOut = contents.leftOut
    var labelled = match(rows, labels: labels)
    if minimumVideos > 0 {
      let count = labels.labels.count
      dropRare(&labels, below: minimumVideos, from: &labelled)
      guard !labels.labels.isEmpty else {
        throw CorpusError(
          .empty, "\(labelsSource): none of its \(count) labels has \(minimumVideos) videos to train on")
      }
    }
    report.labels = labels.names.count
    guard !labelled.isEmpty || !report.leftOut.isEmpty else {
      throw CorpusError(
        .empty, "\(labelsSource): no row of \(manifestPath) carries any of its \(labels.names.count) labels")
    }
    let content = OpeningPass.Content(seed: seed, labels: labels.labels, hashtags: hashtagCounts(labelled))
    var pass = try OpeningPass(in: directory)
    for (number, row) in labelled.enumerated() { try pass.add(candidate(row, number: number)) }
    try pass.run(content, settings, source: manifestPath, report: &report)
    return report
  }

  private func labelList(
    _ labelsFile: String?, rows: [ManifestRow]
  ) throws(CorpusError) -> (labels: LabelList, source: String) {
    let standard = directory + "/labels.txt"
    if let path = labelsFile ?? (FileManager.default.fileExists(atPath: standard) ? standard : nil) {
      return (try LabelList.read(path: path), path)
    }
    let labels = LabelList.collected(from: rows)
    guard !labels.names.isEmpty else {
      throw CorpusError(
        .manifest, "\(standard): missing, and no row has `labels`; write one label phrase a line, or give --labels FILE"
      )
    }
    return (labels, directory + "/manifest.jsonl")
  }

  // MARK: Labels and splits

  /// Finds each row's split and labels; rows without a label are counted, those with an unusable file are left out.
  private mutating func match(_ rows: [ManifestRow], labels: LabelList) -> [LabelledRow] {
    var labelled: [LabelledRow] = []
    var lineBySegment: [String: Int] = [:]
    let place = directory.hasPrefix("/") ? directory : FileManager.default.currentDirectoryPath + "/" + directory
    var evaluatedByHashtags = 0
    var unknownLabels: [String] = []
    for row in rows {
      let split = row.split ?? draws.split(name(row))
      let clean = labels.indices(labels: row.labels)
      unknownLabels += clean.unknown
      let usesHashtags = split == .train ? !row.hashtags.isEmpty : row.labels.isEmpty
      let indices = usesHashtags ? labels.indices(hashtags: row.hashtags) : clean.indices
      guard !indices.isEmpty else {
        report.unmatched += 1
        continue
      }
      if split != .train, usesHashtags { evaluatedByHashtags += 1 }
      let file = Corpus.lexicallyNormal(Corpus.resolve(row.file, directory: place))
      let segment = "\(row.startSeconds ?? 0) \(row.endSeconds ?? -1) \(file)"
      if let line = lineBySegment[segment] {
        leaveOut(row, "the same file and segment as line \(line)")
      } else {
        lineBySegment[segment] = row.line
        labelled.append(LabelledRow(source: row, split: split, labels: indices))
      }
    }
    if evaluatedByHashtags > 0 {
      report.warnings.append(
        "\(evaluatedByHashtags) videos for evaluation have no clean labels: their hashtags are taken as the truth")
    }
    if let first = unknownLabels.first {
      report.warnings.append(
        "\(unknownLabels.count) clean labels are not in the label list and are passed over, the first: \"\(first)\"")
    }
    report.warnings += labels.warnings
    return labelled
  }

  /// Drops labels that fewer than `minimum` videos to train on carry; a video counts for each of its labels.
  private mutating func dropRare(_ labels: inout LabelList, below minimum: Int, from labelled: inout [LabelledRow]) {
    var counts = Array(repeating: 0, count: labels.labels.count)
    for row in labelled where row.split == .train { for label in row.labels { counts[label] += 1 } }
    let kept = counts.indices.filter { counts[$0] >= minimum }
    report.labelsDropped = counts.count - kept.count
    let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    labels = LabelList(kept.map { labels.labels[$0] })
    let before = labelled.count
    labelled = labelled.compactMap { row in
      var row = row
      row.labels = row.labels.compactMap { places[$0] }
      return row.labels.isEmpty ? nil : row
    }
    report.unmatched += before - labelled.count
  }

  private mutating func leaveOut(_ row: ManifestRow, _ reason: String) {
    report.leftOut.append(.init(line: row.line, file: row.file, reason: reason))
  }

  private var draws: NameDraws { NameDraws(seed: seed) }

  private func name(_ row: ManifestRow) -> CounterRandom.Name { CounterRandom.Name(row.file.utf8) }

  // MARK: What is opened

  private func candidate(_ row: LabelledRow, number: Int) -> Candidate {
    let (source, labels, name) = (row.source, row.labels, name(row.source))
    return Candidate(
      order: IndexOrder(
        split: row.split, label: labels[draws.choice(name, among: labels.count)], hash: draws.order(name)),
      labels: labels, file: source.file, line: source.line, number: number, startSeconds: source.startSeconds,
      endSeconds: source.endSeconds)
  }

  private func hashtagCounts(_ labelled: [LabelledRow]) -> [(tag: String, videos: Int)] {
    var counts: [String: Int] = [:]
    for row in labelled {
      for tag in Set(row.source.hashtags.map(Hashtag.normalized)) where !tag.isEmpty {
        counts[tag, default: 0] += 1
      }
    }
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
  }
}
