internal import Files
internal import Foundation

/// Makes a corpus directory of a published data set: `manifest.jsonl` and `labels.txt` from its own annotation files and the
/// videos that are there.
package struct DatasetImport {
  package enum Format: String, Sendable, CaseIterable {
    case kinetics, ucf101, hmdb51
    case epicKitchens = "epic-kitchens"
    case somethingSomething = "something-something"

    /// Of its annotation files.
    var extensions: [String] {
      switch self {
      case .kinetics, .epicKitchens: ["csv"]
      case .somethingSomething: ["json", "csv"]
      case .ucf101, .hmdb51: ["txt"]
      }
    }
  }

  /// What of EPIC-KITCHENS is the label.
  package enum LabelKind: String, Sendable, CaseIterable {
    case verb, noun, action
  }

  package struct Options: Sendable {
    /// Annotation files, or directories of them.
    package var annotations: [String]
    /// Directory of the videos, in any folders.
    package var videos: String
    /// EPIC-KITCHENS: verbs, nouns or both.
    package var labels = LabelKind.action
    /// UCF101, HMDB51: which of the three official splits, 1 to 3.
    package var splitNumber = 1
    /// EPIC-KITCHENS: participants whose segments are validation.
    package var validationParticipants: Set<String> = []

    package init(annotations: [String], videos: String) {
      (self.annotations, self.videos) = (annotations, videos)
    }
  }

  /// What `sluice corpus import` did.
  package struct Report: Sendable, Codable, Equatable {
    /// Rows of the annotations.
    package internal(set) var rows = 0
    /// Rows of the manifest.
    package internal(set) var clips = 0
    package internal(set) var splits: [String: Int] = [:]
    package internal(set) var labels = 0
    /// Rows whose video is not there.
    package internal(set) var missing = 0
    /// Rows that gave one more label to a row of the manifest.
    package internal(set) var furtherLabels = 0
    /// Rows that have been there already, or have another split than their segment has there.
    package internal(set) var duplicates = 0
    /// Rows without a label, as of test sets whose answers are kept back.
    package internal(set) var unlabelled = 0
    /// Rows that cannot be used.
    package internal(set) var rejected = 0
    /// Names of annotation files without rows to use.
    package internal(set) var passedOver: [String] = []
    /// Folders of videos that cannot be listed: their videos count as missing.
    package internal(set) var unreadable: [String] = []
  }

  /// A row of annotations.
  struct Clip {
    let place: String
    let text: String
    /// Names of the file without extension, the best first; of one with `isWhole` the segment counts.
    var names: [(stem: String, isWhole: Bool)]
    /// Folders it may be in.
    var folders: [String] = []
    let label: String
    let split: Split?
    var start: Double?
    var end: Double?
  }

  /// What an annotation file says.
  enum Finding {
    case clip(Clip)
    case unlabelled
    case reject(DatasetReject)
  }

  /// Labels in order, and what is found in the annotations.
  struct Content {
    var labels: [Label] = []
    var findings: [Finding] = []
    /// Names of annotation files without rows to use.
    var passedOver: [String] = []

    /// Adds what `body` makes of a row; nil for one without a label.
    mutating func add(_ place: String, _ text: String, _ body: () throws(MetadataMistake) -> Clip?) {
      do throws(MetadataMistake) {
        findings.append(try body().map { .clip($0) } ?? .unlabelled)
      } catch {
        findings.append(.reject(DatasetReject(place: place, reason: error.message, text: text)))
      }
    }

    /// Adds the labels of the clips, sorted by their bytes, where the data set has no list of its own.
    mutating func collectLabels(_ label: (String) -> Label) {
      let names = Set(findings.compactMap { if case .clip(let clip) = $0 { clip.label } else { nil } })
      labels = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map(label)
    }
  }

  /// Writes `manifest.jsonl` and `labels.txt` to `directory` and, if there are such rows, `missing.txt` and `rejects.txt`.
  ///
  /// - Parameter rejected: called for each row that cannot be used, or is there twice.
  /// - Throws: `manifest` for what cannot be read or written, `empty` if not one video is there.
  package static func run(
    _ format: Format, _ options: Options, to directory: String, rejected: (DatasetReject) -> Void = { _ in }
  ) throws(CorpusError) -> Report {
    let (files, others) = try annotationFiles(options.annotations, format)
    // YouTube's ids may differ by case alone.
    let tree = try VideoTree(root: options.videos, ignoresCase: format != .kinetics)
    let content =
      switch format {
      case .kinetics: try Kinetics.read(files)
      case .epicKitchens: try EpicKitchens.read(files, options)
      case .somethingSomething: try SomethingSomething.read(files)
      case .ucf101: try UCF101.read(files, split: options.splitNumber)
      case .hmdb51: try HMDB51.read(files, split: options.splitNumber)
      }
    var importer = DatasetImport()
    for finding in content.findings { importer.take(finding, tree, rejected) }
    importer.report.labels = content.labels.count
    importer.report.passedOver = others + content.passedOver
    importer.report.unreadable = tree.unreadable
    do {
      try Directory.make(directory)
      try importer.writeLists(to: directory)
      if importer.report.clips > 0 { try importer.writeManifest(content.labels, to: directory) }
    } catch {
      throw CorpusError(.manifest, "\(error)")
    }
    guard importer.report.clips > 0 else { throw importer.nothing(in: options.videos, tree, listedIn: directory) }
    return importer.report
  }

  private func nothing(in videos: String, _ tree: VideoTree, listedIn directory: String) -> CorpusError {
    let first = tree.unreadable.first.map { "\($0) cannot be read" } ?? missing.first.map { "the first: \($0)" }
    let lists = [(missing, "missing.txt"), (rejects, "rejects.txt")].filter { !$0.0.isEmpty }.map {
      "\(directory)/\($0.1)"
    }
    return CorpusError(
      .empty,
      (["\(videos): has not one video of the \(report.rows) rows of annotations"]
        + [first, lists.isEmpty ? nil : "all are in \(lists.joined(separator: " and "))"].compactMap { $0 })
        .joined(separator: "; "))
  }

  private var report = Report()
  private var manifest: [Row] = []
  private var missing: [String] = []
  private var rejects: [String] = []
  /// Places in the manifest of files and segments.
  private var places: [String: Int] = [:]

  /// A row of the manifest.
  private struct Row {
    let path: String
    var labels: [String]
    let split: Split?
    let start: Double?
    let end: Double?
    /// Where the annotations have it first.
    let place: String

    var line: String {
      var line = "{\"file\":\(ManifestLine.quoted(path)),\"hashtags\":[]"
      line += ",\"labels\":[\(labels.map(ManifestLine.quoted).joined(separator: ","))]"
      if let split { line += ",\"split\":\"\(split.rawValue)\"" }
      if let start { line += ",\"start\":\(start)" }
      if let end { line += ",\"end\":\(end)" }
      return line + "}"
    }
  }

  /// The files of annotations, and the names of others that were given.
  private static func annotationFiles(
    _ paths: [String], _ format: Format
  ) throws(CorpusError) -> (files: [String], others: [String]) {
    var (files, others): ([String], [String]) = ([], [])
    for path in paths {
      let isOfFormat = { (name: String) in format.extensions.contains((name as NSString).pathExtension) }
      if Directory.isThere(path) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        files += names.filter(isOfFormat).sorted().map { "\(path)/\($0)" }
      } else if !FileManager.default.isReadableFile(atPath: path) {
        throw CorpusError(.manifest, "\(path): cannot be read")
      } else if isOfFormat(path) {
        files.append(path)
      } else {
        others.append((path as NSString).lastPathComponent)
      }
    }
    guard !files.isEmpty else {
      let extensions = format.extensions.map { ".\($0)" }.joined(separator: ", ")
      throw CorpusError(.manifest, "\(paths[0]): no annotation file of \(format.rawValue) (\(extensions))")
    }
    return (files, others)
  }

  private mutating func take(_ finding: Finding, _ tree: VideoTree, _ rejected: (DatasetReject) -> Void) {
    report.rows += 1
    switch finding {
    case .unlabelled: report.unlabelled += 1
    case .reject(let reject):
      report.rejected += 1
      refuse(reject, rejected)
    case .clip(let clip):
      for name in clip.names {
        guard let path = tree.path(name.stem, folders: clip.folders) else { continue }
        return take(clip, path: path, isWhole: name.isWhole, rejected)
      }
      report.missing += 1
      missing.append("\(clip.names[0].stem)\t\(clip.label)\t\(clip.place)")
    }
  }

  private mutating func take(_ clip: Clip, path: String, isWhole: Bool, _ rejected: (DatasetReject) -> Void) {
    let (start, end) = isWhole ? (clip.start, clip.end) : (nil, nil)
    let key = "\(start ?? 0) \(end ?? -1) \(path)"
    guard let first = places[key] else {
      places[key] = manifest.count
      manifest.append(
        Row(path: path, labels: [clip.label], split: clip.split, start: start, end: end, place: clip.place))
      if let split = clip.split { report.splits[split.rawValue, default: 0] += 1 }
      report.clips += 1
      return
    }
    let isOfSplit = manifest[first].split == clip.split
    if isOfSplit, !manifest[first].labels.contains(clip.label) {
      manifest[first].labels.append(clip.label)
      report.furtherLabels += 1
    } else {
      let reason =
        "the same file and segment as \(manifest[first].place)" + (isOfSplit ? "" : ", which is of another split")
      report.duplicates += 1
      refuse(DatasetReject(place: clip.place, reason: reason, text: clip.text), rejected)
    }
  }

  private mutating func refuse(_ reject: DatasetReject, _ rejected: (DatasetReject) -> Void) {
    rejected(reject)
    rejects.append("\(reject.place): \(reject.reason)\t\(reject.text)")
  }

  private func writeManifest(_ labels: [Label], to directory: String) throws(FileError) {
    try Self.write([("labels.txt", labels.map(\.line)), ("manifest.jsonl", manifest.map(\.line))], to: directory)
  }

  /// What is not in the manifest.
  private func writeLists(to directory: String) throws(FileError) {
    try Self.write([("missing.txt", missing), ("rejects.txt", rejects)], to: directory)
  }

  private static func write(_ files: [(name: String, lines: [String])], to directory: String) throws(FileError) {
    for (name, lines) in files {
      let path = "\(directory)/\(name)"
      if lines.isEmpty {
        try? FileManager.default.removeItem(atPath: path)
      } else {
        try OutputFile.replace(path, with: lines.joined(separator: "\n").utf8 + [UInt8(ascii: "\n")])
      }
    }
  }
}

extension Split {
  /// The official name of a split, or part of a file's name.
  init?(official name: String) {
    let name = name.lowercased()
    if name.contains("train") {
      self = .train
    } else if name.contains("val") {
      self = .validation
    } else if name.contains("test") || name.contains("holdout") {
      self = .test
    } else {
      return nil
    }
  }
}
