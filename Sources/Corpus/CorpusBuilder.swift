internal import Files
internal import Foundation
internal import Video

/// Builds the index of a corpus directory: `manifest.jsonl` and `labels.txt` → `corpus.sqlite`.
package struct CorpusBuilder {
  /// A row of the manifest with its labels.
  private struct Candidate {
    let row: ManifestRow
    let split: Split
    var labels: [Int]
    let path: String
    /// The label to train on, where it was drawn before.
    var label: Int?
  }

  private let directory: String
  private let seed: UInt64
  private var report = CorpusBuildReport()

  /// Builds the index, probing every labelled video.
  ///
  /// The same files give the same fingerprint, whatever the number of workers and the order in which they finish.
  ///
  /// - Parameters:
  ///   - labelsFile: one label phrase a line; nil for `labels.txt` of the directory or, without one, all the clean
  ///     labels of the manifest.
  ///   - seed: for the order of videos, the validation split and the choice among several labels.
  ///   - minimumVideos: labels with fewer videos to train on are dropped from the list; the paper's 50, or 0 to keep all.
  ///   - workers: probing threads; nil for one a core.
  ///   - prober: probes one file; called from several threads.
  ///   - progress: files probed and files in all.
  /// - Throws: for what makes the whole corpus unusable; single videos are left out with a reason.
  package static func build(
    directory: String, labelsFile: String?, seed: UInt64 = 0, minimumVideos: Int = 0, workers: Int? = nil,
    prober: @escaping VideoProber,
    progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
  ) throws(CorpusError) -> CorpusBuildReport {
    var builder = CorpusBuilder(directory: directory, seed: seed)
    return try builder.build(
      labelsFile: labelsFile, minimumVideos: minimumVideos,
      workers: workers ?? ProcessInfo.processInfo.activeProcessorCount, prober: prober,
      progress: progress)
  }

  private init(directory: String, seed: UInt64) {
    self.directory = directory
    self.seed = seed
  }

  private mutating func build(
    labelsFile: String?, minimumVideos: Int, workers: Int, prober: @escaping VideoProber,
    progress: @escaping @Sendable (Int, Int) -> Void
  ) throws(CorpusError) -> CorpusBuildReport {
    let manifestPath = directory + "/manifest.jsonl"
    let contents = try Manifest.read(directory: directory)
    let rows = contents.rows
    var (labels, labelsSource) = try labelList(labelsFile, rows: rows)
    report.rows = rows.count + contents.leftOut.count
    report.leftOut = contents.leftOut
    var candidates = match(rows, labels: labels)
    if minimumVideos > 0 {
      let count = labels.labels.count
      dropRare(&labels, below: minimumVideos, from: &candidates)
      guard !labels.labels.isEmpty else {
        throw CorpusError(
          .empty, "\(labelsSource): none of its \(count) labels has \(minimumVideos) videos to train on")
      }
    }
    report.labels = labels.names.count
    guard !candidates.isEmpty || !report.leftOut.isEmpty else {
      throw CorpusError(
        .empty, "\(labelsSource): no row of \(manifestPath) carries any of its \(labels.names.count) labels")
    }
    return try finish(
      candidates, labels: labels, source: manifestPath, workers: workers, prober: prober, progress: progress)
  }

  /// Builds the index of videos that an index has which nobody has opened, or of a subset of it, by probing them.
  ///
  /// - Parameters:
  ///   - matched: keeps its labels, splits and the label drawn for each video.
  ///   - directory: of the new index; made if it is not there.
  /// - Throws: as `build` does, and `index` for one that is probed.
  package static func probe(
    _ matched: Corpus, to directory: String, workers: Int? = nil, prober: @escaping VideoProber,
    progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
  ) throws(CorpusError) -> CorpusBuildReport {
    guard !matched.isProbed else {
      throw CorpusError(.index, "\(matched.directory): its videos are probed already")
    }
    do {
      try Directory.make(directory)
    } catch {
      throw CorpusError(.index, error.description)
    }
    var builder = CorpusBuilder(directory: directory, seed: try matched.seed())
    let place = FileManager.default.currentDirectoryPath
    var candidates: [Candidate] = []
    for split in Split.allCases {
      candidates += try matched.videos(split: split).map { video in
        let isWhole = video.startFrame == 0 && video.endFrame == video.frameCount
        let file = Corpus.resolve(video.path, directory: place)
        let row = ManifestRow(
          line: video.id, file: file, hashtags: [], labels: [], split: split,
          startSeconds: isWhole ? nil : Double(video.startFrame) / 1000,
          endSeconds: isWhole || video.framesPerSecond == 0 ? nil : Double(video.endFrame) / 1000)
        return Candidate(row: row, split: split, labels: video.labels, path: file, label: video.label)
      }
    }
    builder.report.rows = candidates.count
    builder.report.labels = matched.labels.count
    return try builder.finish(
      candidates, labels: LabelList(try matched.phrasedLabels()), source: matched.directory,
      workers: workers ?? ProcessInfo.processInfo.activeProcessorCount, prober: prober, progress: progress)
  }

  /// Probes the files of the candidates and writes the index.
  private mutating func finish(
    _ candidates: [Candidate], labels: LabelList, source: String, workers: Int, prober: @escaping VideoProber,
    progress: @escaping @Sendable (Int, Int) -> Void
  ) throws(CorpusError) -> CorpusBuildReport {
    var paths: [String] = []
    var pathIndices: [String: Int] = [:]
    for candidate in candidates where pathIndices[candidate.path] == nil {
      pathIndices[candidate.path] = paths.count
      paths.append(candidate.path)
    }
    let results = ProbeCrew.probe(paths, workers: workers, prober: prober, progress: progress)
    let probed = candidates.map { (candidate: $0, result: results[pathIndices[$0.path] ?? 0]) }
    var indexRows = indexRows(probed)
    report.leftOut.sort { $0.line < $1.line }
    guard !indexRows.isEmpty else {
      let first = report.leftOut.first.map { "; line \($0.line), \($0.file): \($0.reason)" } ?? ""
      throw CorpusError(.empty, "\(source): none of its videos can be used\(first)")
    }
    IndexRow.sort(&indexRows, seed: seed)
    report.fingerprint = IndexFingerprint.compute(rows: indexRows, labels: labels.names)
    summarize(indexRows, labels: labels)
    try IndexWriter.write(
      indexRows, labels: labels.labels, hashtags: hashtagCounts(candidates), leftOut: report.leftOut, seed: seed,
      fingerprint: report.fingerprint, to: directory + "/" + Corpus.fileName)
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
  private mutating func match(_ rows: [ManifestRow], labels: LabelList) -> [Candidate] {
    var candidates: [Candidate] = []
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
        let path = Corpus.resolve(row.file, directory: directory)
        candidates.append(Candidate(row: row, split: split, labels: indices, path: path))
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
    return candidates
  }

  /// Drops labels that fewer than `minimum` videos to train on carry; a video counts for each of its labels.
  private mutating func dropRare(_ labels: inout LabelList, below minimum: Int, from candidates: inout [Candidate]) {
    var counts = Array(repeating: 0, count: labels.labels.count)
    for candidate in candidates where candidate.split == .train { for label in candidate.labels { counts[label] += 1 } }
    let kept = counts.indices.filter { counts[$0] >= minimum }
    report.labelsDropped = counts.count - kept.count
    let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    labels = LabelList(kept.map { labels.labels[$0] })
    let before = candidates.count
    candidates = candidates.compactMap { candidate in
      var candidate = candidate
      candidate.labels = candidate.labels.compactMap { places[$0] }
      return candidate.labels.isEmpty ? nil : candidate
    }
    report.unmatched += before - candidates.count
  }

  private mutating func leaveOut(_ row: ManifestRow, _ reason: String) {
    report.leftOut.append(.init(line: row.line, file: row.file, reason: reason))
  }

  private var draws: NameDraws { NameDraws(seed: seed) }

  private func name(_ row: ManifestRow) -> CounterRandom.Name { CounterRandom.Name(row.file.utf8) }

  // MARK: Index rows

  private mutating func indexRows(
    _ probed: [(candidate: Candidate, result: Result<ProbedVideo, ProbeFailure>)]
  ) -> [IndexRow] {
    var rows: [IndexRow] = []
    var transientFailures = 0
    for (candidate, result) in probed {
      switch result {
      case .failure(let failure):
        if failure.isTransient { transientFailures += 1 }
        leaveOut(candidate.row, failure.reason)
      case .success(let video):
        guard let segment = segment(candidate.row, of: video) else {
          leaveOut(candidate.row, "no frame lies in its segment")
          continue
        }
        let choice =
          candidate.label ?? candidate.labels[draws.choice(name(candidate.row), among: candidate.labels.count)]
        rows.append(
          IndexRow(
            split: candidate.split, label: choice, labels: candidate.labels,
            file: candidate.row.file, video: video, frames: segment))
      }
    }
    warnOfLongSegments(probed)
    if transientFailures > 0 {
      report.warnings.append(
        "\(transientFailures) videos were left out for reasons that may pass (see the list); build again to include them"
      )
    }
    return rows
  }

  /// Segments that end after their video, by more than annotations in whole seconds do, are used up to its end.
  private mutating func warnOfLongSegments(
    _ probed: [(candidate: Candidate, result: Result<ProbedVideo, ProbeFailure>)]
  ) {
    let long = probed.filter { candidate, result in
      guard let end = candidate.row.endSeconds, let video = try? result.get(), video.framesPerSecond > 0 else {
        return false
      }
      return end > Double(video.frameCount) / video.framesPerSecond + 1
    }
    guard let row = long.first?.candidate.row else { return }
    report.warnings.append(
      "\(long.count) segments end after their video and are used up to its end, the first: line \(row.line), \(row.file)"
    )
  }

  /// Frames of the row's segment: those whose time lies in [start, end); nil for none.
  private func segment(_ row: ManifestRow, of video: ProbedVideo) -> Range<Int>? {
    let rate = video.framesPerSecond.isFinite ? min(max(video.framesPerSecond, 0), 1e6) : 0
    func frame(_ seconds: Double) -> Int { min(Int((seconds * rate).rounded(.up)), video.frameCount) }
    let first = row.startSeconds.map(frame) ?? 0
    let end = row.endSeconds.map(frame) ?? video.frameCount
    return first < end ? first..<end : nil
  }

  private func hashtagCounts(_ candidates: [Candidate]) -> [(tag: String, videos: Int)] {
    var counts: [String: Int] = [:]
    for candidate in candidates {
      for tag in Set(candidate.row.hashtags.map(Hashtag.normalized)) where !tag.isEmpty {
        counts[tag, default: 0] += 1
      }
    }
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
  }

  private mutating func summarize(_ rows: [IndexRow], labels: LabelList) {
    report.videos = rows.count
    for split in Split.allCases { report.splits[split.rawValue] = rows.count { $0.split == split } }
    for access in FrameAccess.allCases { report.access[access.rawValue] = rows.count { $0.video.access == access } }
    let used = Set(rows.map(\.label))
    report.labelsWithoutVideos = labels.names.count - used.count
    if report.labelsWithoutVideos > 0 {
      let first = labels.names.indices.first { !used.contains($0) }.map { labels.names[$0] } ?? ""
      report.warnings.append("\(report.labelsWithoutVideos) labels have no video, the first: \"\(first)\"")
    }
    if report.splits["train"] == 0 { report.warnings.append("there is no video to train on") }
  }
}
