internal import Files
internal import Foundation

/// Opens the files of candidates and writes the index of them: what `corpus build` and `corpus probe` have in common.
///
/// The candidates are put in the order of the index on the disk, and their files opened in that order by several threads, so that
/// each row is written when its file is opened, and memory holds a few of them, whatever their number. A process that dies leaves
/// what it committed in the directory `corpus.sqlite.building` beside the index; the next with the same candidates goes on behind it.
struct OpeningPass {
  /// How files are opened.
  struct Settings {
    /// Threads; nil for one a core.
    let workers: Int?
    let prober: VideoProber
    /// Between commits.
    let interval: Duration
    /// Gets the path of what is begun anew, and why.
    let warn: (_ path: String, _ reason: String) -> Void
    /// Candidates that are dealt with, and all; an error of it interrupts.
    let progress: (Int, Int) throws -> Void
  }

  /// What an index has beside the rows of candidates.
  struct Content {
    let seed: UInt64
    let labels: [Label]
    /// And the number of videos that carry each; nil if it is not known.
    var hashtags: [(tag: String, videos: Int)]?

    var settings: [String: String] {
      ["seed": String(seed), "probed": "1"].merging(hashtags == nil ? ["hashtags": "unknown"] : [:]) { $1 }
    }
  }

  /// A group of candidates on its way through the threads.
  private struct Piece: Sendable {
    let group: [Candidate]
    /// Nil if the file is known, or is being opened for a group before.
    let path: String?
    var result: Result<ProbedVideo, ProbeFailure>?
  }

  /// Groups under way for each thread: a file that takes long keeps those behind it waiting.
  private static let ahead = 32
  /// Tries of a file whose failure may pass.
  private static let attempts = 3

  private let directory: String
  private let work: String
  /// Of `work`.
  private let lock: DirectoryLock
  private var candidates: CandidateSort

  /// - Throws: `FileError`, and `index` while another process builds there.
  init(in directory: String) throws {
    self.directory = directory
    let path = directory + "/" + Corpus.fileName
    guard !Directory.isThere(path) else { throw FileError("replace", path, number: EISDIR) }
    work = directory + "/corpus.sqlite.building"
    guard let lock = try DirectoryLock.take(work) else {
      throw CorpusError(
        .index, "\(work): another process builds the index; wait for its end, or write to another place")
    }
    self.lock = lock
    candidates = CandidateSort(path: work + "/candidates")
  }

  mutating func add(_ candidate: Candidate) throws { try candidates.append(candidate) }

  /// Opens the files of what was added, and gives the index its name.
  ///
  /// - Parameter report: has what was left out before, and gets the rest.
  /// - Throws: `empty` if no video can be used.
  mutating func run(_ content: Content, _ settings: Settings, source: String, report: inout CorpusBuildReport) throws {
    let path = "\(work)/\(Corpus.fileName)"
    do {
      let key = try candidates.finish(
        ["\(IndexWriter.version) \(content.seed)"] + content.labels.map(\.line)
          + report.leftOut.flatMap { ["\($0.line)", $0.file, $0.reason] })
      try PartialIndex.write(
        in: work, key: key, labels: content.labels, leftOut: report.leftOut, warn: settings.warn
      ) { index in
        report.before = index.done
        try open(settings, &index)
        try index.finish(
          labels: content.labels.map(\.name), hashtags: content.hashtags ?? [],
          settings: content.settings, into: &report)
      }
      if report.videos > 0 { try Directory.replace("\(directory)/\(Corpus.fileName)", by: path) }
    } catch {
      throw IndexWriter.error(error, path: path)
    }
    try? FileManager.default.removeItem(atPath: work)
    guard report.videos > 0 else {
      let first = report.leftOut.first.map { "; line \($0.line), \($0.file): \($0.reason)" } ?? ""
      throw CorpusError(.empty, "\(source): none of its videos can be used\(first)")
    }
  }

  private func open(_ settings: Settings, _ index: inout PartialIndex) throws {
    let prober = settings.prober
    var groups = try candidates.groups(skipping: index.done)
    /// Files that are being opened.
    var opening: Set<String> = []
    var committed = ContinuousClock.now
    try settings.progress(index.done, candidates.count)
    let workers = settings.workers ?? ProcessInfo.processInfo.activeProcessorCount
    try OrderedCrew<Piece, Piece>.run(
      workers: max(1, min(workers, candidates.count - index.done)), ahead: Self.ahead
    ) {
      guard let group = try groups.next() else { return nil }
      let file = group[0].file
      guard try !opening.contains(file) && index.known(group[0]) == nil else { return Piece(group: group, path: nil) }
      opening.insert(file)
      return Piece(group: group, path: Corpus.resolve(file, directory: directory))
    } worker: { [prober] in
      { piece in
        var piece = piece
        piece.result = piece.path.map { Self.probe($0, prober) }
        return piece
      }
    } consume: { piece in
      let file = piece.group[0].file
      let known = try index.known(piece.group[0])
      // A file none of whose segments has had a frame is not known.
      let result = known?.result ?? piece.result ?? Self.probe(Corpus.resolve(file, directory: directory), prober)
      try index.append(piece.group, result, known: known)
      if piece.result != nil { opening.remove(file) }
      if ContinuousClock.now - committed >= settings.interval {
        try index.commit()
        committed = .now
      }
      try settings.progress(index.done, candidates.count)
    }
    try index.commit()
  }

  private static func probe(_ path: String, _ prober: VideoProber) -> Result<ProbedVideo, ProbeFailure> {
    var failure = ProbeFailure(reason: "not probed", isTransient: true)
    for _ in 0..<attempts where failure.isTransient {
      do {
        return .success(try prober(path))
      } catch {
        failure = error
      }
    }
    return .failure(failure)
  }
}
